package directory_test

import (
	"strings"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

func TestService_CreateIndividual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i, err := w.CreateIndividual(w.admin(), directory.NewIndividual{IndividualEdit: directory.IndividualEdit{
		FirstName: new("Ada"), LastName: new("Lovelace"), PreferredName: new(" Ad "), BirthDate: new("1815-12-10"),
		AvatarURL: new("https://x.test/a.png"), ExternalID: new("7"), OwnerID: &w.org.ID,
	}})
	w.must(err)
	want := directory.Individual{
		ID: i.ID, OrganizationID: w.org.ID, OwnerID: w.org.ID, OwnerType: directory.OwnedByOrganization, AccountType: directory.Participant,
		FirstName: "Ada", LastName: "Lovelace", PreferredName: "Ad", BirthDate: "1815-12-10", AvatarURL: "https://x.test/a.png",
		ExternalID: "7", CreatedAt: w.now, ModifiedAt: w.now,
	}
	same(t, "answered", i, want)
	stored, err := w.GetIndividual(w.admin(), i.ID)
	w.must(err)
	same(t, "stored", stored, want)
	same(t, "events", w.events(), []string{"directory.individual.created"})
	same(t, "user of it", i.UserID(), id.Nil)
}

func TestService_CreateIndividual_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := strings.Repeat("x", 256)
	for name, tc := range map[string]struct {
		n      directory.NewIndividual
		fields []string
	}{
		"kind":          {directory.NewIndividual{AccountType: "boss"}, []string{"account_type"}},
		"names":         {directory.NewIndividual{IndividualEdit: directory.IndividualEdit{FirstName: &long, LastName: &long, PreferredName: &long, ExternalID: &long}}, []string{"first_name", "last_name", "preferred_name", "external_id"}},
		"birth":         {directory.NewIndividual{IndividualEdit: directory.IndividualEdit{BirthDate: new("10.12.1815")}}, []string{"birth_date"}},
		"born tomorrow": {directory.NewIndividual{IndividualEdit: directory.IndividualEdit{BirthDate: new("2099-01-01")}}, []string{"birth_date"}},
		"no such day":   {directory.NewIndividual{IndividualEdit: directory.IndividualEdit{BirthDate: new("2001-02-29")}}, []string{"birth_date"}},
		"all at once": {
			directory.NewIndividual{IndividualEdit: directory.IndividualEdit{AvatarURL: new("x"), BirthDate: new("x"), OwnerID: new(id.New())}},
			[]string{"avatar_url", "birth_date", "owner_id"},
		},
		"another organization's user": {directory.NewIndividual{IndividualEdit: directory.IndividualEdit{OwnerID: &w.theirUser.ID}}, []string{"owner_id"}},
		"another organization":        {directory.NewIndividual{IndividualEdit: directory.IndividualEdit{OwnerID: &w.other.ID}}, []string{"owner_id"}},
	} {
		_, err := w.CreateIndividual(w.admin(), tc.n)
		w.refused(name, err, errs.CodeInvalid, tc.fields...)
	}
	_, err := w.CreateIndividual(w.admin(), directory.NewIndividual{AccountType: directory.Provider, IndividualEdit: directory.IndividualEdit{OwnerID: &w.leader.OwnerID}})
	w.refused("second provider", err, directory.SecondProvider, "owner_id")
}

// TestService_individualsMove shows that a user always has a primary individual while it has any, and hears of every
// change among them.
func TestService_individualsMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, err := w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("new")}, Alone: true})
	w.must(err)
	primary := func() id.ID {
		u, err := w.GetUser(w.admin(), u.ID)
		w.must(err)
		return u.PrimaryIndividualID
	}
	a, err := w.CreateIndividual(w.admin(), directory.NewIndividual{IndividualEdit: directory.IndividualEdit{OwnerID: &u.ID}})
	w.must(err)
	same(t, "the first is primary", primary(), a.ID)
	b, err := w.CreateIndividual(w.admin(), directory.NewIndividual{AccountType: directory.Provider})
	w.must(err)
	before := len(w.events())
	_, err = w.UpdateIndividual(w.admin(), b.ID, directory.IndividualEdit{OwnerID: &u.ID})
	w.must(err)
	same(t, "events of a move", w.events()[before:], []string{"directory.individual.updated", "directory.user.updated"})
	same(t, "a second changes nothing", primary(), a.ID)
	w.must(w.DeleteIndividual(w.admin(), a.ID))
	same(t, "the next follows", primary(), b.ID)
	_, err = w.UpdateIndividual(w.admin(), b.ID, directory.IndividualEdit{OwnerID: &w.org.ID})
	w.must(err)
	same(t, "none is left", primary(), id.Nil)
	_, err = w.UpdateIndividual(w.admin(), b.ID, directory.IndividualEdit{OwnerID: &w.leader.OwnerID})
	if !errs.Is(err, directory.SecondProvider) {
		t.Errorf("moved to a provider: %v", err)
	}
}

func TestService_UpdateIndividual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i, err := w.UpdateIndividual(w.admin(), w.ann.ID, directory.IndividualEdit{FirstName: new("Anna"), BirthDate: new("2000-01-01")})
	w.must(err)
	if i.FirstName != "Anna" || i.BirthDate != "2000-01-01" || !i.ModifiedAt.Equal(w.now) || i.OwnerID != w.ann.OwnerID {
		t.Errorf("%+v", i)
	}
	i, err = w.UpdateIndividual(w.admin(), w.ann.ID, directory.IndividualEdit{BirthDate: new("")})
	w.must(err)
	same(t, "cleared", i.BirthDate, "")
	same(t, "events", w.events(), []string{"directory.individual.updated", "directory.individual.updated"})
	if _, err := w.UpdateIndividual(w.admin(), id.New(), directory.IndividualEdit{}); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

func TestService_DeleteIndividual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.DeleteIndividual(w.admin(), w.leader.ID))
	same(t, "events", w.events(), []string{"directory.group.updated", "directory.individual.deleted", "directory.user.updated"})
	same(t, "group told", w.last("directory.group.updated"),
		`{"group-id":"`+w.group.ID.String()+`","leaders-removed":["`+w.leader.ID.String()+`"]}`)
	if err := w.DeleteIndividual(w.admin(), w.leader.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("second delete: %v", err)
	}
	leads, err := w.Leads(t.Context(), w.org.ID, w.group.ID, []id.ID{w.leader.ID})
	w.must(err)
	same(t, "leads after delete", leads, false)
}

func TestService_ListIndividuals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tc := range map[string]struct {
		q    directory.IndividualQuery
		want int
	}{
		"all": {directory.IndividualQuery{}, 4}, "name": {directory.IndividualQuery{Name: "AN"}, 1}, "group": {directory.IndividualQuery{GroupID: w.group.ID}, 3},
		"name in group": {directory.IndividualQuery{Name: "b", GroupID: w.group.ID}, 1}, "their group": {directory.IndividualQuery{GroupID: w.theirGroup.ID}, 0},
	} {
		l, err := w.ListIndividuals(w.admin(), tc.q, first100)
		w.must(err)
		same(t, name, l.Total, tc.want)
	}
	l, err := w.ListIndividuals(w.as(actor.Member, &w.cy), directory.IndividualQuery{GroupID: w.group.ID}, first100)
	w.must(err)
	same(t, "a group that one is not in", l.Total, 0)
}
