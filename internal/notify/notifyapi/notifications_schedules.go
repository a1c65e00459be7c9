package notifyapi

import (
	"context"

	"switchboard/internal/notify"
	"switchboard/internal/notify/schedule"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
)

// Schedules are the endpoints of the timetables that groups are muted by.
type Schedules struct{ notify *notify.Service }

type sched struct {
	ID         scheduleID     `json:"id" nullable:"false"`
	Name       string         `json:"name"`
	Timezone   string         `json:"timezone"`
	Active     bool           `json:"active"`
	Hours      []slot         `json:"hours"`
	Exceptions []exception    `json:"exceptions"`
	Metadata   []pair         `json:"metadata"`
	CreatedAt  plainjson.Time `json:"created_at" nullable:"false"`
	UpdatedAt  plainjson.Time `json:"updated_at" nullable:"false"`
}

type slot struct {
	Day   schedule.Day   `json:"day" doc:"sunday to saturday: the day that the slot starts on"`
	Start schedule.Clock `json:"start" doc:"HH:mm on the wall, in the zone of the schedule"`
	End   schedule.Clock `json:"end" doc:"HH:mm, or 24:00. Before the start: on the next day"`
}

type pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type pairChange struct {
	Key   string  `json:"key" minLength:"1" maxLength:"255"`
	Value *string `json:"value,omitempty" maxLength:"4096" doc:"null deletes the key"`
}

type newSchedule struct {
	Name       string       `json:"name" minLength:"1" maxLength:"200"`
	Timezone   *string      `json:"timezone,omitempty" doc:"IANA; absent: the organization's"`
	Hours      []slot       `json:"hours,omitempty" maxItems:"50"`
	Exceptions []exception  `json:"exceptions,omitempty" maxItems:"100" doc:"A later one overrides those before it"`
	Metadata   []pairChange `json:"metadata,omitempty" maxItems:"50"`
}

type scheduleChange struct {
	Name       web.Opt[string]      `json:"name,omitzero" minLength:"1" maxLength:"200"`
	Timezone   web.Opt[string]      `json:"timezone,omitzero"`
	Hours      web.Opt[[]slot]      `json:"hours,omitzero" maxItems:"50" doc:"Replaced as a whole"`
	Exceptions web.Opt[[]exception] `json:"exceptions,omitzero" maxItems:"100" doc:"Replaced as a whole"`
	Metadata   []pairChange         `json:"metadata,omitempty" maxItems:"100" doc:"Merged into what is there"`
}

type schedules struct {
	Data []sched `json:"data"`
}

type bySchedule struct {
	ID scheduleID `path:"id"`
}

type previewQuery struct {
	ID   scheduleID     `path:"id"`
	From plainjson.Time `query:"from" doc:"Absent: now"`
	To   plainjson.Time `query:"to" doc:"At most 400 days after from; absent: a week after it"`
}

type preview struct {
	Timezone string         `json:"timezone"`
	From     plainjson.Time `json:"from" nullable:"false"`
	To       plainjson.Time `json:"to" nullable:"false"`
	Active   []interval     `json:"active"`
}

type interval struct {
	Start plainjson.Time `json:"start" nullable:"false"`
	End   plainjson.Time `json:"end" nullable:"false"`
}

// Mount registers the endpoints.
func (h *Schedules) Mount(r *plainjson.Router) {
	plainjson.Do(r, "GET /chrono/schedules", h.list, web.Summary("List schedules"))
	plainjson.Create(r, "POST /chrono/schedules", h.create, web.Summary("Create a schedule"))
	plainjson.Get(r, "GET /chrono/schedules/{id}", h.get, web.Summary("Get a schedule"))
	plainjson.Update(r, "PUT /chrono/schedules/{id}", h.update, web.Summary("Update a schedule"), web.Doc("Leaves what is omitted unchanged."))
	plainjson.Delete(r, "DELETE /chrono/schedules/{id}", h.delete, web.Summary("Delete a schedule"), web.Doc("Refused while a notification group uses it."))
	plainjson.Get(r, "GET /chrono/schedules/{id}/preview", h.preview, web.Summary("Show when a schedule is active"))
}

func encodeSchedule(s notify.Schedule) sched {
	out := sched{
		ID: plainjson.Of[ofSchedule](s.ID), Name: s.Name, Timezone: s.Timezone, Active: s.Active, Hours: make([]slot, len(s.Hours)),
		Exceptions: make([]exception, len(s.Exceptions)), Metadata: make([]pair, len(s.Metadata)),
		CreatedAt: plainjson.At(s.CreatedAt), UpdatedAt: plainjson.At(s.UpdatedAt),
	}
	for i, v := range s.Hours {
		out.Hours[i] = slot{v.Day, v.Start, v.End}
	}
	for i, e := range s.Exceptions {
		out.Exceptions[i] = encodeException(e)
	}
	for i, p := range s.Metadata {
		out.Metadata[i] = pair(p)
	}
	return out
}

func decodeSlots(slots []slot) []schedule.Slot {
	out := make([]schedule.Slot, len(slots))
	for i, s := range slots {
		out[i] = schedule.Slot{Day: s.Day, Span: schedule.Span{Start: s.Start, End: s.End}}
	}
	return out
}

func decodePairs(pairs []pairChange) []notify.PairChange {
	out := make([]notify.PairChange, len(pairs))
	for i, p := range pairs {
		out[i] = notify.PairChange(p)
	}
	return out
}

func (h *Schedules) list(ctx context.Context, _ *struct{}) (schedules, error) {
	list, err := h.notify.ListSchedules(ctx)
	out := schedules{make([]sched, len(list))}
	for i, s := range list {
		out.Data[i] = encodeSchedule(s)
	}
	return out, err
}

func (h *Schedules) create(ctx context.Context, in newSchedule) (sched, error) {
	exceptions, err := decodeExceptions(in.Exceptions)
	if err != nil {
		return sched{}, err
	}
	hours := decodeSlots(in.Hours)
	s, err := h.notify.CreateSchedule(ctx, notify.ScheduleParams{
		Name: &in.Name, Timezone: in.Timezone, Hours: &hours, Exceptions: &exceptions, Metadata: decodePairs(in.Metadata),
	})
	return encodeSchedule(s), err
}

func (h *Schedules) get(ctx context.Context, in *bySchedule) (sched, error) {
	s, err := h.notify.GetSchedule(ctx, in.ID.ID)
	return encodeSchedule(s), err
}

func (h *Schedules) update(ctx context.Context, i scheduleID, in scheduleChange) (sched, error) {
	p := notify.ScheduleParams{Name: given(in.Name), Timezone: given(in.Timezone), Metadata: decodePairs(in.Metadata)}
	if hours := given(in.Hours); hours != nil {
		p.Hours = new(decodeSlots(*hours))
	}
	if list := given(in.Exceptions); list != nil {
		exceptions, err := decodeExceptions(*list)
		if err != nil {
			return sched{}, err
		}
		p.Exceptions = &exceptions
	}
	s, err := h.notify.UpdateSchedule(ctx, i.ID, p)
	return encodeSchedule(s), err
}

func (h *Schedules) delete(ctx context.Context, i scheduleID) error {
	return h.notify.DeleteSchedule(ctx, i.ID)
}

func (h *Schedules) preview(ctx context.Context, in *previewQuery) (preview, error) {
	p, err := h.notify.PreviewSchedule(ctx, in.ID.ID, in.From.Time, in.To.Time)
	out := preview{p.Timezone, plainjson.At(p.From), plainjson.At(p.To), make([]interval, len(p.Active))}
	for i, v := range p.Active {
		out.Active[i] = interval{plainjson.At(v.Start), plainjson.At(v.End)}
	}
	return out, err
}
