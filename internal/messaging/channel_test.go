package messaging_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
)

func TestService_CreateChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ward := w.Ward.ID
	for _, test := range []struct {
		name string
		as   context.Context
		in   messaging.NewChannel
		want []string // subscribers
		one  id.ID    // the participant it is about
	}{
		{"a single channel", w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: ward, IndividualIDs: []id.ID{w.Ada.ID}}, []string{"nurse", "doctor", "ada"}, w.Ada.ID},
		{"by a machine", w.Machine(t), messaging.NewChannel{GroupID: ward, IndividualIDs: []id.ID{w.Cy.ID}}, []string{"nurse", "doctor", "cy"}, w.Cy.ID},
		{"with everybody of the group", w.Admin(t), messaging.NewChannel{GroupID: ward, Type: messaging.Open}, []string{"nurse", "doctor", "ada", "ben"}, id.Nil},
		{"providers only", w.Leader(t, w.Doctor), messaging.NewChannel{GroupID: ward, Type: messaging.None, IndividualIDs: []id.ID{w.Clerk.ID}}, []string{"nurse", "doctor", "clerk"}, id.Nil},
		{"somebody named twice", w.Admin(t), messaging.NewChannel{GroupID: ward, Type: messaging.Open, IndividualIDs: []id.ID{w.Ada.ID, w.Nurse.ID, w.Ada.ID}}, []string{"nurse", "doctor", "ada"}, id.Nil},
		{"a direct one", w.Member(t, w.Clerk), messaging.NewChannel{IndividualIDs: []id.ID{w.Cy.ID}}, []string{"clerk", "cy"}, id.Nil},
		{"a direct one of several", w.Machine(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Cy.ID, w.Ada.ID}}, []string{"ada", "cy"}, id.Nil},
		{"the conversation of a group", w.Machine(t), messaging.NewChannel{GroupID: ward, Purpose: messaging.OfGroup}, []string{"nurse", "doctor", "ada", "ben"}, id.Nil},
		{"the conversation of a contact", w.Machine(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ben.ID}, Purpose: messaging.OfContact}, []string{"ben"}, w.Ben.ID},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, err := w.CreateChannel(test.as, test.in)
			must(t, err)
			got := map[string]bool{}
			for _, name := range members(t, w, v.ID) {
				got[name] = true
			}
			want := map[string]bool{}
			for _, name := range test.want {
				want[name] = true
			}
			same(t, "subscribers", got, want)
			if v.ParticipantID != test.one || v.StreamOffset != 1 || v.NewMessages != 0 {
				t.Errorf("answered %+v", v)
			}
			entries := w.Events(t, v.ID)
			if len(entries) != 1 || entries[0].Type != messaging.ChannelCreated {
				t.Fatalf("entries %v", types(entries))
			}
			if state := decode[messaging.ChannelState](t, entries[0]); state.ChannelID != v.ID || len(state.IndividualIDs) != len(test.want) {
				t.Errorf("the entry says %+v", state)
			}
			stored, err := w.GetChannel(w.Admin(t), v.ID, id.Nil)
			must(t, err)
			same(t, "what is stored", stored.Channel, v.Channel)
			w.CheckCounters(t, v.ID)
		})
	}
}

func TestService_CreateChannel_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ward := w.Ward.ID
	single := w.Single(t, false)
	for _, test := range []struct {
		name  string
		as    context.Context
		in    messaging.NewChannel
		want  errs.Code
		field string
	}{
		{"nobody", t.Context(), messaging.NewChannel{GroupID: ward}, errs.CodeUnauthenticated, ""},
		{"a key that may only read", w.As(t, actor.Administrator, w.Clerk, "messaging-channels:read"), messaging.NewChannel{GroupID: ward}, errs.CodeDenied, ""},
		{"a participant", w.Member(t, w.Ada), messaging.NewChannel{IndividualIDs: []id.ID{w.Ben.ID}}, errs.CodeDenied, ""},
		{"a participant for the group", w.Member(t, w.Ada), messaging.NewChannel{GroupID: ward, IndividualIDs: []id.ID{w.Ada.ID}}, errs.CodeDenied, ""},
		{"a provider who leads nothing", w.Leader(t, w.Clerk), messaging.NewChannel{GroupID: ward, IndividualIDs: []id.ID{w.Ben.ID}}, errs.CodeDenied, ""},
		{"neither group nor people", w.Admin(t), messaging.NewChannel{Name: "x"}, errs.CodeInvalid, "individual_ids"},
		{"another organization's group", w.Admin(t), messaging.NewChannel{GroupID: w.AlienGroup.ID}, errs.CodeNotFound, "individual_group_id"},
		{"another organization's person", w.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID, w.Alien.ID}}, errs.CodeNotFound, "individual_ids[1]"},
		{"nobody by that id", w.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{id.New()}}, errs.CodeNotFound, "individual_ids[0]"},
		{"a long name", w.Admin(t), messaging.NewChannel{GroupID: ward, Name: strings.Repeat("ü", 256)}, errs.CodeInvalid, "name"},
		{"a long label", w.Admin(t), messaging.NewChannel{GroupID: ward, Label: strings.Repeat("ü", 256)}, errs.CodeInvalid, "label"},
		{"another type", w.Admin(t), messaging.NewChannel{GroupID: ward, Type: "double"}, errs.CodeInvalid, "subscription_type"},
		{"single with two", w.Admin(t), messaging.NewChannel{GroupID: ward, IndividualIDs: []id.ID{w.Ada.ID, w.Ben.ID}}, errs.CodeInvalid, "individual_ids"},
		{"single with a group of two", w.Admin(t), messaging.NewChannel{GroupID: ward}, errs.CodeInvalid, "individual_ids"},
		{"single without a participant", w.Admin(t), messaging.NewChannel{GroupID: ward, IndividualIDs: []id.ID{w.Clerk.ID}}, errs.CodeInvalid, "individual_ids"},
		{"none with a participant", w.Admin(t), messaging.NewChannel{GroupID: ward, Type: messaging.None, IndividualIDs: []id.ID{w.Ada.ID}}, errs.CodeInvalid, "individual_ids"},
		{"floating without a group", w.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID}, Floating: true}, errs.CodeInvalid, "floating"},
		{"a contact's with two", w.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID, w.Ben.ID}, Purpose: messaging.OfContact}, errs.CodeInvalid, "contact_id"},
		{"a group's without", w.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID}, Purpose: messaging.OfGroup}, errs.CodeInvalid, "group_id"},
		{"too many", w.Admin(t), messaging.NewChannel{IndividualIDs: make([]id.ID, 1001)}, errs.CodeInvalid, "individual_ids"},
		{"a second single", w.Leader(t, w.Doctor), messaging.NewChannel{GroupID: ward, IndividualIDs: []id.ID{w.Ada.ID}}, messaging.DuplicateChannel, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			unchanged(t, w, test.name, func() {
				_, err := w.CreateChannel(test.as, test.in)
				refused(t, test.name, err, test.want, test.field)
				if test.want.Name == messaging.DuplicateChannel.Name && existing(t, err) != single.ID {
					t.Errorf("names %v, want %v", existing(t, err), single.ID)
				}
			})
		})
	}
}

// The role matrix: who may read what.
func TestService_reading(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixed := w.Single(t, false)
	floating, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ben.ID}, Floating: true})
	must(t, err)
	for _, v := range []messaging.View{fixed, floating} { // Doctor leads the group, and is not subscribed
		must(t, w.Store.DeleteSubscribers(t.Context(), w.Org, v.ID, []id.ID{w.Doctor.ID}))
	}
	message := w.Say(t, fixed.ID, w.Ada, "hello")
	draft, err := w.Post(w.Member(t, w.Ada), messaging.NewMessage{ChannelID: fixed.ID, Draft: true})
	must(t, err)
	stranger := w.As(t, actor.Administrator, w.Alien)
	yes, no := errs.Code{}, errs.CodeNotFound
	for _, test := range []struct {
		name            string
		as              context.Context
		acting          id.ID
		fixed, floating errs.Code
		draft           errs.Code
	}{
		{"nobody", t.Context(), id.Nil, errs.CodeUnauthenticated, errs.CodeUnauthenticated, errs.CodeUnauthenticated},
		{"stranger", stranger, id.Nil, no, no, no},
		{"subscriber", w.Member(t, w.Ada), id.Nil, yes, no, yes},
		{"member", w.Member(t, w.Cy), id.Nil, no, no, no},
		{"provider", w.Leader(t, w.Clerk), id.Nil, no, no, no},
		{"subscribed leader", w.Leader(t, w.Nurse), id.Nil, yes, yes, no},
		{"leader of the group", w.Leader(t, w.Doctor), id.Nil, no, yes, no},
		{"leader for a participant", w.Leader(t, w.Doctor), w.Ada.ID, yes, no, yes},
		{"leader for somebody else's", w.Leader(t, w.Doctor), w.Cy.ID, errs.CodeDenied, errs.CodeDenied, errs.CodeDenied},
		{"member for another", w.Member(t, w.Ben), w.Ada.ID, errs.CodeDenied, errs.CodeDenied, errs.CodeDenied},
		{"administrator", w.Admin(t), id.Nil, yes, yes, no},
		{"administrator for a participant", w.Admin(t), w.Ada.ID, yes, yes, yes},
		{"machine", w.Machine(t), id.Nil, yes, yes, no},
		{"machine for a stranger", w.Machine(t), w.Alien.ID, no, no, no},
		{"scope of another resource", w.As(t, actor.Administrator, w.Nurse, "individuals"), id.Nil, errs.CodeDenied, errs.CodeDenied, errs.CodeDenied},
		{"scopes of the groups API", w.As(t, actor.Administrator, w.Nurse, "conversations", "messages"), id.Nil, yes, yes, no},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := func(what string, err error, want errs.Code) {
				t.Helper()
				if want.Name == "" {
					must(t, err)
					return
				}
				refused(t, what, err, want, "")
			}
			_, err := w.GetChannel(test.as, fixed.ID, test.acting)
			check("the fixed channel", err, test.fixed)
			_, err = w.GetChannel(test.as, floating.ID, test.acting)
			check("the floating channel", err, test.floating)
			_, err = w.GetMessage(test.as, message.ID, test.acting)
			check("a message", err, test.fixed)
			_, err = w.ListMessages(test.as, messaging.MessageFilter{ChannelID: fixed.ID, IndividualID: test.acting}, page.Offset{Limit: 1})
			check("the messages", err, test.fixed)
			_, err = w.Receipts(test.as, message.ID, test.acting)
			check("the receipts", err, test.fixed)
			_, err = w.GetMessage(test.as, draft.ID, test.acting)
			check("a draft", err, test.draft)
			if test.acting.IsZero() {
				check("live, fixed", w.CanRead(test.as, fixed.ID), test.fixed)
				check("live, floating", w.CanRead(test.as, floating.ID), test.floating)
			}
		})
	}
	refused(t, "a channel that is not there", w.CanRead(w.Admin(t), id.New()), errs.CodeNotFound, "")
}

func TestService_managing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	single := w.Single(t, true)
	direct, err := w.CreateChannel(w.Member(t, w.Clerk), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID}})
	must(t, err)
	message := w.Say(t, single.ID, w.Ada, "pin me")
	yes, no, denied := errs.Code{}, errs.CodeNotFound, errs.CodeDenied
	for _, test := range []struct {
		name           string
		as             context.Context
		single, direct errs.Code
	}{
		{"nobody", t.Context(), errs.CodeUnauthenticated, errs.CodeUnauthenticated},
		{"stranger", w.As(t, actor.Administrator, w.Alien), no, no},
		{"participant", w.Member(t, w.Ada), denied, denied},
		{"member", w.Member(t, w.Cy), no, no},
		{"owner of the direct one", w.Member(t, w.Clerk), no, yes},
		{"leader", w.Leader(t, w.Doctor), yes, no},
		{"read-only administrator", w.As(t, actor.Administrator, w.Nurse, "*:read"), denied, denied},
		{"administrator", w.Admin(t), yes, yes},
		{"machine", w.Machine(t), yes, yes},
	} {
		for what, act := range map[string]func(messaging.View) error{
			"change": func(v messaging.View) error {
				_, err := w.ChangeChannel(test.as, v.ID, messaging.ChannelChange{Name: new(test.name)})
				return err
			},
			"archive":   func(v messaging.View) error { _, err := w.Archive(test.as, v.ID); return err },
			"unarchive": func(v messaging.View) error { _, err := w.Unarchive(test.as, v.ID); return err },
			"subscribe": func(v messaging.View) error { _, err := w.Subscribe(test.as, v.ID, []id.ID{w.Nurse.ID}); return err },
			"unsubscribe": func(v messaging.View) error {
				_, err := w.Unsubscribe(test.as, v.ID, []id.ID{w.Cy.ID})
				return err
			},
			"pin": func(v messaging.View) error { _, err := w.PinMessage(test.as, v.ID, id.Nil); return err },
		} {
			for v, want := range map[id.ID]errs.Code{single.ID: test.single, direct.ID: test.direct} {
				err := act(messaging.View{Channel: messaging.Channel{ID: v}})
				if want.Name == "" && errs.Is(err, messaging.ChannelArchived) {
					continue // the order of the acts is not fixed
				}
				if want.Name == "" {
					must(t, err)
				} else {
					refused(t, test.name+" "+what, err, want, "")
				}
			}
		}
		if test.direct.Name != "" {
			refused(t, test.name+" delete", w.DeleteChannel(test.as, direct.ID), test.direct, "")
		}
		if _, err := w.Unarchive(w.Admin(t), single.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.PinMessage(w.Leader(t, w.Nurse), single.ID, message.ID); err != nil {
		t.Error(err)
	}
}

func TestService_ListChannels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	adas := w.Single(t, false)
	bens, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ben.ID}, Floating: true})
	must(t, err)
	old, err := w.CreateChannel(w.Machine(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID, w.Clerk.ID}})
	must(t, err)
	_, err = w.Archive(w.Admin(t), old.ID)
	must(t, err)
	w.Clock.Add(time.Hour)
	w.Say(t, bens.ID, w.Nurse, "news")
	_, err = w.SetPreferences(w.Member(t, w.Nurse), adas.ID, id.Nil, messaging.Preferences{Notify: new(messaging.NotifyNone), Pinned: new(true)})
	must(t, err)
	for _, test := range []struct {
		name string
		as   context.Context
		f    messaging.ChannelFilter
		want []id.ID
	}{
		{"administrator", w.Admin(t), messaging.ChannelFilter{}, []id.ID{bens.ID, adas.ID}},
		{"administrator for one", w.Admin(t), messaging.ChannelFilter{IndividualID: w.Ada.ID}, []id.ID{adas.ID}},
		{"everything", w.Machine(t), messaging.ChannelFilter{WithArchived: true}, []id.ID{old.ID, bens.ID, adas.ID}},
		{"leader", w.Leader(t, w.Nurse), messaging.ChannelFilter{}, []id.ID{bens.ID, adas.ID}},
		{"leader for one", w.Leader(t, w.Nurse), messaging.ChannelFilter{IndividualID: w.Ben.ID}, []id.ID{bens.ID}},
		{"member", w.Member(t, w.Ada), messaging.ChannelFilter{}, []id.ID{adas.ID}},
		{"archived", w.Member(t, w.Ada), messaging.ChannelFilter{Archived: new(true)}, []id.ID{old.ID}},
		{"in no channel", w.Member(t, w.Cy), messaging.ChannelFilter{WithArchived: true}, nil},
		{"stranger", w.As(t, actor.Administrator, w.Alien), messaging.ChannelFilter{WithArchived: true}, nil},
		{"floating", w.Admin(t), messaging.ChannelFilter{Floating: new(true)}, []id.ID{bens.ID}},
		{"of a group", w.Admin(t), messaging.ChannelFilter{GroupID: w.Ward.ID}, []id.ID{bens.ID, adas.ID}},
		{"with somebody", w.Member(t, w.Nurse), messaging.ChannelFilter{ParticipantID: w.Ben.ID}, []id.ID{bens.ID}},
		{"changed lately", w.Admin(t), messaging.ChannelFilter{Modified: messaging.Span{From: adas.ModifiedAt.Add(time.Minute)}}, []id.ID{bens.ID}},
		{"muted", w.Member(t, w.Nurse), messaging.ChannelFilter{Muted: new(true)}, []id.ID{adas.ID}},
		{"pinned, not by this one", w.Member(t, w.Doctor), messaging.ChannelFilter{Pinned: new(true)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := w.ListChannels(test.as, test.f, page.Offset{Limit: 10})
			must(t, err)
			turned, err := w.TurnChannels(test.as, test.f, page.Cursor{Limit: 10})
			must(t, err)
			for what, list := range map[string][]messaging.View{"by offset": got.Items, "by cursor": turned.Items} {
				var found []id.ID
				for _, v := range list {
					found = append(found, v.ID)
				}
				same(t, what, found, test.want)
			}
			if got.Total != len(test.want) {
				t.Errorf("total %d", got.Total)
			}
		})
	}
	got, err := w.ListChannels(w.Member(t, w.Doctor), messaging.ChannelFilter{}, page.Offset{Limit: 1})
	must(t, err)
	if v := got.Items[0]; v.NewMessages != 1 || v.LastMessage.Text != "news" || !v.Subscribed || v.Own.IndividualID != w.Doctor.ID || got.Total != 2 {
		t.Errorf("as the doctor sees it: %+v", v)
	}
	refused(t, "a member for another", second(w.ListChannels(w.Member(t, w.Ada), messaging.ChannelFilter{IndividualID: w.Ben.ID}, page.Offset{Limit: 1})), errs.CodeDenied, "")
	refused(t, "a cursor of nobody's", second(w.TurnChannels(w.Member(t, w.Ada), messaging.ChannelFilter{}, page.Cursor{Limit: 1, After: bens.ID})), errs.CodeNotFound, "")
}

func TestService_Conversations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.Machine(t)
	ofGroup, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, Purpose: messaging.OfGroup})
	must(t, err)
	refused(t, "a second", second(w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, Purpose: messaging.OfGroup})), messaging.DuplicateChannel, "")
	former, err := w.CreateChannel(ctx, messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID}, Purpose: messaging.OfContact})
	must(t, err)
	must(t, second(w.Archive(ctx, former.ID)))
	got, err := w.Conversations(ctx, []id.ID{w.Ward.ID}, []id.ID{w.Ada.ID, w.Ben.ID})
	must(t, err)
	same(t, "with only an archived one", got, messaging.Conversations{
		OfGroups: map[id.ID]id.ID{w.Ward.ID: ofGroup.ID}, OfContacts: map[id.ID]id.ID{w.Ada.ID: former.ID},
	})
	present, err := w.CreateChannel(ctx, messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID}, Purpose: messaging.OfContact})
	must(t, err)
	got, err = w.Conversations(ctx, nil, []id.ID{w.Ada.ID})
	must(t, err)
	same(t, "with a new one", got.OfContacts, map[id.ID]id.ID{w.Ada.ID: present.ID})
	refused(t, "another organization", messaging.CheckOrganization(ctx, w.OtherOrg), errs.CodeNotFound, "")
	must(t, messaging.CheckOrganization(ctx, w.Org))
}
