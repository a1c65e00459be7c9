package notifyapi

import (
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/notify/schedule"
	"switchboard/internal/web"
)

// exception is a schedule.Exception on the wire: for one date, from one date to another (both included), or from one
// instant to another (the second excluded).
type exception struct {
	Date   *moment `json:"date,omitempty" doc:"A day in the zone of the schedule, in place of from and to"`
	From   *moment `json:"from,omitempty" doc:"The first day, or an instant"`
	To     *moment `json:"to,omitempty" doc:"The last day, or the instant at which it is over"`
	Active bool    `json:"active" doc:"What the schedule is then, whatever the hours say"`
	Slots  []span  `json:"slots,omitempty" maxItems:"10" doc:"Parts of each day that it holds for; absent: all day. Not with instants"`
}

type span struct {
	Start schedule.Clock `json:"start"`
	End   schedule.Clock `json:"end"`
}

// moment is a day (YYYY-MM-DD) or an instant.
type moment struct {
	day     schedule.Date
	instant time.Time // zero: it is a day
}

var errMoment = errors.New("neither a date (2026-12-24) nor an instant (2026-12-24T18:00:00Z)")

// UnmarshalText reads either.
func (m *moment) UnmarshalText(text []byte) error {
	if day, err := schedule.ParseDate(string(text)); err == nil {
		*m = moment{day: day}
		return nil
	}
	at, err := web.ParseTime(string(text))
	if err != nil {
		return errMoment
	}
	*m = moment{instant: at}
	return nil
}

// MarshalText writes what was read.
func (m moment) MarshalText() ([]byte, error) {
	if m.isDay() {
		return m.day.MarshalText()
	}
	return []byte(m.instant.UTC().Format(web.TimeLayout)), nil
}

// Schema is that of either.
func (moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "A date (2026-12-24) or an instant (2026-12-24T18:00:00Z)."}
}

func (m moment) isDay() bool { return m.instant.IsZero() }

// decodeExceptions gathers what does not fit together; whether the times make sense is checked by the rules.
func decodeExceptions(list []exception) ([]schedule.Exception, error) {
	var f errs.Fields
	out := make([]schedule.Exception, len(list))
	for i, e := range list {
		out[i] = e.decode(&f, fmt.Sprintf("exceptions[%d]", i))
	}
	return out, f.Err()
}

func (e exception) decode(f *errs.Fields, path string) schedule.Exception {
	out := schedule.Exception{Active: e.Active}
	from, to := e.From, e.To
	switch {
	case e.Date != nil && (from != nil || to != nil):
		f.Add(path+".date", "cannot stand beside from and to")
		return out
	case e.Date != nil && !e.Date.isDay():
		f.Add(path+".date", "must be a date (YYYY-MM-DD)")
		return out
	case e.Date != nil:
		from, to = e.Date, e.Date
	case from == nil && to == nil:
		f.Add(path+".date", "is required, or from and to")
		return out
	case from == nil:
		f.Require(path + ".from")
		return out
	case to == nil:
		f.Require(path + ".to")
		return out
	case from.isDay() != to.isDay():
		f.Add(path+".to", "must be a date or an instant, as from is")
		return out
	}
	if from.isDay() {
		out.Days = &schedule.Days{From: from.day, To: to.day}
		for _, s := range e.Slots {
			out.Days.Slots = append(out.Days.Slots, schedule.Span(s))
		}
		return out
	}
	if len(e.Slots) > 0 {
		f.Add(path+".slots", "cannot stand beside instants")
	}
	out.Start, out.End = from.instant, to.instant
	return out
}

func encodeException(e schedule.Exception) exception {
	out := exception{Active: e.Active}
	if e.Days == nil {
		out.From, out.To = &moment{instant: e.Start}, &moment{instant: e.End}
		return out
	}
	if e.Days.From == e.Days.To {
		out.Date = &moment{day: e.Days.From}
	} else {
		out.From, out.To = &moment{day: e.Days.From}, &moment{day: e.Days.To}
	}
	for _, s := range e.Days.Slots {
		out.Slots = append(out.Slots, span(s))
	}
	return out
}
