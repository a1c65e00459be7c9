package schedule

import (
	"cmp"
	"slices"
	"time"
)

// Interval is a stretch of time from Start, inclusive, to End, exclusive, in UTC.
type Interval struct{ Start, End time.Time }

// Intervals returns when the timetable is active from an instant, inclusive, to another, exclusive: in order, as few as
// possible, none empty. An instant of that time is Active exactly when it lies in one of them.
//
// The cost grows with the number of days between, times the number of slots.
func (t Timetable) Intervals(from, to time.Time) []Interval {
	if !from.Before(to) {
		return nil
	}
	stretches := t.stretches(from, to)
	active := merge(project(stretches, nil, func(d Date) []Span { return t.spansOf(d.Weekday()) }))
	for _, e := range t.Exceptions {
		theirs := merge(e.project(stretches))
		if e.Active {
			active = merge(append(active, theirs...))
		} else {
			active = subtract(active, theirs)
		}
	}
	return clip(active, from, to)
}

// spansOf returns the spans that start on a day of the week.
func (t Timetable) spansOf(day Day) []Span {
	var out []Span
	for _, s := range t.Hours {
		if s.Day == day {
			out = append(out, s.Span)
		}
	}
	return out
}

func (e Exception) project(stretches []stretch) []seconds {
	if e.Days == nil {
		return []seconds{{e.Start.Unix(), e.End.Unix()}}
	}
	spans := e.Days.Slots
	if len(spans) == 0 {
		spans = []Span{{0, Midnight}}
	}
	return project(stretches, e.Days, func(Date) []Span { return spans })
}

// seconds is an interval in seconds since the beginning of 1970 UTC, the end excluded.
type seconds struct{ start, end int64 }

// stretch is a time in which the zone keeps one offset from UTC, so that wall time runs evenly in it.
type stretch struct {
	seconds
	offset int64
}

// stretches cuts the time between two instants where the zone changes its offset.
func (t Timetable) stretches(from, to time.Time) []stretch {
	var out []stretch
	limit := ceil(to)
	for at := from.Unix(); at < limit; {
		local := time.Unix(at, 0).In(t.Zone)
		_, offset := local.Zone()
		end := limit
		if _, change := local.ZoneBounds(); !change.IsZero() {
			end = min(limit, change.Unix())
		}
		out = append(out, stretch{seconds{at, end}, int64(offset)})
		at = end
	}
	return out
}

// project lays the spans of each day onto the stretches. Days that a span may start on begin one before a stretch,
// because a span can cross midnight; within limits them when it is set.
func project(stretches []stretch, within *Days, spans func(Date) []Span) []seconds {
	var out []seconds
	for _, s := range stretches {
		first, last := wallAt(s.start+s.offset).day-1, wallAt(s.end+s.offset).day
		if within != nil {
			first, last = max(first, within.From), min(last, within.To)
		}
		for day := first; day <= last; day++ {
			midnight := int64(day)*daySeconds - s.offset
			for _, span := range spans(day) {
				end := midnight + span.End.seconds()
				if span.overnight() {
					end += daySeconds
				}
				i := seconds{max(s.start, midnight+span.Start.seconds()), min(s.end, end)}
				if i.start < i.end {
					out = append(out, i)
				}
			}
		}
	}
	return out
}

// merge orders intervals and joins those that overlap or touch.
func merge(list []seconds) []seconds {
	slices.SortFunc(list, func(a, b seconds) int { return cmp.Compare(a.start, b.start) })
	out := list[:0]
	for _, i := range list {
		if n := len(out); n > 0 && i.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, i.end)
			continue
		}
		out = append(out, i)
	}
	return out
}

// subtract takes the second merged list out of the first.
func subtract(from, what []seconds) []seconds {
	out := make([]seconds, 0, len(from))
	for _, i := range from {
		for len(what) > 0 && what[0].end <= i.start {
			what = what[1:]
		}
		for _, w := range what {
			if w.start >= i.end {
				break
			}
			if i.start < w.start {
				out = append(out, seconds{i.start, w.start})
			}
			i.start = max(i.start, w.end)
		}
		if i.start < i.end {
			out = append(out, i)
		}
	}
	return out
}

// clip cuts what whole seconds have rounded out.
func clip(list []seconds, from, to time.Time) []Interval {
	out := make([]Interval, 0, len(list))
	for _, s := range list {
		i := Interval{time.Unix(s.start, 0).UTC(), time.Unix(s.end, 0).UTC()}
		if i.Start.Before(from) {
			i.Start = from.UTC()
		}
		if i.End.After(to) {
			i.End = to.UTC()
		}
		if i.Start.Before(i.End) {
			out = append(out, i)
		}
	}
	return out
}

// ceil rounds an instant up to whole seconds.
func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
