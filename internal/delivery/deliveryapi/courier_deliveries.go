package deliveryapi

import (
	"context"
	"time"

	"switchboard/internal/delivery"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/page"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Deliveries are the endpoints of the ledger. They are ours: the API that this dialect is compatible with has none.
type Deliveries struct{ delivery *delivery.Service }

// Line is what a list shows of a delivery.
type Line struct {
	Address             *string        `json:"address" doc:"Where the last attempt went; masked, except for administrators, and of a webhook the host alone. Null before the first"`
	AttemptCount        int            `json:"attempt-count" doc:"Since it was enqueued or last retried by hand"`
	CreatedAt           jsonapi.Time   `json:"created-at" nullable:"false"`
	DueAt               jsonapi.Time   `json:"due-at" doc:"When it is looked at next; null while nothing is to be done"`
	IndividualID        id.ID          `json:"individual-id" doc:"Null where the source names users"`
	LastModifiedAt      jsonapi.Time   `json:"last-modified-at" nullable:"false"`
	NotificationGroupID id.ID          `json:"notification-group-id" doc:"The group that asked for it"`
	OrganizationID      id.ID          `json:"organization-id" nullable:"false"`
	Provider            *string        `json:"provider" doc:"By which the last attempt went, as the operator named it"`
	ProviderID          *string        `json:"provider-id" doc:"What that provider calls the message"`
	Reason              *reason.Reason `json:"reason" doc:"Why it is held, failed or suppressed, or is tried again; explained at /reasons"`
	ReasonText          *string        `json:"reason-text" doc:"The reason as a sentence"`
	SentAt              jsonapi.Time   `json:"sent-at" doc:"When a provider took it"`
	Source              source         `json:"source"`
	State               delivery.State `json:"state" enum:"queued,held,sending,sent,delivered,read,failed,suppressed"`
	Title               string         `json:"title" doc:"Of an alert; of a message the sender's name"`
	Transport           transport.Name `json:"transport" enum:"email,sms,whatsapp,webhook,push,voice,inapp,web"`
	UserID              id.ID          `json:"user-id"`
}

// source is what a delivery is about.
type source struct {
	ID   id.ID  `json:"id"`
	Type string `json:"type" doc:"message, alert, alert-resolved, group-test, consent-invitation or consent-answer"`
}

type story struct {
	Line
	Attempts  []attempt  `json:"attempts" doc:"Oldest first"`
	Callbacks []callback `json:"callbacks" doc:"In the order in which they came"`
}

type attempt struct {
	Address    string           `json:"address"`
	Code       *string          `json:"code" doc:"The provider's own code of a failure"`
	Detail     string           `json:"detail"`
	FinishedAt jsonapi.Time     `json:"finished-at" doc:"Null while it is open"`
	ID         id.ID            `json:"id" nullable:"false"`
	Outcome    delivery.Outcome `json:"outcome" enum:"open,accepted,failed,ambiguous,unknown" doc:"ambiguous and unknown: it may have been taken"`
	Provider   string           `json:"provider"`
	ProviderID *string          `json:"provider-id"`
	Reason     *reason.Reason   `json:"reason"`
	StartedAt  jsonapi.Time     `json:"started-at" nullable:"false"`
}

type callback struct {
	Code       *string         `json:"code"`
	Detail     string          `json:"detail"`
	ProviderID *string         `json:"provider-id"`
	Reason     *reason.Reason  `json:"reason"`
	ReceivedAt jsonapi.Time    `json:"received-at" nullable:"false"`
	State      transport.State `json:"state" enum:"accepted,sent,delivered,read,undelivered,failed"`
}

type listDeliveries struct {
	jsonapi.Page
	Event        id.ID  `query:"filter[event]" doc:"An event of the notification groups API; its resolution included"`
	Individual   id.ID  `query:"filter[individual]" doc:"Deliveries to the individual, and to the user whom it belongs to"`
	Message      id.ID  `query:"filter[message]"`
	Notification id.ID  `query:"filter[notification]"`
	State        string `query:"filter[state]" enum:"queued,held,sending,sent,delivered,read,failed,suppressed"`
	Transport    string `query:"filter[transport]" enum:"email,sms,whatsapp,webhook,push,voice,inapp,web"`
	User         id.ID  `query:"filter[user]"`
}

// sourceNotification is the type of source that user-notifications will have.
const sourceNotification = "notification"

// Check implements web.Checked.
func (in *listDeliveries) Check() error {
	named := 0
	for _, i := range []id.ID{in.Event, in.Message, in.Notification} {
		if !i.IsZero() {
			named++
		}
	}
	if named > 1 {
		return errs.InvalidParameter("filter[message]", "cannot be given together with filter[event] or filter[notification]: a delivery has one source")
	}
	return nil
}

func (in *listDeliveries) filter() delivery.Filter {
	f := delivery.Filter{
		UserID: in.User, IndividualID: in.Individual, Transport: transport.Name(in.Transport), State: delivery.State(in.State),
	}
	switch {
	case !in.Event.IsZero():
		f.SourceID, f.Sources = in.Event, []string{notify.SourceAlert, notify.SourceAlertResolved}
	case !in.Message.IsZero():
		f.SourceID, f.Sources = in.Message, []string{delivery.SourceMessage}
	case !in.Notification.IsZero():
		f.SourceID, f.Sources = in.Notification, []string{sourceNotification}
	}
	return f
}

// Mount registers the endpoints.
func (h *Deliveries) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/deliveries/", h.list, web.Summary("List deliveries"),
		web.Doc("Every attempt to reach one person by one transport, newest first. Administrators and services see all of their "+
			"organization; a person sees those to themselves, and is refused those to somebody else."))
	jsonapi.Get(r, "GET /v1/deliveries/{id}/", h.get, web.Summary("Get a delivery with its attempts and callbacks"))
	jsonapi.Action(r, "POST /v1/deliveries/{id}/retry/", h.retry, web.Status(200), web.Summary("Try a delivery again"),
		web.Doc("For one that failed or was suppressed. It goes through every check again, with all its attempts ahead of it. "+
			"For administrators and services."))
}

func (h *Deliveries) list(ctx context.Context, in *listDeliveries) (page.List[jsonapi.Resource[Line]], error) {
	list, err := h.delivery.List(ctx, in.filter(), in.Offset())
	return page.Map(list, func(l delivery.Line) jsonapi.Resource[Line] {
		return jsonapi.Resource[Line]{ID: l.ID, Attributes: encodeLine(l)}
	}), err
}

func (h *Deliveries) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[story], error) {
	s, err := h.delivery.Get(ctx, in.ID)
	return encodeStory(s), err
}

func (h *Deliveries) retry(ctx context.Context, delivery id.ID, _ struct{}) (jsonapi.Resource[story], error) {
	s, err := h.delivery.Retry(ctx, delivery)
	return encodeStory(s), err
}

func encodeLine(l delivery.Line) Line {
	due := l.DueAt
	if l.State == delivery.Sending {
		due = time.Time{} // it is the end of a lease
	}
	return Line{
		Address: orNull(l.Address), AttemptCount: l.Delivery.Attempts, CreatedAt: jsonapi.At(l.CreatedAt), DueAt: jsonapi.At(due),
		IndividualID: l.IndividualID, LastModifiedAt: jsonapi.At(l.UpdatedAt), NotificationGroupID: l.GroupID,
		OrganizationID: l.OrganizationID, Provider: orNull(l.Provider), ProviderID: orNull(l.ProviderID), Reason: orNull(l.Reason),
		ReasonText: orNull(l.Reason.Text()), SentAt: jsonapi.At(l.SentAt), Source: source{l.Source.ID, l.Source.Type}, State: l.State,
		Title: l.Title, Transport: l.Transport, UserID: l.UserID,
	}
}

func encodeStory(s delivery.Story) jsonapi.Resource[story] {
	out := story{Line: encodeLine(s.Line), Attempts: make([]attempt, len(s.Attempts)), Callbacks: make([]callback, len(s.Callbacks))}
	for i, a := range s.Attempts {
		out.Attempts[i] = attempt{
			Address: a.Address, Code: orNull(a.Code), Detail: a.Detail, FinishedAt: jsonapi.At(a.FinishedAt), ID: a.ID, Outcome: a.Outcome,
			Provider: a.Provider, ProviderID: orNull(a.ProviderID), Reason: orNull(a.Reason), StartedAt: jsonapi.At(a.StartedAt),
		}
	}
	for i, c := range s.Callbacks {
		out.Callbacks[i] = callback{
			Code: orNull(c.Code), Detail: c.Detail, ProviderID: orNull(c.ProviderID), Reason: orNull(c.Reason),
			ReceivedAt: jsonapi.At(c.ReceivedAt), State: c.State,
		}
	}
	return jsonapi.Resource[story]{ID: s.ID, Attributes: out}
}
