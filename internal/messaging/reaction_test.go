package messaging_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
)

func reactions(w *messagingtest.World, m messaging.MessageView) []string {
	var out []string
	for _, r := range m.Reactions {
		out = append(out, who(w, []id.ID{r.IndividualID})[0]+" "+r.Name)
	}
	slices.Sort(out)
	return out
}

func TestService_AddReaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	m := w.Say(t, v.ID, w.Ada, "good news")
	must(t, second(w.AddReaction(w.Member(t, w.Nurse), m.ID, id.Nil, "like")))
	must(t, second(w.AddReaction(w.Leader(t, w.Nurse), m.ID, w.Ada.ID, "❤️ heart")))
	must(t, second(w.AddReaction(w.Machine(t), m.ID, w.Ben.ID, "like")))
	got, err := w.AddReaction(w.Member(t, w.Nurse), m.ID, id.Nil, "wow")
	must(t, err)
	same(t, "reactions", reactions(w, got), []string{"ada ❤️ heart", "ben like", "nurse like", "nurse wow"})
	if !got.ModifiedAt.After(m.ModifiedAt) {
		t.Error("the message is not newer")
	}
	e, said := last[messaging.Reacted](t, w, v.ID)
	if e.Type != messaging.EventReactionAdded || e.Subject != m.ID || said.ReactionType != "wow" || said.IndividualID != w.Nurse.ID {
		t.Errorf("the entry says %s %+v", e.Type, said)
	}
	unchanged(t, w, "what changes nothing", func() {
		must(t, second(w.AddReaction(w.Member(t, w.Nurse), m.ID, id.Nil, "wow")))
		must(t, second(w.DeleteReaction(w.Member(t, w.Nurse), m.ID, id.Nil, "sad")))
		for _, test := range []struct {
			name   string
			as     context.Context
			acting id.ID
			word   string
			want   errs.Code
			field  string
		}{
			{"no word", w.Member(t, w.Ada), id.Nil, "", errs.CodeInvalid, "reaction_type"},
			{"a long one", w.Member(t, w.Ada), id.Nil, strings.Repeat("x", 65), errs.CodeInvalid, "reaction_type"},
			{"an unprintable one", w.Member(t, w.Ada), id.Nil, "a\nb", errs.CodeInvalid, "reaction_type"},
			{"a machine for nobody", w.Machine(t), id.Nil, "like", errs.CodeInvalid, "individual_id"},
			{"who is not in it", w.Member(t, w.Cy), id.Nil, "like", errs.CodeNotFound, ""},
			{"for somebody else", w.Member(t, w.Ben), w.Ada.ID, "like", errs.CodeDenied, ""},
			{"a stranger", w.As(t, actor.Administrator, w.Alien), id.Nil, "like", errs.CodeNotFound, ""},
			{"no scope", w.As(t, actor.Member, w.Ada, "messaging-channels"), id.Nil, "like", errs.CodeDenied, ""},
		} {
			refused(t, test.name, second(w.AddReaction(test.as, m.ID, test.acting, test.word)), test.want, test.field)
			refused(t, test.name+", deleting", second(w.DeleteReaction(test.as, m.ID, test.acting, test.word)), test.want, test.field)
		}
	})
	got, err = w.DeleteReaction(w.Member(t, w.Nurse), m.ID, id.Nil, "like")
	must(t, err)
	same(t, "after deleting one", reactions(w, got), []string{"ada ❤️ heart", "ben like", "nurse wow"})
	if e, said := last[messaging.Reacted](t, w, v.ID); e.Type != messaging.EventReactionDeleted || said.ReactionType != "like" {
		t.Errorf("the entry says %s %+v", e.Type, said)
	}
	w.CheckCounters(t, v.ID)
}

func TestService_ReplaceReactions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	m := w.Say(t, v.ID, w.Ada, "good news")
	must(t, second(w.AddReaction(w.Member(t, w.Nurse), m.ID, id.Nil, "like")))
	must(t, second(w.AddReaction(w.Member(t, w.Ada), m.ID, id.Nil, "like")))
	entries := len(w.Events(t, v.ID))
	got, err := w.ReplaceReactions(w.Machine(t), m.ID, []messaging.Reaction{
		{IndividualID: w.Ada.ID, Name: "like"}, {IndividualID: w.Doctor.ID, Name: "love"}, {IndividualID: w.Doctor.ID, Name: "love"},
	})
	must(t, err)
	same(t, "reactions", reactions(w, got), []string{"ada like", "doctor love"})
	same(t, "entries", types(w.Events(t, v.ID)[entries:]), []string{messaging.EventReactionDeleted, messaging.EventReactionAdded})
	got, err = w.ReplaceReactions(w.Member(t, w.Ada), m.ID, []messaging.Reaction{{IndividualID: w.Doctor.ID, Name: "love"}, {IndividualID: w.Ada.ID, Name: "wow"}})
	must(t, err)
	same(t, "one's own", reactions(w, got), []string{"ada wow", "doctor love"})
	unchanged(t, w, "what is refused", func() {
		refused(t, "taking another's", second(w.ReplaceReactions(w.Member(t, w.Ada), m.ID, nil)), errs.CodeDenied, "")
		refused(t, "giving another's", second(w.ReplaceReactions(w.Member(t, w.Ada), m.ID, []messaging.Reaction{
			{IndividualID: w.Doctor.ID, Name: "love"}, {IndividualID: w.Nurse.ID, Name: "love"},
		})), errs.CodeDenied, "")
		refused(t, "a stranger's", second(w.ReplaceReactions(w.Machine(t), m.ID, []messaging.Reaction{{IndividualID: w.Alien.ID, Name: "x"}})), errs.CodeNotFound, "individual_ids[0]")
		refused(t, "no word", second(w.ReplaceReactions(w.Machine(t), m.ID, []messaging.Reaction{{IndividualID: w.Ada.ID}})), errs.CodeInvalid, "reactions")
		refused(t, "too many", second(w.ReplaceReactions(w.Machine(t), m.ID, make([]messaging.Reaction, 1001))), errs.CodeInvalid, "reactions")
	})
	w.CheckCounters(t, v.ID)
}
