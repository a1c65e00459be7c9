package messaging_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
)

func TestService_Post(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, true)
	must(t, w.Store.DeleteSubscribers(t.Context(), w.Org, v.ID, []id.ID{w.Doctor.ID})) // leads the group all the same
	for i, test := range []struct {
		name   string
		as     context.Context
		in     messaging.NewMessage
		author id.ID
	}{
		{"a subscriber", w.Member(t, w.Ada), messaging.NewMessage{Text: " hello \n"}, w.Ada.ID},
		{"a leader of the group", w.Leader(t, w.Doctor), messaging.NewMessage{Text: "hello"}, w.Doctor.ID},
		{"a leader for a participant", w.Leader(t, w.Nurse), messaging.NewMessage{Text: "hello", IndividualID: w.Ada.ID}, w.Ada.ID},
		{"a machine", w.Machine(t), messaging.NewMessage{Text: "hello"}, id.Nil},
		{"a machine for somebody", w.Machine(t), messaging.NewMessage{Text: "hello", IndividualID: w.Ada.ID}, w.Ada.ID},
		{"an administrator who is not in it", w.As(t, actor.Administrator, w.Clerk), messaging.NewMessage{Text: "hello"}, w.Clerk.ID},
		{"with destinations", w.Member(t, w.Ada), messaging.NewMessage{Text: "hello", Destinations: []string{"sms", "push", "sms"}}, w.Ada.ID},
		{"from the web", w.Member(t, w.Ada), messaging.NewMessage{Text: strings.Repeat("ü", 10_000), Source: messaging.FromWeb}, w.Ada.ID},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.in.ChannelID = v.ID
			m, err := w.Post(test.as, test.in)
			must(t, err)
			source := test.in.Source
			if source == "" {
				source = messaging.FromAPI
			}
			if m.AuthorID != test.author || m.Text != strings.TrimSpace(test.in.Text) || m.Seq != int64(i)+1 || m.Source != source ||
				m.Draft || m.PostedAt.IsZero() || m.Acknowledged != !test.author.IsZero() {
				t.Errorf("posted %+v", m)
			}
			stored, err := w.Store.GetMessage(t.Context(), w.Org, m.ID)
			must(t, err)
			same(t, "what is stored", stored, m.Message)
			e, posted := last[messaging.Posted](t, w, v.ID)
			if e.Type != messaging.EventPosted || e.Subject != m.ID || e.Offset != int64(i)+2 || posted.Message != m.Text || posted.IndividualID != test.author ||
				posted.GroupID != w.Ward.ID || !posted.PostedTime.Equal(m.PostedAt) || len(posted.Destinations) != len(m.Destinations) {
				t.Errorf("the entry says %s %+v", e.Type, posted)
			}
		})
	}
	got, err := w.GetChannel(w.Member(t, w.Nurse), v.ID, id.Nil)
	must(t, err)
	if got.NewMessages != 8 || !got.ActiveAt.After(v.ActiveAt) || !got.ModifiedAt.Equal(got.ActiveAt) || got.LastMessage.Source != messaging.FromWeb {
		t.Errorf("the nurse sees %d new messages; %+v", got.NewMessages, got.Channel)
	}
	w.CheckCounters(t, v.ID)
}

func TestService_Post_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixed := w.Single(t, false)
	must(t, w.Store.DeleteSubscribers(t.Context(), w.Org, fixed.ID, []id.ID{w.Doctor.ID}))
	hello := messaging.NewMessage{ChannelID: fixed.ID, Text: "hello"}
	with := func(change func(*messaging.NewMessage)) messaging.NewMessage {
		in := hello
		change(&in)
		return in
	}
	ada := w.Member(t, w.Ada)
	for _, test := range []struct {
		name  string
		as    context.Context
		in    messaging.NewMessage
		want  errs.Code
		field string
	}{
		{"nobody", t.Context(), hello, errs.CodeUnauthenticated, ""},
		{"a key that may only read", w.As(t, actor.Member, w.Ada, "messaging-messages:read"), hello, errs.CodeDenied, ""},
		{"a stranger", w.As(t, actor.Administrator, w.Alien), hello, errs.CodeNotFound, ""},
		{"a member who is not in it", w.Member(t, w.Cy), hello, errs.CodeNotFound, ""},
		{"a leader who is not in it", w.Leader(t, w.Doctor), hello, errs.CodeNotFound, ""},
		{"for somebody else", w.Member(t, w.Ben), with(func(n *messaging.NewMessage) { n.IndividualID = w.Ada.ID }), errs.CodeDenied, ""},
		{"for a participant who is not in it", w.Leader(t, w.Nurse), with(func(n *messaging.NewMessage) { n.IndividualID = w.Ben.ID }), errs.CodeNotFound, ""},
		{"for another organization's", w.Machine(t), with(func(n *messaging.NewMessage) { n.IndividualID = w.Alien.ID }), errs.CodeNotFound, ""},
		{"no channel", ada, with(func(n *messaging.NewMessage) { n.ChannelID = id.Nil }), errs.CodeInvalid, "channel_id"},
		{"an unknown channel", ada, with(func(n *messaging.NewMessage) { n.ChannelID = id.New() }), errs.CodeNotFound, ""},
		{"nothing", ada, with(func(n *messaging.NewMessage) { n.Text = " \n\t" }), errs.CodeInvalid, "message"},
		{"too much", ada, with(func(n *messaging.NewMessage) { n.Text = strings.Repeat("ü", 10_001) }), errs.CodeInvalid, "message"},
		{"too much of a draft", ada, with(func(n *messaging.NewMessage) { n.Text, n.Draft = strings.Repeat("x", 10_001), true }), errs.CodeInvalid, "message"},
		{"what no database stores", ada, with(func(n *messaging.NewMessage) { n.Text = "a\x00b" }), errs.CodeInvalid, "message"},
		{"broken text", ada, with(func(n *messaging.NewMessage) { n.Text = "a\xffb" }), errs.CodeInvalid, "message"},
		{"another auto-ack", ada, with(func(n *messaging.NewMessage) { n.AutoAck = "provider" }), errs.CodeInvalid, "auto_ack"},
		{"another destination", ada, with(func(n *messaging.NewMessage) { n.Destinations = []string{"sms", "pigeon"} }), errs.CodeInvalid, "include_destinations[1]"},
		{"a draft where one may not read", w.Member(t, w.Cy), with(func(n *messaging.NewMessage) { n.Draft = true }), errs.CodeNotFound, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			unchanged(t, w, test.name, func() {
				_, err := w.Post(test.as, test.in)
				refused(t, test.name, err, test.want, test.field)
			})
		})
	}
	w.CheckCounters(t, fixed.ID) // what was refused has taken no place
}

// Posting writes the same number of rows in a channel of two and in one of two hundred.
func TestService_Post_rows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	crowd := []id.ID{w.Ada.ID}
	for i := range 200 {
		_, person := directorytest.Person(t.Context(), t, w.People, w.Org, fmt.Sprint("person", i), directory.Participant)
		crowd = append(crowd, person.ID)
	}
	for _, subscribers := range []int{2, len(crowd)} {
		v, err := w.CreateChannel(w.Machine(t), messaging.NewChannel{IndividualIDs: crowd[:subscribers]})
		must(t, err)
		written := int64(0)
		must(t, w.DB.Do(w.Member(t, w.Ada), func(ctx context.Context) error {
			count := func() int64 {
				n, err := db.Get(ctx, w.DB.Q(ctx), db.Scalar[int64], "select total_changes()")
				must(t, err)
				return n
			}
			written = count()
			_, err := w.Post(ctx, messaging.NewMessage{ChannelID: v.ID, Text: "hello"})
			written = count() - written
			return err
		}))
		if written != 5 { // channel, message, the author's subscription, event, audit
			t.Errorf("a post to %d subscribers writes %d rows", subscribers, written)
		}
	}
}

func TestService_drafts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	ada, nurse := w.Member(t, w.Ada), w.Leader(t, w.Nurse)
	entries := len(w.Events(t, v.ID))
	draft, err := w.Post(ada, messaging.NewMessage{ChannelID: v.ID, Draft: true, AutoAck: messaging.AckGroup})
	must(t, err)
	edited, err := w.ChangeMessage(ada, draft.ID, messaging.MessageChange{Text: new(" almost ")})
	must(t, err)
	if !edited.Draft || edited.Text != "almost" || edited.Edits != 0 || !edited.PostedAt.IsZero() {
		t.Errorf("edited to %+v", edited)
	}
	list := func(ctx context.Context) []string {
		got, err := w.ListMessages(ctx, messaging.MessageFilter{ChannelID: v.ID}, page.Offset{Limit: 10})
		must(t, err)
		out := []string{}
		for _, m := range got.Items {
			out = append(out, m.Text)
		}
		if got.Total != len(out) {
			t.Errorf("total %d of %v", got.Total, out)
		}
		return out
	}
	w.Say(t, v.ID, w.Nurse, "are you there?")
	same(t, "Ada's list", list(ada), []string{"almost", "are you there?"})
	same(t, "the nurse's list", list(nurse), []string{"are you there?"})
	for what, err := range map[string]error{
		"reading":  second(w.GetMessage(nurse, draft.ID, id.Nil)),
		"editing":  second(w.ChangeMessage(nurse, draft.ID, messaging.MessageChange{Text: new("x")})),
		"removing": second(w.ChangeMessage(nurse, draft.ID, messaging.MessageChange{Removed: new(true)})),
		"acking":   second(w.Ack(nurse, messaging.AckRequest{MessageID: draft.ID})),
		"reacting": second(w.AddReaction(nurse, draft.ID, id.Nil, "like")),
		"history":  second(w.History(nurse, draft.ID, id.Nil)),
	} {
		refused(t, what+" another's draft", err, errs.CodeNotFound, "")
	}
	for what, err := range map[string]error{
		"acking":   second(w.Ack(ada, messaging.AckRequest{MessageID: draft.ID})),
		"reacting": second(w.AddReaction(ada, draft.ID, id.Nil, "like")),
		"receipts": second(w.Receipts(ada, draft.ID, id.Nil)),
	} {
		refused(t, what+" one's own draft", err, messaging.MessageDraft, "")
	}
	refused(t, "posting it empty", second(w.ChangeMessage(ada, draft.ID, messaging.MessageChange{Text: new(" "), Draft: new(false)})), errs.CodeInvalid, "message")
	if n := len(w.Events(t, v.ID)); n != entries+1 {
		t.Errorf("a draft made %d entries", n-entries-1)
	}

	w.Clock.Add(time.Hour)
	posted, err := w.ChangeMessage(ada, draft.ID, messaging.MessageChange{Text: new("now"), Draft: new(false)})
	must(t, err)
	if posted.Draft || posted.Text != "now" || posted.Seq != 2 || posted.Edits != 0 || posted.PostedAt.Sub(posted.CreatedAt) < time.Hour {
		t.Errorf("posted %+v", posted)
	}
	same(t, "the nurse's list", list(nurse), []string{"now", "are you there?"})
	if e, said := last[messaging.Posted](t, w, v.ID); e.Type != messaging.EventPosted || said.Message != "now" || said.Sequence != 2 || said.AutoAck != "participant" {
		t.Errorf("the entry says %s %+v", e.Type, said)
	}
	refused(t, "drafting it again", second(w.ChangeMessage(ada, draft.ID, messaging.MessageChange{Draft: new(true)})), messaging.MessagePosted, "")
	unchanged(t, w, "posting it again", func() {
		must(t, second(w.ChangeMessage(ada, draft.ID, messaging.MessageChange{Draft: new(false)})))
	})

	gone, err := w.Post(ada, messaging.NewMessage{ChannelID: v.ID, Text: "never mind", Draft: true})
	must(t, err)
	must(t, second(w.ChangeMessage(ada, gone.ID, messaging.MessageChange{Removed: new(true)})))
	same(t, "after removing a draft", list(ada), []string{"now", "are you there?"})
	refused(t, "posting it", second(w.ChangeMessage(ada, gone.ID, messaging.MessageChange{Draft: new(false)})), messaging.MessageRemoved, "")

	machine := w.Machine(t)
	own, err := w.Post(machine, messaging.NewMessage{ChannelID: v.ID, Text: "a machine's", Draft: true})
	must(t, err)
	must(t, second(w.GetMessage(machine, own.ID, id.Nil)))
	refused(t, "another machine", second(w.GetMessage(w.Machine(t), own.ID, id.Nil)), errs.CodeNotFound, "")

	left, err := w.Post(ada, messaging.NewMessage{ChannelID: v.ID, Text: "too late", Draft: true})
	must(t, err)
	must(t, second(w.Unsubscribe(ada, v.ID, nil)))
	refused(t, "posting after leaving", second(w.ChangeMessage(ada, left.ID, messaging.MessageChange{Draft: new(false)})), errs.CodeNotFound, "")
	w.CheckCounters(t, v.ID)
}

func TestService_ChangeMessage_edits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	ada := w.Member(t, w.Ada)
	m := w.Say(t, v.ID, w.Ada, "thee")
	edited, err := w.ChangeMessage(ada, m.ID, messaging.MessageChange{Text: new("the ")})
	must(t, err)
	if edited.Text != "the" || edited.Edits != 1 || !edited.ModifiedAt.After(m.ModifiedAt) || !edited.PostedAt.Equal(m.PostedAt) || edited.Seq != m.Seq {
		t.Errorf("edited to %+v", edited)
	}
	if e, said := last[messaging.Posted](t, w, v.ID); e.Type != messaging.EventEdited || said.Message != "the" || e.Subject != m.ID {
		t.Errorf("the entry says %s %+v", e.Type, said)
	}
	unchanged(t, w, "an edit to what it is", func() {
		must(t, second(w.ChangeMessage(ada, m.ID, messaging.MessageChange{Text: new("the")})))
		must(t, second(w.ChangeMessage(ada, m.ID, messaging.MessageChange{Draft: new(false), Removed: new(false)})))
	})
	must(t, second(w.ChangeMessage(w.Leader(t, w.Nurse), m.ID, messaging.MessageChange{Text: new("The"), IndividualID: w.Ada.ID})))
	history, err := w.History(w.Leader(t, w.Doctor), m.ID, id.Nil)
	must(t, err)
	var texts []string
	for i, h := range history {
		texts = append(texts, h.Text)
		if h.Number != i+1 || h.Current != (i == 2) || h.WrittenAt.IsZero() {
			t.Errorf("version %+v", h)
		}
	}
	same(t, "the history", texts, []string{"thee", "the", "The"})

	line, err := w.Subscribe(w.Admin(t), v.ID, []id.ID{w.Clerk.ID})
	must(t, err)
	_, system := last[messaging.Posted](t, w, line.ID)
	machines, err := w.Post(w.Machine(t), messaging.NewMessage{ChannelID: v.ID, Text: "a machine's"})
	must(t, err)
	must(t, second(w.ChangeMessage(w.Machine(t), machines.ID, messaging.MessageChange{Text: new("another machine's edit")})))
	unchanged(t, w, "what is refused", func() {
		for _, test := range []struct {
			name    string
			as      context.Context
			message id.ID
			in      messaging.MessageChange
			want    errs.Code
			field   string
		}{
			{"another's", w.Leader(t, w.Nurse), m.ID, messaging.MessageChange{Text: new("x")}, errs.CodeDenied, ""},
			{"by an administrator", w.Admin(t), m.ID, messaging.MessageChange{Text: new("x")}, errs.CodeDenied, ""},
			{"a machine's, by a person", ada, machines.ID, messaging.MessageChange{Text: new("x")}, errs.CodeDenied, ""},
			{"the server's", w.Admin(t), system.MessageID, messaging.MessageChange{Text: new("x")}, errs.CodeDenied, ""},
			{"for somebody else", w.Member(t, w.Ben), m.ID, messaging.MessageChange{IndividualID: w.Ada.ID, Text: new("x")}, errs.CodeDenied, ""},
			{"a stranger", w.As(t, actor.Administrator, w.Alien), m.ID, messaging.MessageChange{Text: new("x")}, errs.CodeNotFound, ""},
			{"who is not in it", w.Member(t, w.Cy), m.ID, messaging.MessageChange{Text: new("x")}, errs.CodeNotFound, ""},
			{"no scope", w.As(t, actor.Member, w.Ada, "messages:read"), m.ID, messaging.MessageChange{Text: new("x")}, errs.CodeDenied, ""},
			{"nothing left", ada, m.ID, messaging.MessageChange{Text: new(" ")}, errs.CodeInvalid, "message"},
			{"too much", ada, m.ID, messaging.MessageChange{Text: new(strings.Repeat("x", 10_001))}, errs.CodeInvalid, "message"},
			{"and removes", ada, m.ID, messaging.MessageChange{Text: new("x"), Removed: new(true)}, errs.CodeInvalid, "removed"},
			{"no message", ada, id.New(), messaging.MessageChange{Text: new("x")}, errs.CodeNotFound, ""},
		} {
			refused(t, test.name, second(w.ChangeMessage(test.as, test.message, test.in)), test.want, test.field)
		}
	})
	w.CheckCounters(t, v.ID)
}

func TestService_ChangeMessage_removes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	for _, test := range []struct {
		name string
		as   context.Context
		want errs.Code
	}{
		{"its author", w.Member(t, w.Ada), errs.Code{}},
		{"a leader of the group", w.Leader(t, w.Doctor), errs.Code{}},
		{"an administrator", w.Admin(t), errs.Code{}},
		{"a machine", w.Machine(t), errs.Code{}},
		{"a subscriber", w.Member(t, w.Clerk), errs.CodeDenied},
		{"who is not in it", w.Member(t, w.Ben), errs.CodeNotFound},
		{"a stranger", w.As(t, actor.Administrator, w.Alien), errs.CodeNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			must(t, second(w.Subscribe(w.Admin(t), v.ID, []id.ID{w.Clerk.ID})))
			m := w.Say(t, v.ID, w.Ada, "secret")
			must(t, second(w.ChangeMessage(w.Member(t, w.Ada), m.ID, messaging.MessageChange{Text: new("very secret")})))
			got, err := w.ChangeMessage(test.as, m.ID, messaging.MessageChange{Removed: new(true)})
			if test.want.Name != "" {
				refused(t, test.name, err, test.want, "")
				must(t, second(w.ChangeMessage(w.Admin(t), m.ID, messaging.MessageChange{Removed: new(true)})))
				return
			}
			must(t, err)
			if !got.Removed() || got.Text != "" {
				t.Errorf("removed to %+v", got)
			}
			e, gone := last[messaging.Gone](t, w, v.ID)
			if e.Type != messaging.EventRemoved || gone.MessageID != m.ID || !gone.Removed {
				t.Errorf("the entry says %s %+v", e.Type, gone)
			}
		})
	}
	if n := w.Count(t, "select count(*) from events where data like '%secret%'"); n != 0 {
		t.Errorf("%d entries of the log still have the text", n)
	}
	if n := w.Count(t, "select count(*) from messages where text = 'very secret'"); n == 0 {
		t.Error("nothing is kept for the audit")
	}
	got, err := w.ListMessages(w.Leader(t, w.Nurse), messaging.MessageFilter{ChannelID: v.ID}, page.Offset{Limit: 50})
	must(t, err)
	for _, m := range got.Items {
		if strings.Contains(m.Text, "secret") {
			t.Errorf("readers see %q", m.Text)
		}
	}
	seen, err := w.GetChannel(w.Leader(t, w.Nurse), v.ID, id.Nil)
	must(t, err)
	if !seen.LastMessage.Removed() || seen.LastMessage.Text != "" {
		t.Errorf("the last message is %+v", seen.LastMessage)
	}

	m := seen.LastMessage.ID
	ada := w.Member(t, w.Ada)
	unchanged(t, w, "what a removed message takes no more", func() {
		must(t, second(w.ChangeMessage(ada, m, messaging.MessageChange{Removed: new(true)})))
		refused(t, "edit", second(w.ChangeMessage(ada, m, messaging.MessageChange{Text: new("x")})), messaging.MessageRemoved, "")
		refused(t, "restore", second(w.ChangeMessage(ada, m, messaging.MessageChange{Removed: new(false)})), messaging.MessageRemoved, "")
		refused(t, "react", second(w.AddReaction(ada, m, id.Nil, "like")), messaging.MessageRemoved, "")
		refused(t, "history", second(w.History(ada, m, id.Nil)), errs.CodeDenied, "")
		refused(t, "history for a machine", second(w.History(w.Machine(t), m, id.Nil)), errs.CodeDenied, "")
	})
	history, err := w.History(w.Admin(t), m, id.Nil)
	must(t, err)
	if len(history) != 2 || history[1].Text != "very secret" || w.Count(t, "select count(*) from audit where action = 'messaging.message.inspected'") != 1 {
		t.Errorf("the administrator sees %+v", history)
	}
	must(t, second(w.Ack(w.Leader(t, w.Nurse), messaging.AckRequest{MessageID: m})))
	w.CheckCounters(t, v.ID)
}
