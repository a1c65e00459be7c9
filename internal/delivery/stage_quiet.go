package delivery

import (
	"sync"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/notify/schedule"
	"switchboard/internal/reason"
)

// quiet: it is not the person's quiet time for this transport, by the clock on the wall where the person is.
func quiet(c *sendCase) verdict {
	p := c.user.Preferences[string(c.transport)]
	if len(p.QuietHours) == 0 || (c.urgent && p.UrgentOverride) {
		return pass()
	}
	end, isQuiet := quietUntil(schedule.Timetable{Zone: c.zones.load(c.user.TZ), Hours: slots(p.QuietHours)}, c.now)
	if !isQuiet {
		return pass()
	}
	if !c.expiresAt.IsZero() && c.expiresAt.Before(end) {
		end = c.expiresAt
	}
	return hold(reason.QuietHours, end)
}

// longestHold bounds how far ahead the end of quiet hours is looked for. Who has a quiet week is asked again then.
const longestHold = 8 * 24 * time.Hour

// quietUntil tells whether it is quiet and until when, hours that follow each other taken as one.
func quietUntil(t schedule.Timetable, now time.Time) (end time.Time, isQuiet bool) {
	if !t.Active(now) {
		return time.Time{}, false
	}
	return t.Intervals(now, now.Add(longestHold))[0].End, true
}

// slots reads quiet hours. One that is no time is left out: to be told at night is better than never.
func slots(hours []directory.QuietHour) []schedule.Slot {
	out := make([]schedule.Slot, 0, len(hours))
	for _, h := range hours {
		day, err1 := schedule.ParseDay(h.Day)
		start, err2 := schedule.ParseClock(h.Start)
		end, err3 := schedule.ParseClock(h.End)
		if err1 == nil && err2 == nil && err3 == nil {
			out = append(out, schedule.Slot{Day: day, Span: schedule.Span{Start: start, End: end}})
		}
	}
	return out
}

// zones keeps time zones once they were read from the zone files, of which there are some hundreds. It is safe for
// concurrent use, and the zero value is ready.
type zones struct{ known sync.Map }

// load returns a zone, and UTC for a name that is none: the directory stores no such name, but the zone files of
// another machine may lack one.
func (z *zones) load(name string) *time.Location {
	if zone, ok := z.known.Load(name); ok {
		return zone.(*time.Location) //nolint:forcetypeassert // nothing else is stored
	}
	zone, err := schedule.LoadZone(name)
	if err != nil {
		zone = time.UTC
	}
	z.known.Store(name, zone)
	return zone
}
