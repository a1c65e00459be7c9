package messaging_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
	"switchboard/internal/page"
)

var errBroken = errors.New("the store is broken")

// breaking is a store whose channels cannot be written while broken is set.
type breaking struct {
	messaging.Store
	broken bool
}

func (b *breaking) CreateChannel(ctx context.Context, c messaging.Channel, subs []messaging.Subscriber) error {
	if b.broken {
		return errBroken
	}
	return b.Store.CreateChannel(ctx, c, subs)
}

func (b *breaking) UpdateChannel(ctx context.Context, c messaging.Channel) error {
	if b.broken {
		return errBroken
	}
	return b.Store.UpdateChannel(ctx, c)
}

func (b *breaking) DeleteChannel(ctx context.Context, organization, channel id.ID) error {
	if b.broken {
		return errBroken
	}
	return b.Store.DeleteChannel(ctx, organization, channel)
}

type grouping struct {
	*messagingtest.World
	*messaging.Groups
	t     *testing.T
	store *breaking
}

func newGrouping(t *testing.T) *grouping {
	t.Helper()
	w := messagingtest.NewWorld(t, dbtest.SQLite(t))
	store := &breaking{Store: w.Store}
	s := messaging.New(store, w.Directory, w.DB, w.Log, w.Clock.Now)
	return &grouping{World: w, Groups: messaging.NewGroups(s, w.Directory), t: t, store: store}
}

func (g *grouping) ok(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// counts counts what both contexts have stored.
func (g *grouping) counts() [5]int64 {
	g.t.Helper()
	var out [5]int64
	for i, query := range []string{
		"select count(*) from users where deleted_at is null", "select count(*) from individual_groups where deleted_at is null and archived_at is null",
		"select count(*) from individual_group_members", "select count(*) from channels", "select count(*) from events",
	} {
		n, err := db.Get(g.t.Context(), g.DB.Q(g.t.Context()), db.Scalar[int64], query)
		g.ok(err)
		out[i] = n
	}
	return out
}

// TestGroups_oneTransaction breaks the second half of every operation that spans the two contexts: of the first half
// nothing remains.
func TestGroups_oneTransaction(t *testing.T) {
	t.Parallel()
	g := newGrouping(t)
	ctx := g.Admin(t)
	name := "Plaza"
	group, err := g.CreateGroup(ctx, directory.GroupEdit{Name: &name}, []directory.ContactRef{{ID: g.Ada.ID}})
	g.ok(err)
	contact, err := g.CreateContact(ctx, directory.NewContact{Username: "frank", Phone: "+14155552671"})
	g.ok(err)
	now := time.Unix(1700000000, 0)
	before := g.counts()
	g.store.broken = true
	for what, err := range map[string]error{
		"create group":   erring(g.CreateGroup(ctx, directory.GroupEdit{Name: &name}, []directory.ContactRef{{Username: "ben"}})),
		"archive group":  erring(g.UpdateGroup(ctx, group.ID, directory.GroupEdit{ArchivedAt: &now}, nil)),
		"delete group":   g.DeleteGroup(ctx, group.ID),
		"create contact": erring(g.CreateContact(ctx, directory.NewContact{Username: "hester", Phone: "+14155552671"})),
		"delete contact": g.DeleteContact(ctx, contact.Individual.ID),
	} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: %v, want the store's error", what, err)
		}
		if after := g.counts(); after != before {
			t.Errorf("%s: stored rows went from %v to %v", what, before, after)
		}
	}
	g.store.broken = false
	g.ok(g.DeleteGroup(ctx, group.ID))
	g.ok(g.DeleteContact(ctx, contact.Individual.ID))
}

func erring[T any](_ T, err error) error { return err }

// TestGroups_errors gathers what is wrong in both contexts, and lets what is forbidden or missing go before it.
func TestGroups_errors(t *testing.T) {
	t.Parallel()
	g := newGrouping(t)
	blank, name, unknown := " ", "Plaza", []directory.ContactRef{{Username: "nobody"}}
	paths := func(err error) []string {
		e, ok := errors.AsType[*errs.Error](err)
		if !ok {
			t.Fatal(err)
		}
		out := []string{}
		for _, f := range e.Fields {
			out = append(out, f.Path)
		}
		return out
	}
	got := paths(erring(g.CreateGroup(g.Admin(t), directory.GroupEdit{Name: &blank}, unknown)))
	if len(got) != 2 || got[0] != "name" || got[1] != "contacts[0]" {
		t.Errorf("blamed %v", got)
	}
	for what, tc := range map[string]struct {
		err  error
		kind errs.Kind
	}{
		"a machine creates":     {erring(g.CreateGroup(g.As(t, actor.Service, directory.Individual{}), directory.GroupEdit{Name: &name}, unknown)), errs.Denied},
		"nobody creates":        {erring(g.CreateGroup(t.Context(), directory.GroupEdit{Name: &name}, unknown)), errs.Unauthenticated},
		"of another":            {erring(g.UpdateGroup(g.Admin(t), g.AlienGroup.ID, directory.GroupEdit{}, &unknown)), errs.NotFound},
		"unknown in an update":  {erring(g.UpdateGroup(g.Admin(t), g.Ward.ID, directory.GroupEdit{}, &unknown)), errs.Invalid},
		"nobody lists":          {erring(g.TurnConversations(t.Context(), messaging.ChannelFilter{}, page.Cursor{Limit: 1})), errs.Unauthenticated},
		"nobody reads":          {erring(g.TurnPosted(t.Context(), id.Nil, page.Cursor{Limit: 1})), errs.Unauthenticated},
		"nobody changes":        {erring(g.UpdateConversation(t.Context(), id.New(), messaging.ConversationEdit{})), errs.Unauthenticated},
		"nobody edits":          {erring(g.ChangePosted(t.Context(), id.New(), nil, nil, nil)), errs.Unauthenticated},
		"nobody removes":        {g.RemovePosted(t.Context(), id.New()), errs.Unauthenticated},
		"opened by a stranger":  {g.Opened(g.As(t, actor.Administrator, g.Alien), id.New()), errs.NotFound},
		"deleted what is not":   {g.DeleteConversation(g.Admin(t), id.New()), errs.NotFound},
		"neither nor":           {erring(g.CreateConversation(g.Admin(t), id.Nil, id.Nil)), errs.Invalid},
		"a conversation of two": {erring(g.CreateConversation(g.Admin(t), g.Ward.ID, g.Ada.ID)), errs.Invalid},
	} {
		if tc.err == nil || errs.KindOf(tc.err) != tc.kind {
			t.Errorf("%s: %v", what, tc.err)
		}
	}
}

// TestGroups_usernames calls contacts without a name by their usernames, as everywhere in the groups API.
func TestGroups_usernames(t *testing.T) {
	t.Parallel()
	g := newGrouping(t)
	ctx := g.Admin(t)
	frank, err := g.CreateContact(ctx, directory.NewContact{Username: "frank", Phone: "+14155552671"})
	g.ok(err)
	name := "Plaza"
	group, err := g.CreateGroup(ctx, directory.GroupEdit{Name: &name}, nil)
	g.ok(err)
	found, err := g.Groups.Conversations(ctx, []id.ID{group.ID}, nil)
	g.ok(err)
	for _, step := range []struct {
		members []directory.ContactRef
		want    string
	}{
		{[]directory.ContactRef{{ID: frank.Individual.ID}, {ID: g.Ada.ID}}, "ada and frank were added to the conversation."},
		{[]directory.ContactRef{{ID: g.Ada.ID}}, "frank was removed from the conversation."},
	} {
		_, err := g.UpdateGroup(ctx, group.ID, directory.GroupEdit{}, &step.members)
		g.ok(err)
		if _, line := last[messaging.Posted](t, g.World, found.OfGroups[group.ID]); line.Message != step.want {
			t.Errorf("the line says %q, want %q", line.Message, step.want)
		}
	}
}

// TestGroups_writeOnly lets a key that may only write have the answer to what it wrote.
func TestGroups_writeOnly(t *testing.T) {
	t.Parallel()
	g := newGrouping(t)
	c, err := g.CreateConversation(g.Admin(t), g.Ward.ID, id.Nil)
	g.ok(err)
	said, err := g.Groups.Say(g.Admin(t), c.ID, "hello")
	g.ok(err)
	writer := g.As(t, actor.Administrator, directory.Individual{}, "conversations:write", "messages:write")
	muted, text := true, "edited"
	after, err := g.UpdateConversation(writer, c.ID, messaging.ConversationEdit{Muted: &muted})
	g.ok(err)
	edited, err := g.ChangePosted(writer, said.ID, &text, nil, nil)
	g.ok(err)
	if !after.Muted || edited.Text != text {
		t.Errorf("%+v, %+v", after, edited)
	}
	if _, err := g.GetConversation(writer, c.ID); errs.KindOf(err) != errs.Denied {
		t.Errorf("it reads, too: %v", err)
	}
	g.ok(g.RemovePosted(writer, said.ID))
}
