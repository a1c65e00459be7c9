package notify

import (
	"context"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/reason"
)

// ExplainParams asks what would become of an alert.
type ExplainParams struct {
	Topic    TopicRef
	SiteID   id.ID
	Severity Severity  // empty: medium
	At       time.Time // any instant; zero: now
}

// Explanation is what a group would do with an alert at an instant.
type Explanation struct {
	GroupID        id.ID
	At             time.Time
	ScheduleActive bool
	Muted          bool
	People         []Answer // one for each notifiable, in the group's order; users who are not active included
}

// Answer says whether one notifiable would be told, and why not.
type Answer struct {
	Notifiable
	Deliver bool
	Reason  reason.Reason
	Text    string // Reason in a sentence
}

// ExplainGroup tells what the group would do. It sends and changes nothing: the decision is Plan's, which routes alerts
// too, followed by what the sending stages would say. NotFound; Invalid: topic or site is missing or unknown.
func (s *Service) ExplainGroup(ctx context.Context, group id.ID, p ExplainParams) (Explanation, error) {
	a, err := mayRead(ctx, scopeGroups)
	if err != nil {
		return Explanation{}, err
	}
	g, err := s.store.GetGroup(ctx, a.OrganizationID, group)
	if err != nil {
		return Explanation{}, err
	}
	topic, err := s.checkExplain(ctx, a.OrganizationID, &p)
	if err != nil {
		return Explanation{}, err
	}
	candidates, err := s.candidates(ctx, a.OrganizationID, []Group{g})
	if err != nil {
		return Explanation{}, err
	}
	active, err := s.activeUsers(ctx, a.OrganizationID, usersOf(g.Notifiables))
	if err != nil {
		return Explanation{}, err
	}
	d := Plan(Subject{TopicID: topic.ID, SiteID: p.SiteID, At: p.At}, candidates, active)[0]
	if err := s.forecast(ctx, a.OrganizationID, &d, p); err != nil {
		return Explanation{}, err
	}
	out := Explanation{GroupID: g.ID, At: p.At, ScheduleActive: d.ScheduleActive, Muted: d.Muted}
	for _, v := range d.People {
		out.People = append(out.People, Answer{v.Notifiable, v.Delivers(), v.Reason, d.Text(v)})
	}
	return out, nil
}

// checkExplain fills in the defaults of p and gathers what is wrong with it.
func (s *Service) checkExplain(ctx context.Context, organization id.ID, p *ExplainParams) (Topic, error) {
	if p.At.IsZero() {
		p.At = s.now()
	}
	if p.Severity == "" {
		p.Severity = Medium
	}
	var f errs.Fields
	errs.OneOf(&f, "severity", p.Severity, Severities()...)
	topic, err := s.namedTopic(ctx, organization, p.Topic, &f)
	if err != nil {
		return Topic{}, err
	}
	if _, err := s.namedSite(ctx, organization, p.SiteID, &f); err != nil {
		return Topic{}, err
	}
	return topic, f.Err()
}

// forecast replaces the verdicts of those who would be told by what the sending stages would say.
func (s *Service) forecast(ctx context.Context, organization id.ID, d *Decision, p ExplainParams) error {
	var people []Notifiable
	for _, v := range d.People {
		if v.Delivers() {
			people = append(people, v.Notifiable)
		}
	}
	if len(people) == 0 {
		return nil
	}
	reasons, err := s.outbox.Explain(ctx, organization, people, p.Severity.Urgent(), p.At)
	if err != nil {
		return err
	}
	for i, v := range d.People {
		if r := reasons[v.Notifiable]; v.Delivers() && r != "" {
			d.People[i].Reason = r
		}
	}
	return nil
}

// GroupTest is a test of a group.
type GroupTest struct {
	ID, GroupID id.ID
	CreatedAt   time.Time
	Deliveries  []Delivery
}

// TestGroup sends one message that says it is a test to each notifiable of a group now, muted or not. NotFound: there is
// no such group. One transaction.
func (s *Service) TestGroup(ctx context.Context, group id.ID) (GroupTest, error) {
	a, err := mayWrite(ctx, scopeGroups)
	if err != nil {
		return GroupTest{}, err
	}
	out := GroupTest{ID: id.New(), GroupID: group, CreatedAt: s.now()}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		g, err := s.store.GetGroup(ctx, a.OrganizationID, group)
		if err != nil {
			return err
		}
		active, err := s.activeUsers(ctx, a.OrganizationID, usersOf(g.Notifiables))
		if err != nil {
			return err
		}
		people := make([]Notice, len(g.Notifiables))
		for i, n := range g.Notifiables {
			people[i] = Notice{UserID: n.UserID, GroupID: g.ID, Channel: n.Channel}
		}
		skipInactive(people, active)
		if err := s.outbox.Enqueue(ctx, testContent(g, out), people); err != nil {
			return err
		}
		return s.events.Record(ctx, event.Change{
			OrganizationID: a.OrganizationID, Type: "notify.group.tested", Subject: g.ID,
			Data: map[string]any{"group-id": g.ID, "name": g.Name, "test-id": out.ID},
		})
	})
	if err != nil {
		return GroupTest{}, err
	}
	out.Deliveries, err = s.outbox.Ledger(ctx, a.OrganizationID, Source{SourceGroupTest, out.ID})
	return out, err
}

// testLife is how long a test message is worth sending.
const testLife = time.Hour

func testContent(g Group, t GroupTest) Content {
	return Content{
		Source: Source{SourceGroupTest, t.ID}, OrganizationID: g.OrganizationID,
		Title: "Notification group " + g.Name,
		Body:  "This is only a test: it shows that the group reaches you this way. Nothing has happened.",
		Data:  map[string]any{"test": true, "group_id": g.ID.String(), "group_name": g.Name},
		At:    t.CreatedAt, ExpiresAt: t.CreatedAt.Add(testLife),
	}
}

// skipInactive marks the notices for users to whom nothing may be delivered.
func skipInactive(notices []Notice, active map[id.ID]bool) {
	for i, n := range notices {
		if !active[n.UserID] {
			notices[i].Skip = reason.UserInactive
		}
	}
}
