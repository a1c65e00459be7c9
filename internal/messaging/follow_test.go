package messaging_test

import (
	"context"
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
)

// move changes who is in the ward, and lets the channels follow.
func move(t *testing.T, w *messagingtest.World, add []directory.Membership, remove ...id.ID) {
	t.Helper()
	must(t, w.People.SetMembers(t.Context(), w.Org, w.Ward.ID, add, remove))
	must(t, w.Follow(t.Context(), []event.Entry{
		{OrganizationID: w.Org, Type: "directory.group.updated", Subject: w.Ward.ID},
		{OrganizationID: w.Org, Type: "directory.group.updated", Subject: w.Ward.ID},
		{OrganizationID: w.Org, Type: "directory.user.updated", Subject: id.New()},
	}))
}

func (n named) in(w *messagingtest.World) directory.Membership {
	return directory.Membership{GroupID: w.Ward.ID, IndividualID: n.who.ID, Leader: n.leader}
}

type named struct {
	who    directory.Individual
	leader bool
}

func TestService_Follow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	floating := w.Single(t, true)
	fixed, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ben.ID}})
	must(t, err)
	group, err := w.CreateChannel(w.Machine(t), messaging.NewChannel{GroupID: w.Ward.ID, Purpose: messaging.OfGroup})
	must(t, err)
	w.Say(t, floating.ID, w.Ada, "before the clerk came")

	move(t, w, []directory.Membership{named{w.Clerk, true}.in(w), named{w.Cy, false}.in(w)}, w.Nurse.ID, w.Ben.ID)
	same(t, "floating", members(t, w, floating.ID), []string{"doctor", "ada", "clerk"})
	same(t, "fixed", members(t, w, fixed.ID), []string{"nurse", "doctor", "ben"})
	same(t, "the group's", members(t, w, group.ID), []string{"doctor", "ada", "clerk", "cy"})
	refused(t, "the former leader", w.CanRead(w.Leader(t, w.Nurse), floating.ID), errs.CodeNotFound, "")
	must(t, w.CanRead(w.Leader(t, w.Nurse), fixed.ID))
	same(t, "entries", types(w.Events(t, floating.ID)[2:]), []string{
		messaging.ChannelUnsubscribed, messaging.EventPosted, messaging.ChannelSubscribed, messaging.EventPosted,
	})
	if n := w.Unread(t, floating.ID, w.Clerk); n != 0 {
		t.Errorf("the new leader starts with %d unread", n)
	}
	if n := w.Count(t, "select count(*) from audit where request_id = 'system'"); n != 0 {
		t.Errorf("%d acts of the server are audited", n)
	}

	// Who was named stays whatever happens to the group, a leader included.
	must(t, second(w.ChangeChannel(w.Admin(t), floating.ID, messaging.ChannelChange{Type: new(messaging.Open)})))
	must(t, second(w.Subscribe(w.Admin(t), floating.ID, []id.ID{w.Doctor.ID, w.Ben.ID})))
	move(t, w, nil, w.Doctor.ID, w.Clerk.ID, w.Ada.ID)
	same(t, "floating", members(t, w, floating.ID), []string{"doctor", "ada", "ben"})
	same(t, "the group's", members(t, w, group.ID), []string{"cy"})

	// Archived channels follow too, or leaders would come back to what they may not see any more.
	must(t, second(w.Archive(w.Admin(t), group.ID)))
	must(t, w.People.DeleteGroup(t.Context(), w.Org, w.Ward.ID, w.Clock.Now()))
	must(t, w.Follow(t.Context(), []event.Entry{{OrganizationID: w.Org, Type: "directory.group.deleted", Subject: w.Ward.ID}}))
	same(t, "the deleted group's", members(t, w, group.ID), []string{})
	for _, v := range []messaging.View{floating, fixed, group} {
		w.CheckCounters(t, v.ID)
	}
	unchanged(t, w, "the same entries again", func() {
		must(t, w.Follow(t.Context(), []event.Entry{{OrganizationID: w.Org, Type: "directory.group.deleted", Subject: w.Ward.ID}}))
	})
}

func TestService_Follow_beginningToFloat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	move(t, w, []directory.Membership{named{w.Clerk, true}.in(w)}, w.Doctor.ID)
	same(t, "fixed", members(t, w, v.ID), []string{"nurse", "doctor", "ada"})
	must(t, second(w.ChangeChannel(w.Admin(t), v.ID, messaging.ChannelChange{Floating: new(true)})))
	same(t, "floating", members(t, w, v.ID), []string{"nurse", "ada", "clerk"})
	w.CheckCounters(t, v.ID)
}

func TestService_Follow_deletedIndividuals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	single := w.Single(t, false)
	direct, err := w.CreateChannel(w.Machine(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID, w.Clerk.ID}})
	must(t, err)
	must(t, second(w.Archive(w.Machine(t), direct.ID)))
	must(t, second(w.People.DeleteIndividual(t.Context(), w.Org, w.Ada.ID, w.Clock.Now())))
	must(t, w.Follow(t.Context(), []event.Entry{{OrganizationID: w.Org, Type: "directory.individual.deleted", Subject: w.Ada.ID}}))
	same(t, "single", members(t, w, single.ID), []string{"nurse", "doctor"})
	same(t, "archived", members(t, w, direct.ID), []string{"clerk"})
	if _, line := last[messaging.Posted](t, w, single.ID); line.Message != "Somebody was removed from the conversation." {
		t.Errorf("the line says %q", line.Message)
	}
	w.CheckCounters(t, single.ID)
}

// FollowGroup is part of the transaction that changed the group.
func TestService_FollowGroup_inATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, true)
	ctx := w.Admin(t)
	change := func(ctx context.Context) error {
		if err := w.People.SetMembers(ctx, w.Org, w.Ward.ID, nil, []id.ID{w.Nurse.ID}); err != nil {
			return err
		}
		return w.FollowGroup(ctx, w.Ward.ID)
	}
	unchanged(t, w, "a transaction that fails", func() {
		refused(t, "it", w.DB.Do(ctx, func(ctx context.Context) error {
			if err := change(ctx); err != nil {
				return err
			}
			return errs.CodeConflict.Errorf("no")
		}), errs.CodeConflict, "")
	})
	must(t, w.DB.Do(ctx, change))
	same(t, "subscribers", members(t, w, v.ID), []string{"doctor", "ada"})
}
