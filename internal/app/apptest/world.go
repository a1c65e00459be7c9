package apptest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// Kind says what an identifier is of.
type Kind string

// The kinds of records that a World has one of.
const (
	Organization      Kind = "organization"
	User              Kind = "user"
	Individual        Kind = "individual"
	OtherUser         Kind = "other-user"
	OtherIndividual   Kind = "other-individual"
	Group             Kind = "group" // an individual-group; its conversation is Channel
	Channel           Kind = "channel"
	Message           Kind = "message" // of whoever has the key
	Site              Kind = "site"
	Topic             Kind = "topic"
	Schedule          Kind = "schedule"
	NotificationGroup Kind = "notification-group"
	Event             Kind = "event"
	Delivery          Kind = "delivery"
	Bookmark          Kind = "bookmark"
	Replicator        Kind = "replicator"
	OrgPreference     Kind = "org-preference"
	Consent           Kind = "consent"     // of OtherUser, given on paper
	AuditEvent        Kind = "audit-event" // looked up when it is first asked for
	APIKey            Kind = "api-key"
	Purge             Kind = "purge"      // made when it is first asked for
	Hold              Kind = "legal-hold" // of OtherIndividual
	UserToken         Kind = "user-token"
	Sniffer           Kind = "sniffer" // of User
)

// World is one record of every kind in one organization, made over the API by its administrator.
type World struct {
	Key string
	IDs map[Kind]id.ID
	h   http.Handler
}

// NewWorld makes a world. h is the server, key that of an administrator of the organization who is a person.
func NewWorld(t *testing.T, h http.Handler, key string, organization id.ID) *World {
	t.Helper()
	b := builder{t, h, &World{Key: key, IDs: map[Kind]id.ID{Organization: organization}, h: h}}
	b.people()
	b.conversation()
	b.routing()
	b.access()
	b.privacy()
	return b.w
}

// NewOrganization makes a world that is alone in an organization of its own. Its key is that of OtherUser.
func (s *Server) NewOrganization(t *testing.T) *World {
	t.Helper()
	made := s.Want(t, 201, s.Demo.Keys.Administrator, "POST /v1/organizations/", Document("organizations", map[string]any{
		"name": fmt.Sprintf("Organization %d", Unique()), "timezone": "Europe/Berlin",
	}))
	organization := ParseID(t, made.Text(t, "data.id"))
	w := &World{IDs: map[Kind]id.ID{Organization: organization}, h: s.Handler()}
	_, w.Key = s.IssueKey(t, organization, "administrator") // a machine's, until there are people
	b := builder{t, s.Handler(), w}
	b.people()
	_, w.Key = s.IssueKey(t, organization, "administrator", "--user", w.IDs[OtherUser].String())
	b.conversation()
	b.routing()
	b.access()
	b.privacy()
	s.replicator(t, w)
	return w
}

// replicator gives the world a replicator. Replicators come from the configuration, which knows no organization of a test's
// own; the one that is there by name serves here, with a row that says it was polled and is not due.
func (s *Server) replicator(t *testing.T, w *World) {
	t.Helper()
	ctx, now, far := t.Context(), time.Now(), time.Now().AddDate(50, 0, 0)
	w.IDs[Replicator] = id.New()
	_, err := s.App.DB().Q(ctx).Exec(ctx, `insert into replicators (id, organization_id, name, kind, created_at, last_poll_at, due_at)
		values ($1,$2,$3,'directory.jsonl',$4,$4,$5)`, w.IDs[Replicator], w.IDs[Organization], ReplicatorName, now, far)
	if err != nil {
		t.Fatal(err)
	}
}

type builder struct {
	t *testing.T
	h http.Handler
	w *World
}

func (b builder) do(status int, do string, body any) *webtest.Response {
	b.t.Helper()
	r := webtest.Do(b.t, b.h, b.w.Key, do, body)
	if r.Status != status {
		b.t.Fatalf("making a world: %s with %s answers %d, want %d\n%s", do, asText(body), r.Status, status, r.Body)
	}
	return r
}

func (b builder) id(r *webtest.Response, path string) id.ID {
	b.t.Helper()
	return ParseID(b.t, r.Text(b.t, path))
}

func (b builder) people() {
	b.t.Helper()
	for _, p := range []struct {
		individual, user Kind
		account          string
	}{{Individual, User, "participant"}, {OtherIndividual, OtherUser, "provider"}} {
		n := Unique()
		made := b.do(201, "POST /v1/users/", Document("users", map[string]any{
			"username": fmt.Sprintf("person-%d", n), "phone": Phone(), "phone-verified": true,
			"email": fmt.Sprintf("person-%d@demo.example", n), "email-verified": true, "account-type": p.account,
		}))
		b.w.IDs[p.user] = b.id(made, "data.id")
		b.w.IDs[p.individual] = b.id(made, "data.attributes.primary-individual-id")
	}
}

func (b builder) conversation() {
	b.t.Helper()
	setting := b.do(200, "GET /v1/org-preferences/?filter[name]=default-channel-title", nil)
	b.w.IDs[OrgPreference] = b.id(setting, "data.0.id")
	group := b.do(201, "POST /v1/groups", map[string]any{
		"name": fmt.Sprintf("Group %d", Unique()), "contacts": []string{b.w.IDs[Individual].Short()},
	})
	b.w.IDs[Group], b.w.IDs[Channel] = b.id(group, "id"), b.id(group, "conversation_id")
	message := b.do(201, "POST /v1/messaging-messages/", Document("messaging-messages", map[string]any{
		"channel-id": b.w.IDs[Channel], "message": "Good morning",
	}))
	b.w.IDs[Message] = b.id(message, "data.id")
	bookmark := b.do(201, "POST /v1/messaging-bookmarks/", Document("messaging-bookmarks", map[string]any{
		"channel-id": b.w.IDs[Channel], "message-id": b.w.IDs[Message],
	}))
	b.w.IDs[Bookmark] = b.id(bookmark, "data.id")
	consent := b.do(201, "POST /v1/user-consents/", Document("user-consents", map[string]any{
		"user-id": b.w.IDs[OtherUser], "type": "sms", "evidence": map[string]any{"source": "A form", "obtained-at": "2026-01-01T00:00:00Z"},
	}))
	b.w.IDs[Consent] = b.id(consent, "data.id")
}

func (b builder) routing() {
	b.t.Helper()
	n := Unique()
	add := func(kind Kind, do string, body any) {
		b.t.Helper()
		b.w.IDs[kind] = b.id(b.do(201, do, body), "id")
	}
	add(Site, "POST /sites", map[string]any{"name": fmt.Sprintf("Site %d", n)})
	add(Topic, "POST /topics", map[string]any{"key": fmt.Sprintf("topic-%d", n), "name": fmt.Sprintf("Topic %d", n)})
	add(Schedule, "POST /chrono/schedules", map[string]any{
		"name": fmt.Sprintf("Schedule %d", n), "timezone": "UTC", "hours": []any{map[string]any{"day": "monday", "start": "08:00", "end": "17:00"}},
	})
	add(NotificationGroup, "POST /notifications", map[string]any{
		"name": fmt.Sprintf("Notification group %d", n), "schedule_id": b.w.IDs[Schedule], "mute": "never",
		"topics": []any{b.w.IDs[Topic]}, "sites": []any{b.w.IDs[Site]},
		"notifiables": []any{map[string]any{"id": b.w.IDs[User], "channel": "sms"}},
	})
	event := b.do(202, "POST /events", map[string]any{"topic": b.w.IDs[Topic], "site": b.w.IDs[Site], "title": "Something happened"})
	b.w.IDs[Event] = b.id(event, "id")
	read := b.do(200, "GET /events/"+b.w.IDs[Event].String(), nil)
	b.w.IDs[Delivery] = b.id(read, "deliveries.0.id")
}

func (b builder) access() {
	b.t.Helper()
	b.w.IDs[APIKey] = b.id(b.do(201, "POST /v1/api-keys/", Document("api-keys", map[string]any{"name": "a machine's"})), "data.id")
	b.w.IDs[UserToken] = b.id(b.do(201, "POST /v1/user-tokens/", Document("user-tokens", map[string]any{"user-id": b.w.IDs[User]})), "data.id")
	sniffer := b.do(201, "POST /v1/sniffers/", Document("sniffers", map[string]any{"user-id": b.w.IDs[User], "valid-until": Soon()}))
	b.w.IDs[Sniffer] = b.id(sniffer, "data.id")
}

// BeSniffed has the world's sniffer record a request of its user, and waits until it has.
func (w *World) BeSniffed(t *testing.T) {
	t.Helper()
	b := builder{t, w.h, w}
	token := b.do(201, "POST /v1/user-tokens/", Document("user-tokens", map[string]any{"user-id": w.IDs[User]})).Text(t, "data.attributes.token")
	logs := "GET /v1/sniffers/" + w.IDs[Sniffer].String() + "/get-logs/"
	Eventually(t, "a request is recorded", func() error {
		webtest.Scenario{
			As: token, Do: "POST /v1/messaging-messages/?colour=red", Body: Document("messaging-messages", map[string]any{"password": "hunter2"}),
			Header: map[string]string{"User-Agent": "a test", "Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		}.Send(t, w.h)
		if r := b.do(200, logs, nil); !strings.Contains(string(r.Body), `"id"`) {
			return Errorf("%s", r.Body)
		}
		return nil
	})
}

// Soon is an instant that lies ahead.
func Soon() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }

// privacy holds one person.
func (b builder) privacy() {
	b.t.Helper()
	hold := b.do(201, "POST /v1/legal-holds/", Document("legal-holds", map[string]any{
		"entity-type": "individual", "entity-id": b.w.IDs[OtherIndividual], "reason": "A lawsuit",
	}))
	b.w.IDs[Hold] = b.id(hold, "data.id")
}

// MakePurge adds a purge of somebody to the world, unless it has one. It waits until it is done, because the others would be
// disturbed by what goes on meanwhile.
func (w *World) MakePurge(t *testing.T) {
	t.Helper()
	if _, ok := w.IDs[Purge]; ok {
		return
	}
	b := builder{t, w.h, w}
	gone := b.do(201, "POST /v1/users/", Document("users", map[string]any{"username": fmt.Sprintf("gone-%d", Unique())}))
	b.do(201, "POST /v1/purge-data/", Document("system-purges", map[string]any{"entity-type": "user", "entity-id": b.id(gone, "data.id")}))
	w.IDs[Purge] = b.id(b.do(200, "GET /v1/purge-data/", nil), "data.0.id")
	Eventually(t, "the purge is completed", func() error {
		r := webtest.Do(t, w.h, w.Key, "GET /v1/purge-data/"+w.IDs[Purge].String()+"/", nil)
		if !strings.Contains(string(r.Body), `"completed"`) {
			return Errorf("%s", r.Body)
		}
		return nil
	})
}

// Document is the body of a courier create.
func Document(kind string, attributes any) map[string]any {
	return map[string]any{"data": map[string]any{"type": kind, "attributes": attributes}}
}

// Spell writes the identifier of a kind as an API does; the test fails when the world has none.
func (w *World) Spell(t *testing.T, api string, kind Kind) string {
	t.Helper()
	if kind == AuditEvent {
		w.FindAuditEvent(t)
	}
	if kind == Purge {
		w.MakePurge(t)
	}
	i, ok := w.IDs[kind]
	if !ok {
		t.Fatalf("the world has no %s", kind)
	}
	return Spelled(api, i)
}

// FindAuditEvent adds the newest row of the audit to the world, unless it has one. Rows have their place in it about a second
// after they were written, for which making a world does not wait.
func (w *World) FindAuditEvent(t *testing.T) {
	t.Helper()
	if _, ok := w.IDs[AuditEvent]; ok {
		return
	}
	Eventually(t, "the audit has a row", func() error {
		r := webtest.Do(t, w.h, w.Key, "GET /v1/audit-events/?page[limit]=1", nil)
		if r.Status != http.StatusOK || !strings.Contains(string(r.Body), `"id"`) {
			return Errorf("%d %s", r.Status, r.Body)
		}
		w.IDs[AuditEvent] = ParseID(t, r.Text(t, "data.0.id"))
		return nil
	})
}

// Spelled writes an identifier as an API does.
func Spelled(api string, i id.ID) string {
	if api == "groups" {
		return i.Short()
	}
	return i.String()
}

// Another is a kind that is not the given one, for asking with an identifier of the wrong kind.
func Another(k Kind) Kind {
	if k == Site {
		return Schedule
	}
	return Site
}

// kindsOfPaths says what the wildcard of a path is of, by the first segment that is no version.
func kindsOfPaths() map[string]Kind {
	return map[string]Kind{
		"messaging-channels": Channel, "messaging-messages": Message, "individuals": Individual, "individual-groups": Group,
		"messaging-bookmarks": Bookmark, "replicators": Replicator, "user-consents": Consent, "sniffers": Sniffer, "org-preferences": OrgPreference, "individual-profiles": Individual, "audit-events": AuditEvent, "purge-data": Purge, "legal-holds": Hold, "api-keys": APIKey, "user-tokens": UserToken,
		"users": User, "organizations": Organization, "deliveries": Delivery, "groups": Group, "contacts": Individual,
		"conversations": Channel, "messages": Message, "notifications": NotificationGroup, "topics": Topic, "sites": Site,
		"chrono": Schedule, "events": Event,
	}
}

// kindsOfSCIM says it of the paths of SCIM, which has all its resources below one segment.
func kindsOfSCIM() map[string]Kind {
	return map[string]Kind{"/scim/v2/Users/{id}": User, "/scim/v2/Groups/{id}": Group}
}

// kindsOfNames says what members and parameters are of, by their name in snake case.
func kindsOfNames() map[string]Kind {
	return map[string]Kind{
		"organization_id": Organization, "org_id": Organization, "entity_id": Individual,
		"user_id": User, "user_ids": User, "recipients": User, "users": User, "owner_id": User,
		"individual_id": Individual, "individual_ids": Individual, "individuals": Individual, "leader_ids": OtherIndividual, "leaders": OtherIndividual,
		"participant_id": Individual, "profile_individual_id": Individual, "contact_id": Individual, "contacts": Individual, "individual": Individual,
		"individual_group_id": Group, "individual_group_ids": Group, "group_id": Group, "parent_id": Group,
		"channel_id": Channel, "conversation_id": Channel, "channel": Channel,
		"message_id": Message, "pinned_message_id": Message, "message": Message,
		"schedule_id": Schedule, "topics": Topic, "topic": Topic, "sites": Site, "site": Site,
		"event": Event, "event_id": Event, "notification": NotificationGroup, "notification_group_id": NotificationGroup,
	}
}

// KindOf says what the value of a schema at a path of a sample is of; empty when it is no identifier. Wildcards stand in
// braces, and query parameters behind a question mark.
func KindOf(o *Operation, path string, s *Schema) Kind {
	loose := s.Type != "array" && slices.Contains(references(), path)
	if !strings.HasPrefix(path, "{") && !s.Identifier() && !loose {
		return ""
	}
	name := path[strings.LastIndexByte(path, '.')+1:]
	switch {
	case strings.HasPrefix(path, "{"):
		if k := kindOfName(strings.Trim(path, "{}")); k != "" {
			return k
		}
		return cmp.Or(kindsOfSCIM()[o.Path], kindsOfPaths()[o.Resource()])
	case strings.HasPrefix(path, "?"):
		return kindOfParameter(o, path[1:])
	case path == "notifiables.id":
		return User
	case name == "id" && strings.Contains(path, "."):
		return kindOfName(path[:strings.LastIndexByte(path, '.')])
	}
	return kindOfName(name)
}

// references are the places of identifiers whose schema does not say so, because something else is taken there too.
func references() []string { return []string{"topic", "?topic", "contacts"} }

// Identifier tells whether a schema is that of an identifier, in any of the APIs.
func (s *Schema) Identifier() bool {
	return s.Format == "uuid" || strings.HasPrefix(s.Description, "A UUID") ||
		len(s.Examples) == 1 && shortID(s.Examples[0])
}

func shortID(example any) bool {
	text, ok := example.(string)
	_, err := id.ParseShort(text)
	return ok && err == nil
}

// KindOfResource says what the records of a resource are, by its name in an address; empty when the world has none.
func KindOfResource(resource string) Kind { return kindsOfPaths()[resource] }

// KindOfMember says what a member that is an identifier is of, by its name; empty when the world has none.
func KindOfMember(name string) Kind { return kindOfName(name) }

// kindOfName says what a member or a wildcard of this name is of.
func kindOfName(name string) Kind {
	name = strings.ReplaceAll(name[strings.LastIndexByte(name, '.')+1:], "-", "_")
	return kindsOfNames()[strings.TrimSuffix(name, "[]")]
}

// kindOfParameter knows filters: "filter[channel-id]" is about channels, and so is "channel" where deliveries are listed.
func kindOfParameter(o *Operation, name string) Kind {
	if inner, ok := strings.CutPrefix(name, "filter["); ok {
		name = strings.TrimSuffix(inner, "]")
	}
	if slices.Contains([]string{"starting_after", "ending_before"}, name) {
		return kindsOfPaths()[o.Resource()]
	}
	return kindOfName(name)
}

// Kinds lists the kinds of records of the world, sorted.
func (w *World) Kinds() []Kind { return slices.Sorted(maps.Keys(w.IDs)) }
