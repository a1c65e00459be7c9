package messagingapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Messages are the endpoints of messaging-messages.
type Messages struct {
	messaging    *messaging.Service
	directory    *directory.Service
	destinations messaging.Destinations
}

type message struct {
	Ack              bool                               `json:"ack"`
	Attachments      []struct{}                         `json:"attachments"` // there are none yet
	ChannelID        id.ID                              `json:"channel-id" nullable:"false"`
	Destination      map[string]messaging.DeliveryState `json:"destination"`
	Draft            bool                               `json:"draft"`
	FirstName        *string                            `json:"first-name"`
	IndividualID     id.ID                              `json:"individual-id"`
	LastModifiedTime jsonapi.Time                       `json:"last-modified-time" nullable:"false"`
	LastName         *string                            `json:"last-name"`
	Message          string                             `json:"message"`
	Phrases          map[string]any                     `json:"phrases" nullable:"true"` // not computed yet: null
	PostedTime       jsonapi.Time                       `json:"posted-time"`
	PreferredName    *string                            `json:"preferred-name"`
	Reactions        []reaction                         `json:"reactions"`
	ReadReceipts     []receipt                          `json:"read-receipts"`
	Removed          bool                               `json:"removed"`
	Sentiment        *string                            `json:"sentiment"` // not computed yet: null
	Source           string                             `json:"source" enum:"api,auto-responder,bulk,email,plugin,sms,system,web"`
	UserID           id.ID                              `json:"user-id"`
	UserName         *string                            `json:"user-name"`
	UserType         *string                            `json:"user-type" enum:"participant,provider"`
}

type reaction struct {
	FirstName    *string `json:"first-name"`
	IndividualID id.ID   `json:"individual-id"`
	LastName     *string `json:"last-name"`
	ReactionType string  `json:"reaction-type" enum:"dislike,like,lol,love,sad,wow"`
	UserName     *string `json:"user-name"`
}

type receipt struct {
	AckTime             jsonapi.Time `json:"ack-time"`
	AckUserTime         jsonapi.Time `json:"ack-user-time"`
	IndividualFirstName *string      `json:"individual-first-name"`
	IndividualID        id.ID        `json:"individual-id"`
	IndividualLastName  *string      `json:"individual-last-name"`
}

type receipts struct {
	Read   []receipt `json:"read"`
	Unread []receipt `json:"unread"`
}

type newMessage struct {
	AutoAck             string   `json:"auto-ack,omitempty" enum:",all,group" default:""`
	ChannelID           id.ID    `json:"channel-id"`
	Draft               bool     `json:"draft,omitempty" default:"false"`
	IncludeDestinations []string `json:"include-destinations,omitempty" maxItems:"10" enum:"email,push,sms" doc:"Besides the recipients' preferences"`
	IndividualID        id.ID    `json:"individual-id,omitzero"`
	Message             string   `json:"message,omitempty" doc:"1 to 10,000 characters after trimming; may be empty while a draft"`
}

type messageChange struct {
	Draft        web.Opt[bool]   `json:"draft,omitzero"`
	IndividualID id.ID           `json:"individual-id,omitzero"`
	Message      web.Opt[string] `json:"message,omitzero"`
	Removed      web.Opt[bool]   `json:"removed,omitzero"`
}

type listMessages struct {
	jsonapi.Page
	ChannelID       id.ID          `query:"channel-id" required:"true"`
	Acknowledged    *bool          `query:"acknowledged"`
	Modified        jsonapi.Within `query:"filter[cmp-last-modified-time]"`
	Posted          jsonapi.Within `query:"filter[cmp-posted-time]"`
	Text            string         `query:"filter[text]" maxLength:"255"`
	IncludePhrases  bool           `query:"include-phrases" default:"false"`
	IncludeReceipts bool           `query:"include-read-receipts" default:"false"`
	IndividualID    id.ID          `query:"individual-id"`
	Thumbnail       bool           `query:"thumbnail" default:"false"`
	UserID          id.ID          `query:"user-id"`
}

type getMessage struct {
	jsonapi.ByID
	IncludePhrases bool  `query:"include-phrases" default:"false"`
	IndividualID   id.ID `query:"individual-id"`
	Thumbnail      bool  `query:"thumbnail" default:"false"`
}

type readMessage struct {
	jsonapi.ByID
	IndividualID id.ID `query:"individual-id"`
}

type ackMessage struct {
	jsonapi.ByID
	Date string `header:"Date" doc:"When the person read, by the client's clock: the answer's ack-user-time"`
	Body struct {
		AllowPast    bool  `json:"allow-past,omitempty" default:"false" doc:"Lets the mark move back"`
		IndividualID id.ID `json:"individual-id,omitzero"`
	}
}

type messageReaction struct {
	IndividualID id.ID  `json:"individual-id,omitzero"`
	ReactionType string `json:"reaction-type" enum:"dislike,like,lol,love,sad,wow"`
}

type version struct {
	Current     bool         `json:"current"`
	Message     string       `json:"message"`
	Version     int          `json:"version"`
	WrittenTime jsonapi.Time `json:"written-time" nullable:"false"`
}

// Mount registers the endpoints.
func (h *Messages) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/messaging-messages/", h.list)
	jsonapi.Create(r, "POST /v1/messaging-messages/", h.create)
	jsonapi.Get(r, "GET /v1/messaging-messages/{id}/", h.get)
	jsonapi.Update(r, "PATCH /v1/messaging-messages/{id}/", h.update)
	jsonapi.Do(r, "POST /v1/messaging-messages/{id}/ack/", h.ack, func(op *web.Operation) { op.BodyOptional = true })
	jsonapi.Action(r, "POST /v1/messaging-messages/{id}/add-reaction/", h.addReaction)
	jsonapi.Action(r, "POST /v1/messaging-messages/{id}/delete-reaction/", h.deleteReaction)
	jsonapi.Get(r, "GET /v1/messaging-messages/{id}/get-receipts/", h.receipts)
	jsonapi.Get(r, "GET /v1/messaging-messages/{id}/history/", h.history, jsonapi.Type("messaging-message-versions"),
		web.Doc("What the message says and what it said before it was edited, newest first."))
}

func (h *Messages) list(ctx context.Context, in *listMessages) (page.List[jsonapi.Resource[message]], error) {
	found, err := h.messaging.ListMessages(ctx, messaging.MessageFilter{
		ChannelID: in.ChannelID, IndividualID: in.IndividualID, UserID: in.UserID, Acknowledged: in.Acknowledged,
		Modified: span(in.Modified), Posted: span(in.Posted), Text: in.Text, WithReceipts: in.IncludeReceipts,
	}, in.Offset())
	if err != nil {
		return page.List[jsonapi.Resource[message]]{}, err
	}
	items, err := h.encode(ctx, found.Items)
	return page.List[jsonapi.Resource[message]]{Items: items, Total: found.Total}, err
}

func (h *Messages) create(ctx context.Context, in newMessage) (jsonapi.Resource[message], error) {
	v, err := h.messaging.Post(ctx, messaging.NewMessage{
		ChannelID: in.ChannelID, IndividualID: in.IndividualID, Text: in.Message, Draft: in.Draft,
		AutoAck: messaging.AutoAck(in.AutoAck), Destinations: in.IncludeDestinations,
	})
	return h.answer(ctx, v, err)
}

func (h *Messages) get(ctx context.Context, in *getMessage) (jsonapi.Resource[message], error) {
	v, err := h.messaging.GetMessage(ctx, in.ID, in.IndividualID)
	return h.answer(ctx, v, err)
}

func (h *Messages) update(ctx context.Context, messageID id.ID, in messageChange) (jsonapi.Resource[message], error) {
	v, err := h.messaging.ChangeMessage(ctx, messageID, messaging.MessageChange{
		IndividualID: in.IndividualID, Text: given(in.Message), Draft: given(in.Draft), Removed: given(in.Removed),
	})
	return h.answer(ctx, v, err)
}

func (h *Messages) ack(ctx context.Context, in *ackMessage) (jsonapi.Resource[message], error) {
	v, err := h.messaging.Ack(ctx, messaging.AckRequest{
		MessageID: in.ID, IndividualID: in.Body.IndividualID, AllowPast: in.Body.AllowPast, UserTime: clientTime(in.Date),
	})
	return h.answer(ctx, v, err)
}

// clientTime reads the Date header. One that cannot be read says nothing: programs between may have put it there.
func clientTime(date string) time.Time {
	if t, err := http.ParseTime(date); err == nil {
		return t.UTC()
	}
	t, err := web.ParseTime(date)
	if err != nil {
		return time.Time{}
	}
	return t
}

func (h *Messages) addReaction(ctx context.Context, messageID id.ID, in messageReaction) (jsonapi.Resource[message], error) {
	v, err := h.messaging.AddReaction(ctx, messageID, in.IndividualID, in.ReactionType)
	return h.answer(ctx, v, err)
}

func (h *Messages) deleteReaction(ctx context.Context, messageID id.ID, in messageReaction) (jsonapi.Resource[message], error) {
	v, err := h.messaging.DeleteReaction(ctx, messageID, in.IndividualID, in.ReactionType)
	return h.answer(ctx, v, err)
}

func (h *Messages) receipts(ctx context.Context, in *readMessage) (receipts, error) {
	found, err := h.messaging.Receipts(ctx, in.ID, in.IndividualID)
	if err != nil {
		return receipts{}, err
	}
	p, err := lookUp(ctx, h.directory, actor.From(ctx).OrganizationID, individualsIn(found))
	return receipts{Read: p.receipts(found.Read), Unread: p.receipts(found.Unread)}, err
}

func (h *Messages) history(ctx context.Context, in *readMessage) (jsonapi.Collection[version], error) {
	found, err := h.messaging.History(ctx, in.ID, in.IndividualID)
	out := jsonapi.Collection[version]{Items: []jsonapi.Resource[version]{}}
	for _, v := range slices.Backward(found) {
		out.Items = append(out.Items, jsonapi.Resource[version]{Attributes: version{
			Current: v.Current, Message: v.Text, Version: v.Number, WrittenTime: jsonapi.At(v.WrittenAt),
		}})
	}
	return out, err
}

func (h *Messages) answer(ctx context.Context, v messaging.MessageView, err error) (jsonapi.Resource[message], error) {
	if err != nil {
		return jsonapi.Resource[message]{}, err
	}
	items, err := h.encode(ctx, []messaging.MessageView{v})
	if err != nil {
		return jsonapi.Resource[message]{}, err
	}
	return items[0], nil
}

func individualsIn(r messaging.Receipts) []id.ID {
	var out []id.ID
	for _, list := range [][]messaging.Receipt{r.Read, r.Unread} {
		for _, one := range list {
			out = append(out, one.IndividualID)
		}
	}
	return out
}

func (h *Messages) encode(ctx context.Context, views []messaging.MessageView) ([]jsonapi.Resource[message], error) {
	out := make([]jsonapi.Resource[message], 0, len(views))
	if len(views) == 0 {
		return out, nil
	}
	var named, sent []id.ID
	for _, v := range views {
		if !v.AuthorID.IsZero() {
			named = append(named, v.AuthorID)
		}
		for _, r := range v.Reactions {
			named = append(named, r.IndividualID)
		}
		if v.Receipts != nil {
			named = append(named, individualsIn(*v.Receipts)...)
		}
		if len(v.Destinations) > 0 {
			sent = append(sent, v.ID)
		}
	}
	p, err := lookUp(ctx, h.directory, views[0].OrganizationID, named)
	if err != nil {
		return nil, err
	}
	destinations, err := h.destinationsOf(ctx, views[0].OrganizationID, sent)
	if err != nil {
		return nil, err
	}
	for _, v := range views {
		a := p.message(v)
		a.Destination = orEmpty(destinations[v.ID])
		out = append(out, jsonapi.Resource[message]{ID: v.ID, Attributes: a})
	}
	return out, nil
}

func (h *Messages) destinationsOf(ctx context.Context, organization id.ID, sent []id.ID) (map[id.ID]map[string]messaging.DeliveryState, error) {
	if h.destinations == nil || len(sent) == 0 {
		return nil, nil
	}
	return h.destinations.ForMessages(ctx, organization, sent)
}

func (p people) message(v messaging.MessageView) message {
	author, u := p.individuals[v.AuthorID], p.user(v.AuthorID)
	out := message{
		Ack: v.Acknowledged, Attachments: []struct{}{}, ChannelID: v.ChannelID, Draft: v.Draft, FirstName: orNull(author.FirstName),
		IndividualID: v.AuthorID, LastModifiedTime: jsonapi.At(v.ModifiedAt), LastName: orNull(author.LastName), Message: v.Text,
		PostedTime: jsonapi.At(v.PostedAt), PreferredName: orNull(author.PreferredName), Reactions: []reaction{}, ReadReceipts: []receipt{},
		Removed: v.Removed(), Source: string(v.Source), UserID: u.ID, UserName: orNull(u.Username), UserType: orNull(string(author.AccountType)),
	}
	for _, r := range v.Reactions {
		i, by := p.individuals[r.IndividualID], p.user(r.IndividualID)
		out.Reactions = append(out.Reactions, reaction{
			FirstName: orNull(i.FirstName), IndividualID: r.IndividualID, LastName: orNull(i.LastName), ReactionType: r.Name, UserName: orNull(by.Username),
		})
	}
	if v.Receipts != nil {
		out.ReadReceipts = p.receipts(v.Receipts.Read)
	}
	return out
}

func (p people) receipts(list []messaging.Receipt) []receipt {
	out := []receipt{}
	for _, r := range list {
		i := p.individuals[r.IndividualID]
		out = append(out, receipt{
			AckTime: jsonapi.At(r.AckTime), AckUserTime: jsonapi.At(r.AckUserTime), IndividualFirstName: orNull(i.FirstName),
			IndividualID: r.IndividualID, IndividualLastName: orNull(i.LastName),
		})
	}
	return out
}
