package directory_test

import (
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

func TestService_CreateContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := w.CreateContact(w.admin(), directory.NewContact{
		Username: "FrankMcCallister", Phone: "1-800-759-3000", AvatarURL: "https://assets.test/frank.jpg", DisplayName: "Frank",
	})
	w.must(err)
	if u := c.User; u.Username != "FrankMcCallister" || u.Phone != "+18007593000" || u.State != directory.NotificationOnly || u.PrimaryIndividualID != c.Individual.ID {
		t.Errorf("user: %+v", u)
	}
	if i := c.Individual; i.AccountType != directory.Participant || i.OwnerID != c.User.ID || i.PreferredName != "Frank" || i.AvatarURL != "https://assets.test/frank.jpg" {
		t.Errorf("individual: %+v", i)
	}
	stored, err := w.GetContact(w.admin(), c.Individual.ID)
	w.must(err)
	same(t, "stored", stored, c)
	same(t, "events", w.events(), []string{"directory.user.created", "directory.individual.created"})
}

func TestService_CreateContact_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tc := range map[string]struct {
		n      directory.NewContact
		fields []string
	}{
		"nothing":     {directory.NewContact{}, []string{"username", "phone_number"}},
		"all at once": {directory.NewContact{Username: "x", Phone: "x", DisplayName: "a\nb", AvatarURL: "x"}, []string{"phone_number", "display_name", "avatar_url"}},
	} {
		_, err := w.CreateContact(w.admin(), tc.n)
		w.refused(name, err, errs.CodeInvalid, tc.fields...)
	}
	_, err := w.CreateContact(w.admin(), directory.NewContact{Username: "ANN", Phone: "+14155552671"})
	w.refused("taken", err, directory.DuplicateUsername, "username")
}

func TestService_UpdateContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := w.UpdateContact(w.admin(), w.ann.ID, directory.ContactEdit{DisplayName: new("Annie")})
	w.must(err)
	same(t, "answered", c.Individual.PreferredName, "Annie")
	c, err = w.UpdateContact(w.admin(), w.ann.ID, directory.ContactEdit{DisplayName: new(""), AvatarURL: new("https://x.test/a.png")})
	w.must(err)
	stored, err := w.GetContact(w.admin(), w.ann.ID)
	w.must(err)
	same(t, "stored", stored, c)
	same(t, "cleared", stored.Individual.PreferredName, "")
	for what, contact := range map[string]id.ID{"provider": w.leader.ID, "nobody": id.New(), "theirs": w.theirs.ID} {
		if _, err := w.UpdateContact(w.admin(), contact, directory.ContactEdit{}); !errs.Is(err, errs.CodeNotFound) {
			t.Errorf("%s: %v", what, err)
		}
		if err := w.DeleteContact(w.admin(), contact); !errs.Is(err, errs.CodeNotFound) {
			t.Errorf("delete of %s: %v", what, err)
		}
	}
}

func TestService_DeleteContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.DeleteContact(w.admin(), w.ann.ID))
	same(t, "events", w.events(), []string{"directory.group.updated", "directory.individual.deleted", "directory.user.deleted"})
	l, err := w.ListContacts(w.admin(), true, page.Cursor{Limit: 10})
	w.must(err)
	same(t, "contacts", len(l.Items), 2)
}

func TestService_ResolveContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids, err := w.ResolveContacts(t.Context(), w.org.ID, "contacts", []directory.ContactRef{{Username: "BEN"}, {ID: w.ann.ID}, {ID: w.ben.ID}})
	w.must(err)
	same(t, "resolved", ids, []id.ID{w.ann.ID, w.ben.ID})
	_, err = w.ResolveContacts(t.Context(), w.org.ID, "contacts", []directory.ContactRef{
		{Username: "ann"}, {Username: "nobody"}, {ID: id.New()}, {ID: w.theirs.ID}, {ID: w.leader.ID}, {Username: "leader"}, {},
	})
	w.refused("unknown", err, errs.CodeInvalid, "contacts[1]", "contacts[2]", "contacts[3]", "contacts[4]", "contacts[5]", "contacts[6]")
	none, err := w.ResolveContacts(t.Context(), w.org.ID, "contacts", nil)
	w.must(err)
	same(t, "none", none, []id.ID{})
}

// TestService_Contacts shows a participant who is in a conversation with it, but not their addresses.
func TestService_Contacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.UpdateUser(w.admin(), w.ben.OwnerID, directory.UserEdit{Phone: new("+14155552671"), Email: new("ben@example.org")})
	w.must(err)
	nobodys, err := w.CreateIndividual(w.admin(), directory.NewIndividual{})
	w.must(err)
	all := []id.ID{w.ben.ID, w.leader.ID, nobodys.ID, w.theirs.ID, w.ben.ID}
	for who, sees := range map[string]bool{"administrator": true, "machine": true, "leader": true, "provider": true, "member": false} {
		ctx := w.everyone()[who]
		found, err := w.Contacts(ctx, all)
		w.must(err)
		same(t, "how many", len(found), 3)
		one, err := w.GetContact(ctx, w.ben.ID)
		w.must(err)
		list, err := w.ListContacts(ctx, false, page.Cursor{Limit: 10})
		w.must(err)
		for _, c := range list.Items {
			if c.Individual.ID == w.ben.ID {
				same(t, "listed to "+who, c, one)
			}
		}
		same(t, "shown to "+who, found[w.ben.ID], one)
		if u := one.User; u.Username != "ben" || (u.Phone != "") != sees || (u.Email != "") != sees || (len(u.Notifications) > 0) != sees {
			t.Errorf("%s sees %+v", who, u)
		}
		same(t, "user of an individual without one", found[nobodys.ID].User, directory.User{})
	}
	own, err := w.GetContact(w.as(actor.Member, &w.ben), w.ben.ID)
	w.must(err)
	same(t, "one's own number", own.User.Phone, "+14155552671")
	named, err := w.UsersNamed(t.Context(), w.org.ID, []string{"BEN", "theirs"})
	w.must(err)
	same(t, "named", len(named), 1)
}
