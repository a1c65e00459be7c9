package notify

import (
	"time"

	"switchboard/internal/id"
	"switchboard/internal/notify/schedule"
	"switchboard/internal/reason"
)

// Subject is what a plan decides about.
type Subject struct {
	TopicID, SiteID id.ID
	At              time.Time
}

// Candidate is a group that a plan decides for, with the rules of its schedule.
type Candidate struct {
	Group     Group
	Timetable schedule.Timetable
}

// Decision is what a plan says of one group.
type Decision struct {
	GroupID        id.ID
	GroupName      string
	Mute           Mute
	ScheduleActive bool
	Muted          bool          // the group keeps silent at that instant, whatever the subject
	Reason         reason.Reason // reason.OK: it delivers; otherwise why not, and then for all of its people
	People         []Verdict     // one for each notifiable, in the group's order
}

// Verdict is what a plan says of one notifiable.
type Verdict struct {
	Notifiable
	Reason reason.Reason // reason.OK: they are told
}

// Delivers tells whether the person is to be told.
func (v Verdict) Delivers() bool { return v.Reason == reason.OK }

// Plan decides for each candidate, in order, whether it delivers, and to whom. It is the one place where that is decided,
// for alerts that are routed and for questions about what would happen. A person whom an earlier candidate tells by a
// channel is not told by it again; that is reason.Duplicate.
//
// It is a pure function: nothing but its arguments counts, and it changes none of them.
func Plan(s Subject, candidates []Candidate, active map[id.ID]bool) []Decision {
	out := make([]Decision, len(candidates))
	told := map[Notifiable]bool{}
	for i, c := range candidates {
		out[i] = decide(s, c)
		out[i].People = make([]Verdict, len(c.Group.Notifiables))
		for j, n := range c.Group.Notifiables {
			v := Verdict{n, out[i].Reason}
			switch {
			case !v.Delivers():
			case !active[n.UserID]:
				v.Reason = reason.UserInactive
			case told[n]:
				v.Reason = reason.Duplicate
			default:
				told[n] = true
			}
			out[i].People[j] = v
		}
	}
	return out
}

// decide is Plan for a group as a whole.
func decide(s Subject, c Candidate) Decision {
	g := c.Group
	scheduleActive := c.Timetable.Active(s.At)
	silence := g.Mute.silence(scheduleActive)
	d := Decision{
		GroupID: g.ID, GroupName: g.Name, Mute: g.Mute,
		ScheduleActive: scheduleActive, Muted: silence != reason.OK, Reason: silence,
	}
	switch {
	case !g.subscribes(s.TopicID):
		d.Reason = reason.NotSubscribed
	case !g.covers(s.SiteID):
		d.Reason = reason.SiteNotCovered
	}
	return d
}

// Text says in one sentence, in the words of notification groups, what v means.
func (d Decision) Text(v Verdict) string {
	switch v.Reason {
	case reason.NotSubscribed:
		return "The group is not about this topic."
	case reason.SiteNotCovered:
		return "The group does not cover this site."
	case reason.MutedAlways:
		return "The group is muted until somebody changes its mute."
	case reason.MutedBySchedule:
		if d.Mute == MuteScheduleActive {
			return "The group delivers while its schedule is active, and at this time it is not."
		}
		return "The group delivers while its schedule is inactive, and at this time it is active."
	case reason.Duplicate:
		return "Another group tells the person of the same by the same channel."
	default:
		return v.Reason.Text()
	}
}

// notices turns decisions into what the outbox records: one notice for each verdict, suppressed ones included.
func notices(decisions []Decision) []Notice {
	n := 0
	for _, d := range decisions {
		n += len(d.People)
	}
	out := make([]Notice, 0, n)
	for _, d := range decisions {
		for _, v := range d.People {
			notice := Notice{UserID: v.UserID, GroupID: d.GroupID, Channel: v.Channel}
			if !v.Delivers() {
				notice.Skip = v.Reason
			}
			out = append(out, notice)
		}
	}
	return out
}
