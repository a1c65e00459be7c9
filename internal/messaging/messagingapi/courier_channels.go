package messagingapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Channels are the endpoints of messaging-channels.
type Channels struct {
	messaging *messaging.Service
	directory *directory.Service
}

type channel struct {
	Archived              bool             `json:"archived"`
	Bookmark              *channelBookmark `json:"bookmark"`
	CallerHasNewMessage   bool             `json:"caller-has-new-message"`
	CallerNewMessageCount int64            `json:"caller-new-message-count"`
	CanEnableSMS          bool             `json:"can-enable-sms"`
	CreatedAt             jsonapi.Time     `json:"created-at" nullable:"false"`
	CreatedBy             id.ID            `json:"created-by"`
	EventSettings         eventSettings    `json:"event-settings"`
	Floating              bool             `json:"floating"`
	GroupProviderAck      bool             `json:"group-provider-ack"`
	IndividualGroup       *channelGroup    `json:"individual-group"`
	IndividualGroupID     id.ID            `json:"individual-group-id"`
	Label                 *string          `json:"label"`
	LastMessage           *lastMessage     `json:"last-message"`
	LastModifiedTime      jsonapi.Time     `json:"last-modified-time" nullable:"false"`
	Name                  *string          `json:"name"`
	ObservationID         id.ID            `json:"observation-id"`
	OrgID                 id.ID            `json:"org-id" nullable:"false"`
	OwnerFirstName        *string          `json:"owner-first-name"`
	OwnerID               id.ID            `json:"owner-id"`
	OwnerLastName         *string          `json:"owner-last-name"`
	Subscribers           []subscriber     `json:"subscribers"`
	SubscriptionType      string           `json:"subscription-type" enum:"none,open,single"`
	TextNumber            *jsonapi.Ref     `json:"text-number"`
	WithSMS               bool             `json:"with-sms"`
}

type channelBookmark struct {
	ID        id.ID `json:"id" nullable:"false"`
	MessageID id.ID `json:"message-id" nullable:"false"`
}

type eventSettings struct {
	Enabled bool `json:"enabled"`
}

type lastMessage struct {
	ID         id.ID        `json:"id" nullable:"false"`
	Message    string       `json:"message"`
	PostedTime jsonapi.Time `json:"posted-time" nullable:"false"`
	Removed    bool         `json:"removed"`
}

type subscriber struct {
	Admin                    bool                            `json:"admin"`
	AutoSignUp               bool                            `json:"auto-sign-up"`
	BirthDate                *string                         `json:"birth-date"`
	CommunicationPreferences map[string]directory.Preference `json:"communication-preferences"`
	Email                    *string                         `json:"email"`
	EmailVerified            bool                            `json:"email-verified"`
	FirstName                *string                         `json:"first-name"`
	ID                       id.ID                           `json:"id" nullable:"false"`
	LastName                 *string                         `json:"last-name"`
	PhoneNumber              *string                         `json:"phone-number"`
	PhoneNumberUnsubscribed  bool                            `json:"phone-number-unsubscribed"`
	PhoneNumberVerified      bool                            `json:"phone-number-verified"`
	Pinned                   bool                            `json:"pinned"`
}

type newChannel struct {
	EventSettings     newEventSettings `json:"event-settings,omitzero"`
	Floating          bool             `json:"floating,omitempty" default:"false"`
	IndividualGroupID id.ID            `json:"individual-group-id,omitzero"`
	IndividualIDs     []id.ID          `json:"individual-ids,omitempty" doc:"Who is subscribed besides the group's leaders"`
	Label             string           `json:"label,omitempty" maxLength:"255"`
	Name              string           `json:"name,omitempty" maxLength:"255"`
	OrganizationID    id.ID            `json:"organization-id,omitzero"`
	SubscriptionType  string           `json:"subscription-type,omitempty" enum:"none,open,single" default:"single"`
	TextNumberID      id.ID            `json:"text-number-id,omitzero"`
}

type newEventSettings struct {
	Enabled bool `json:"enabled,omitempty" default:"true"`
}

type listChannels struct {
	jsonapi.Page
	Archived          *bool          `query:"filter[archived]"`
	Modified          jsonapi.Within `query:"filter[cmp-last-modified-time]"`
	Floating          *bool          `query:"filter[floating]"`
	IndividualGroupID id.ID          `query:"filter[individual-group-id]"`
	IndividualID      id.ID          `query:"individual-id"`
	OrganizationID    id.ID          `query:"organization-id"`
	ParticipantID     id.ID          `query:"participant-id"`
	UseGroupName      bool           `query:"use-group-name" default:"true"`
}

type getChannel struct {
	jsonapi.ByID
	IncludeGroup bool  `query:"include-individual-group" default:"false" doc:"Has no effect: the group is always included"`
	IndividualID id.ID `query:"individual-id"`
	UseGroupName bool  `query:"use-group-name" default:"true"`
}

type getProfile struct {
	jsonapi.ByID
	IndividualID        id.ID `query:"individual-id" required:"true" doc:"Who wants to see it"`
	ProfileIndividualID id.ID `query:"profile-individual-id" required:"true" doc:"Whose it is"`
}

type profile struct {
	Photo *string `json:"photo" doc:"A data URL; null: none"`
}

// channelOp is one operation of a PATCH, as in RFC 6902.
type channelOp struct {
	Op    string          `json:"op" enum:"replace"`
	Path  string          `json:"path" doc:"/name, /label, /event-settings/enabled, /text-number-id, /individual-group-id, /floating or /subscription-type"`
	Value json.RawMessage `json:"value,omitempty"`
}

type channelPeople struct {
	IndividualIDs []id.ID `json:"individual-ids,omitempty" doc:"None: the individual that the caller speaks as"`
}

type channelPreferences struct {
	IndividualID id.ID               `json:"individual-id,omitzero"`
	Values       []channelPreference `json:"values"`
}

type channelPreference struct {
	Name  string `json:"name" enum:"notify,pinned"`
	Value string `json:"value" doc:"notify: all, mentions or none; pinned: true or false"`
}

// Mount registers the endpoints.
func (h *Channels) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/messaging-channels/", h.list, jsonapi.PageLimit(1, 50, 50))
	jsonapi.Create(r, "POST /v1/messaging-channels/", h.create)
	jsonapi.Get(r, "GET /v1/messaging-channels/{id}/", h.get)
	jsonapi.Update(r, "PATCH /v1/messaging-channels/{id}/", h.patch, web.Doc("The attributes are a list of operations, done all or none."))
	jsonapi.Action(r, "POST /v1/messaging-channels/{id}/archive/", h.archive)
	jsonapi.Action(r, "POST /v1/messaging-channels/{id}/unarchive/", h.unarchive)
	jsonapi.Get(r, "GET /v1/messaging-channels/{id}/get-profile/", h.profile, jsonapi.Type("individual-profiles"),
		web.Doc("The profile of somebody in the channel, for somebody else in it."))
	jsonapi.Action(r, "POST /v1/messaging-channels/{id}/preferences/", h.preferences)
	jsonapi.Action(r, "POST /v1/messaging-channels/{id}/subscribe/", h.subscribe)
	jsonapi.Action(r, "POST /v1/messaging-channels/{id}/unsubscribe/", h.unsubscribe)
}

func (h *Channels) list(ctx context.Context, in *listChannels) (page.List[jsonapi.Resource[channel]], error) {
	if err := messaging.CheckOrganization(ctx, in.OrganizationID); err != nil {
		return page.List[jsonapi.Resource[channel]]{}, err
	}
	found, err := h.messaging.ListChannels(ctx, messaging.ChannelFilter{
		IndividualID: in.IndividualID, Archived: in.Archived, Floating: in.Floating, GroupID: in.IndividualGroupID,
		ParticipantID: in.ParticipantID, Modified: span(in.Modified),
	}, in.Offset())
	if err != nil {
		return page.List[jsonapi.Resource[channel]]{}, err
	}
	items, err := h.encode(ctx, found.Items, in.UseGroupName)
	return page.List[jsonapi.Resource[channel]]{Items: items, Total: found.Total}, err
}

func (h *Channels) create(ctx context.Context, in newChannel) (jsonapi.Resource[channel], error) {
	if err := messaging.CheckOrganization(ctx, in.OrganizationID); err != nil {
		return jsonapi.Resource[channel]{}, errs.InvalidField("organization_id", "must be the organization of the key")
	}
	v, err := h.messaging.CreateChannel(ctx, messaging.NewChannel{
		GroupID: in.IndividualGroupID, IndividualIDs: in.IndividualIDs, Name: in.Name, Label: in.Label,
		Type: messaging.SubscriptionType(in.SubscriptionType), Floating: in.Floating,
		EventsEnabled: in.EventSettings.Enabled, TextNumberID: in.TextNumberID,
	})
	return h.answer(ctx, v, true, err)
}

func (h *Channels) get(ctx context.Context, in *getChannel) (jsonapi.Resource[channel], error) {
	v, err := h.messaging.GetChannel(ctx, in.ID, in.IndividualID)
	return h.answer(ctx, v, in.UseGroupName, err)
}

func (h *Channels) patch(ctx context.Context, channelID id.ID, ops []channelOp) (jsonapi.Resource[channel], error) {
	change, err := decodeOps(ops)
	if err != nil {
		return jsonapi.Resource[channel]{}, err
	}
	v, err := h.messaging.ChangeChannel(ctx, channelID, change)
	return h.answer(ctx, v, true, blameOps(err, ops))
}

// blameOps makes an error about settings one about the operations that asked for them.
func blameOps(err error, ops []channelOp) error {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	out := *e
	out.Fields = slices.Clone(e.Fields)
	for n, f := range out.Fields {
		for i, op := range ops {
			if op.Path == "/"+strings.ReplaceAll(f.Path, "_", "-") {
				out.Fields[n].Path = fmt.Sprintf("[%d].value", i)
			}
		}
	}
	return &out
}

// decodeOps reads the operations of a PATCH; a later one for the same path wins.
func decodeOps(ops []channelOp) (messaging.ChannelChange, error) {
	var (
		c messaging.ChannelChange
		f errs.Fields
	)
	for i, op := range ops {
		var target any
		switch op.Path {
		case "/name":
			target = &c.Name
		case "/label":
			target = &c.Label
		case "/event-settings/enabled":
			target = &c.EventsEnabled
		case "/text-number-id":
			target = &c.TextNumberID
		case "/individual-group-id":
			target = &c.GroupID
		case "/floating":
			target = &c.Floating
		case "/subscription-type":
			target = &c.Type
		default:
			f.Add(fmt.Sprintf("[%d].path", i), "is not one that can be replaced")
			continue
		}
		at := fmt.Sprintf("[%d].value", i)
		if len(op.Value) == 0 {
			f.Require(at)
		} else if problem := decodeOp(target, op.Value); problem != "" {
			f.Add(at, "%s", problem)
		}
	}
	return c, f.Err()
}

// decodeOp sets target, a pointer to a pointer, from the value of an operation; null empties what can be empty.
func decodeOp(target any, value json.RawMessage) string {
	null := string(value) == "null"
	switch t := target.(type) {
	case **string:
		*t = new(string)
		if !null && json.Unmarshal(value, *t) != nil {
			return "must be a text or null"
		}
	case **id.ID:
		*t = new(id.ID)
		if !null && json.Unmarshal(value, *t) != nil {
			return "must be a uuid or null"
		}
	case **bool:
		*t = new(bool)
		if null || json.Unmarshal(value, *t) != nil {
			return "must be true or false"
		}
	case **messaging.SubscriptionType:
		*t = new(messaging.SubscriptionType)
		if null || json.Unmarshal(value, *t) != nil || !slices.Contains(messaging.SubscriptionTypes(), **t) {
			return "must be none, open or single"
		}
	}
	return ""
}

func (h *Channels) archive(ctx context.Context, channelID id.ID, _ struct{}) (jsonapi.Resource[channel], error) {
	v, err := h.messaging.Archive(ctx, channelID)
	return h.answer(ctx, v, true, err)
}

func (h *Channels) unarchive(ctx context.Context, channelID id.ID, _ struct{}) (jsonapi.Resource[channel], error) {
	v, err := h.messaging.Unarchive(ctx, channelID)
	return h.answer(ctx, v, true, err)
}

func (h *Channels) subscribe(ctx context.Context, channelID id.ID, in channelPeople) (jsonapi.Resource[channel], error) {
	v, err := h.messaging.Subscribe(ctx, channelID, in.IndividualIDs)
	return h.answer(ctx, v, true, err)
}

func (h *Channels) unsubscribe(ctx context.Context, channelID id.ID, in channelPeople) (jsonapi.Resource[channel], error) {
	v, err := h.messaging.Unsubscribe(ctx, channelID, in.IndividualIDs)
	return h.answer(ctx, v, true, err)
}

func (h *Channels) preferences(ctx context.Context, channelID id.ID, in channelPreferences) (jsonapi.Resource[channel], error) {
	var (
		p messaging.Preferences
		f errs.Fields
	)
	for i, v := range in.Values {
		switch path := fmt.Sprintf("values[%d].value", i); v.Name {
		case "notify":
			p.Notify = new(messaging.Notify(v.Value))
			errs.OneOf(&f, path, *p.Notify, messaging.Notifies()...)
		case "pinned":
			errs.OneOf(&f, path, v.Value, "true", "false")
			p.Pinned = new(v.Value == "true")
		}
	}
	if err := f.Err(); err != nil {
		return jsonapi.Resource[channel]{}, err
	}
	v, err := h.messaging.SetPreferences(ctx, channelID, in.IndividualID, p)
	return h.answer(ctx, v, true, err)
}

func (h *Channels) profile(ctx context.Context, in *getProfile) (jsonapi.Resource[profile], error) {
	p, err := h.messaging.Profile(ctx, in.ID, in.IndividualID, in.ProfileIndividualID)
	return jsonapi.Resource[profile]{ID: p.IndividualID, Attributes: profile{Photo: orNull(p.Photo.DataURL())}}, err
}

func (h *Channels) answer(ctx context.Context, v messaging.View, useGroupName bool, err error) (jsonapi.Resource[channel], error) {
	if err != nil {
		return jsonapi.Resource[channel]{}, err
	}
	items, err := h.encode(ctx, []messaging.View{v}, useGroupName)
	if err != nil {
		return jsonapi.Resource[channel]{}, err
	}
	return items[0], nil
}
