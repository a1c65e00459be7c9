package notifyapi

import (
	"context"

	"switchboard/internal/notify"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
)

// Groups are the endpoints of notification groups.
type Groups struct{ notify *notify.Service }

type notifiable struct {
	ID      userID `json:"id" nullable:"false"`
	Channel string `json:"channel" enum:"whatsapp,email,sms,push,voice,webhook,inapp"`
}

type group struct {
	ID          groupID        `json:"id" nullable:"false"`
	Name        string         `json:"name"`
	ScheduleID  scheduleID     `json:"schedule_id"`
	Mute        string         `json:"mute" enum:"schedule-active,schedule-inactive,never,always"`
	Notifiables []notifiable   `json:"notifiables"`
	Topics      []topicID      `json:"topics"`
	Sites       []siteID       `json:"sites" doc:"None: every site, unless covers_no_site is there"`
	NoSite      bool           `json:"covers_no_site,omitempty" doc:"Only there, and true, when the last site of the group was deleted: it matches nothing until sites are named"`
	CreatedAt   plainjson.Time `json:"created_at" nullable:"false"`
	UpdatedAt   plainjson.Time `json:"updated_at" nullable:"false"`
}

// GroupFields is what a group's body has on both paths.
type GroupFields struct {
	Name       string     `json:"name" minLength:"1" maxLength:"100"`
	ScheduleID scheduleID `json:"schedule_id"`
	Mute       string     `json:"mute" enum:"schedule-active,schedule-inactive,never,always" doc:"When the group delivers. schedule-active: while its schedule is active, and it is mute while the schedule is inactive. schedule-inactive: the other way round. never: it is never mute. always: it is always mute."`
	Topics     []topicID  `json:"topics" maxItems:"20" doc:"None: the group is about nothing"`
	Sites      []siteID   `json:"sites" maxItems:"800" doc:"None: every site"`
}

type newGroup struct {
	GroupFields
	Notifiables []notifiable `json:"notifiables" maxItems:"200"`
}

type groupChange struct {
	GroupFields
	Notifiables []notifiable `json:"notifiables" maxItems:"200"`
	NoSite      *bool        `json:"covers_no_site,omitempty" doc:"What no sites mean: none (true) or every site (false). It must be given where the group covers none, and is passed over with sites."`
	ID          web.Echo     `json:"id,omitzero"`
	CreatedAt   web.Echo     `json:"created_at,omitzero"`
	UpdatedAt   web.Echo     `json:"updated_at,omitzero"`
}

type byGroup struct {
	ID groupID `path:"groupId"`
}

// Mount registers the endpoints.
func (h *Groups) Mount(r *plainjson.Router) {
	plainjson.List(r, "GET /notifications", h.list)
	plainjson.Create(r, "POST /notifications", h.create)
	plainjson.Get(r, "GET /notifications/{groupId}", h.get)
	plainjson.Update(r, "PUT /notifications/{groupId}", h.update, web.Doc("Replaces the whole group."))
	plainjson.Delete(r, "DELETE /notifications/{groupId}", h.delete, web.Doc("Deletes for good. What the group decided about past events stays with them."))
	plainjson.Action(r, "POST /notifications/{groupId}/explain", h.explain, web.ReadOnly(),
		web.Summary("Explain who would be told of an event, and why the others would not"), web.Doc("Sends nothing."))
	plainjson.Action(r, "POST /notifications/{groupId}/test", h.test, web.Status(202),
		web.Summary("Send a test message to everyone in the group"), web.Doc("Muted or not. The message says that it is a test."))
}

// fields turns the body of a group into what the service takes.
func (f GroupFields) params(people []notifiable) notify.GroupParams {
	p := notify.GroupParams{
		Name: f.Name, ScheduleID: f.ScheduleID.ID, Mute: notify.Mute(f.Mute), Topics: decodeIDs(f.Topics), Sites: decodeIDs(f.Sites),
		Notifiables: make([]notify.Notifiable, len(people)),
	}
	for i, n := range people {
		p.Notifiables[i] = notify.Notifiable{UserID: n.ID.ID, Channel: notify.Channel(n.Channel)}
	}
	return p
}

func encodeGroup(g notify.Group, bare bool) group {
	out := group{
		ID: groupID{ID: g.ID, Bare: bare}, Name: g.Name, ScheduleID: scheduleID{ID: g.ScheduleID, Bare: bare}, Mute: string(g.Mute),
		Notifiables: make([]notifiable, len(g.Notifiables)), Topics: encodeIDs[ofTopic](g.Topics, bare),
		Sites: encodeIDs[ofSite](g.Sites, bare), NoSite: g.CoversNone(), CreatedAt: plainjson.At(g.CreatedAt), UpdatedAt: plainjson.At(g.UpdatedAt),
	}
	for i, n := range g.Notifiables {
		out.Notifiables[i] = notifiable{userID{ID: n.UserID, Bare: bare}, string(n.Channel)}
	}
	return out
}

func (h *Groups) list(ctx context.Context, _ *struct{}) ([]group, error) {
	groups, err := h.notify.ListGroups(ctx)
	out := make([]group, len(groups))
	for i, g := range groups {
		out[i] = encodeGroup(g, false)
	}
	return out, err
}

func (h *Groups) create(ctx context.Context, in newGroup) (group, error) {
	g, err := h.notify.CreateGroup(ctx, in.params(in.Notifiables))
	return encodeGroup(g, false), err
}

func (h *Groups) get(ctx context.Context, in *byGroup) (group, error) {
	g, err := h.notify.GetGroup(ctx, in.ID.ID)
	return encodeGroup(g, false), err
}

func (h *Groups) update(ctx context.Context, i groupID, in groupChange) (group, error) {
	p := in.params(in.Notifiables)
	p.CoversNone = in.NoSite
	g, err := h.notify.UpdateGroup(ctx, i.ID, p)
	return encodeGroup(g, false), err
}

func (h *Groups) delete(ctx context.Context, i groupID) error { return h.notify.DeleteGroup(ctx, i.ID) }

type explainRequest struct {
	At       plainjson.Time `json:"at,omitzero" doc:"Any instant; absent: now"`
	Topic    topicRef       `json:"topic"`
	Site     siteID         `json:"site"`
	Severity string         `json:"severity,omitempty" enum:"low,medium,high,critical" doc:"absent: medium"`
}

type explanation struct {
	At             plainjson.Time `json:"at" nullable:"false"`
	GroupID        groupID        `json:"group_id"`
	ScheduleActive bool           `json:"schedule_active"`
	Muted          bool           `json:"muted"`
	Decisions      []decision     `json:"decisions"`
}

type decision struct {
	UserID  userID `json:"user_id"`
	Channel string `json:"channel" enum:"whatsapp,email,sms,push,voice,webhook,inapp"`
	Deliver bool   `json:"deliver"`
	Reason  string `json:"reason"`
	Text    string `json:"text"`
}

func (h *Groups) explain(ctx context.Context, i groupID, in explainRequest) (explanation, error) {
	e, err := h.notify.ExplainGroup(ctx, i.ID, notify.ExplainParams{
		Topic: in.Topic.TopicRef, SiteID: in.Site.ID, Severity: notify.Severity(in.Severity), At: in.At.Time,
	})
	out := explanation{
		At: plainjson.At(e.At), GroupID: plainjson.Of[ofGroup](e.GroupID), ScheduleActive: e.ScheduleActive, Muted: e.Muted,
		Decisions: make([]decision, len(e.People)),
	}
	for n, a := range e.People {
		out.Decisions[n] = decision{plainjson.Of[ofUser](a.UserID), string(a.Channel), a.Deliver, string(a.Reason), a.Text}
	}
	return out, err
}

type groupTest struct {
	ID         testID         `json:"id" nullable:"false"`
	GroupID    groupID        `json:"group_id" nullable:"false"`
	CreatedAt  plainjson.Time `json:"created_at" nullable:"false"`
	Deliveries []delivery     `json:"deliveries"`
}

func (h *Groups) test(ctx context.Context, i groupID, _ struct{}) (groupTest, error) {
	t, err := h.notify.TestGroup(ctx, i.ID)
	return groupTest{
		ID: plainjson.Of[ofTest](t.ID), GroupID: plainjson.Of[ofGroup](t.GroupID), CreatedAt: plainjson.At(t.CreatedAt),
		Deliveries: encodeDeliveries(t.Deliveries),
	}, err
}
