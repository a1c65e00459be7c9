package schedule

import (
	"fmt"

	"switchboard/internal/errs"
)

// Limits of a timetable.
const (
	MaxSlots          = 50 // of the week
	MaxExceptions     = 100
	MaxExceptionSlots = 10 // of one exception
)

// Validate records what is wrong with the hours and the exceptions, at "hours[i]…" and "exceptions[i]…". The zone is
// checked by LoadZone.
func (t Timetable) Validate(f *errs.Fields) {
	if len(t.Hours) > MaxSlots {
		f.Add("hours", "must have at most %d elements", MaxSlots)
	}
	for i, s := range t.Hours {
		s.validate(f, fmt.Sprintf("hours[%d]", i))
	}
	if len(t.Exceptions) > MaxExceptions {
		f.Add("exceptions", "must have at most %d elements", MaxExceptions)
	}
	for i, e := range t.Exceptions {
		e.validate(f, fmt.Sprintf("exceptions[%d]", i))
	}
}

func (s Span) validate(f *errs.Fields, path string) {
	if s.Start >= Midnight {
		f.Add(path+".start", "must be before 24:00")
	}
	if s.Start == s.End {
		f.Add(path+".end", "must differ from start; a whole day is 00:00 to 24:00")
	}
}

func (e Exception) validate(f *errs.Fields, path string) {
	switch {
	case e.Days == nil && !e.Start.Before(e.End):
		f.Add(path+".to", "must be after from")
	case e.Days != nil && e.Days.From > e.Days.To:
		f.Add(path+".to", "must not be before from")
	}
	if e.Days == nil {
		return
	}
	if len(e.Days.Slots) > MaxExceptionSlots {
		f.Add(path+".slots", "must have at most %d elements", MaxExceptionSlots)
	}
	for i, s := range e.Days.Slots {
		s.validate(f, fmt.Sprintf("%s.slots[%d]", path, i))
	}
}
