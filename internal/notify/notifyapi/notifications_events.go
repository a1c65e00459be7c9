package notifyapi

import (
	"context"
	"net/http"

	"switchboard/internal/notify"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
)

// Events are the endpoints of what groups route.
type Events struct{ notify *notify.Service }

type event struct {
	ID            eventID        `json:"id" nullable:"false"`
	Status        string         `json:"status" enum:"open,resolved"`
	Topic         topicID        `json:"topic" nullable:"false"`
	Site          siteID         `json:"site"`
	Severity      string         `json:"severity" enum:"low,medium,high,critical"`
	Title         string         `json:"title"`
	Body          *string        `json:"body"`
	Data          map[string]any `json:"data"`
	DedupKey      *string        `json:"dedup_key"`
	OccurredAt    plainjson.Time `json:"occurred_at" nullable:"false"`
	CreatedAt     plainjson.Time `json:"created_at" nullable:"false"`
	MatchedGroups []groupID      `json:"matched_groups" doc:"The groups that are about it, muted or not"`
}

// EventMembers is an event's members, embedded where more is told of it. It
// has a capital because the schema passes over embedded structs that have none.
type EventMembers event

// DeliveryMembers is a delivery's members, embedded for the same reason.
type DeliveryMembers delivery

type eventDetail struct {
	EventMembers
	Groups     []routing       `json:"groups"`
	Deliveries []eventDelivery `json:"deliveries"`
}

type routing struct {
	ID       groupID `json:"id" nullable:"false"`
	Name     string  `json:"name" doc:"As it was then"`
	Decision string  `json:"decision" enum:"deliver,muted"`
	Reason   string  `json:"reason"`
}

type delivery struct {
	ID        deliveryID     `json:"id" nullable:"false"`
	UserID    userID         `json:"user_id"`
	GroupID   groupID        `json:"group_id"`
	Channel   string         `json:"channel" enum:"whatsapp,email,sms,push,voice,webhook,inapp"`
	State     string         `json:"state" enum:"queued,held,sending,sent,delivered,read,failed,suppressed"`
	Reason    *string        `json:"reason"`
	Address   *string        `json:"address" doc:"Masked"`
	Attempts  []attempt      `json:"attempts"`
	UpdatedAt plainjson.Time `json:"updated_at" nullable:"false"`
}

type eventDelivery struct {
	DeliveryMembers
	Status string `json:"status" enum:"open,resolved" doc:"Of the event that the person was told: open, or resolved"`
}

type attempt struct {
	At         plainjson.Time `json:"at" nullable:"false"`
	Outcome    string         `json:"outcome"`
	ProviderID *string        `json:"provider_id"`
	Detail     *string        `json:"detail"`
}

type newEvent struct {
	Topic      topicRef       `json:"topic"`
	Site       siteID         `json:"site"`
	Status     string         `json:"status,omitempty" enum:"open,resolved" doc:"absent: open. resolved ends the open event of the same dedup_key, topic and site"`
	Severity   string         `json:"severity,omitempty" enum:"low,medium,high,critical" doc:"absent: medium. high and critical may override quiet hours"`
	Title      string         `json:"title,omitempty" maxLength:"255" doc:"Needed unless status is resolved"`
	Body       string         `json:"body,omitempty" maxLength:"10000"`
	Data       web.Object     `json:"data,omitempty" doc:"At most 64 KiB"`
	DedupKey   string         `json:"dedup_key,omitempty" maxLength:"255" doc:"Makes events of the same topic and site one while it is open, for 24 hours"`
	OccurredAt plainjson.Time `json:"occurred_at,omitzero" doc:"absent: now"`
}

type eventQuery struct {
	Topic    topicRef       `query:"topic"`
	Site     siteID         `query:"site"`
	Status   string         `query:"status" enum:"open,resolved"`
	Severity string         `query:"severity" enum:"low,medium,high,critical"`
	From     plainjson.Time `query:"from" doc:"occurred_at, inclusive"`
	To       plainjson.Time `query:"to" doc:"occurred_at, exclusive"`
	Limit    int            `query:"limit" minimum:"1" maximum:"100" default:"50"`
	Cursor   eventID        `query:"cursor" doc:"The next_cursor of the page before"`
}

type events struct {
	Data       []event `json:"data"`
	NextCursor eventID `json:"next_cursor" doc:"null: this is the last page"`
}

type byEvent struct {
	ID eventID `path:"id"`
}

// Mount registers the endpoints.
func (h *Events) Mount(r *plainjson.Router) {
	plainjson.Do(r, "GET /events", h.list, web.Summary("List events, newest first"))
	plainjson.Create(r, "POST /events", h.create, web.Status(http.StatusAccepted), web.Also(http.StatusOK), web.Returns[event](), web.Summary("Tell of an event, or of its end"),
		web.Doc("Whoever is to hear of it is decided and recorded before the answer. An event that is known already is answered with 200, and nobody is told again."))
	plainjson.Get(r, "GET /events/{id}", h.get, web.Summary("Get an event with what every group decided and every delivery"))
}

func encodeEvent(a notify.Alert) event {
	return event{
		ID: plainjson.Of[ofEvent](a.ID), Status: string(a.Status), Topic: plainjson.Of[ofTopic](a.TopicID), Site: plainjson.Of[ofSite](a.SiteID),
		Severity: string(a.Severity), Title: a.Title, Body: orNull(a.Body), Data: a.Data, DedupKey: orNull(a.DedupKey),
		OccurredAt: plainjson.At(a.OccurredAt), CreatedAt: plainjson.At(a.CreatedAt), MatchedGroups: encodeIDs[ofGroup](a.MatchedGroups, false),
	}
}

func encodeDelivery(d notify.Delivery) delivery {
	out := delivery{
		ID: plainjson.Of[ofDelivery](d.ID), UserID: plainjson.Of[ofUser](d.UserID), GroupID: plainjson.Of[ofGroup](d.GroupID),
		Channel: string(d.Channel), State: d.State, Reason: orNull(string(d.Reason)), Address: orNull(d.Address),
		Attempts: make([]attempt, len(d.Attempts)), UpdatedAt: plainjson.At(d.UpdatedAt),
	}
	for i, a := range d.Attempts {
		out.Attempts[i] = attempt{plainjson.At(a.At), a.Outcome, orNull(a.ProviderID), orNull(a.Detail)}
	}
	return out
}

func encodeDeliveries(list []notify.Delivery) []delivery {
	out := make([]delivery, len(list))
	for i, d := range list {
		out[i] = encodeDelivery(d)
	}
	return out
}

func (h *Events) list(ctx context.Context, in *eventQuery) (events, error) {
	list, err := h.notify.ListAlerts(ctx, notify.AlertQuery{
		Topic: in.Topic.TopicRef, SiteID: in.Site.ID, Status: notify.Status(in.Status), Severity: notify.Severity(in.Severity),
		From: in.From.Time, To: in.To.Time,
	}, page.Cursor{Limit: in.Limit, After: in.Cursor.ID})
	out := events{Data: page.Map(list, encodeEvent).Items}
	if list.More {
		out.NextCursor = out.Data[len(out.Data)-1].ID
	}
	return out, err
}

// create answers 200 in place of 202 for what is known already.
func (h *Events) create(ctx context.Context, in newEvent) (web.WithStatus, error) {
	p, err := h.notify.PostAlert(ctx, notify.AlertParams{
		Topic: in.Topic.TopicRef, SiteID: in.Site.ID, Status: notify.Status(in.Status), Severity: notify.Severity(in.Severity),
		Title: in.Title, Body: in.Body, Data: in.Data, DedupKey: in.DedupKey, OccurredAt: in.OccurredAt.Time,
	})
	status := http.StatusAccepted
	if p.Repeated {
		status = http.StatusOK
	}
	return web.WithStatus{Status: status, Value: encodeEvent(p.Alert)}, err
}

func (h *Events) get(ctx context.Context, in *byEvent) (eventDetail, error) {
	d, err := h.notify.GetAlert(ctx, in.ID.ID)
	out := eventDetail{EventMembers: EventMembers(encodeEvent(d.Alert)), Groups: make([]routing, len(d.Groups)), Deliveries: []eventDelivery{}}
	for i, r := range d.Groups {
		out.Groups[i] = routing{plainjson.Of[ofGroup](r.GroupID), r.GroupName, string(r.Outcome), string(r.Reason)}
	}
	for _, v := range d.Opened {
		out.Deliveries = append(out.Deliveries, eventDelivery{DeliveryMembers(encodeDelivery(v)), string(notify.Open)})
	}
	for _, v := range d.Ended {
		out.Deliveries = append(out.Deliveries, eventDelivery{DeliveryMembers(encodeDelivery(v)), string(notify.Resolved)})
	}
	return out, err
}
