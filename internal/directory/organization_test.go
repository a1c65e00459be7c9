package directory_test

import (
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// TestService_CreateOrganization shows that a new tenant is nobody's who made it.
func TestService_CreateOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, err := w.CreateOrganization(w.admin(), directory.OrganizationEdit{Name: new(" New "), Timezone: new("Asia/Tokyo"), Locale: new("es-US")})
	w.must(err)
	same(t, "answered", o, directory.Organization{ID: o.ID, Name: "New", Timezone: "Asia/Tokyo", Locale: "es_US", CreatedAt: w.now, ModifiedAt: w.now})
	stored, err := w.Organization(t.Context(), o.ID)
	w.must(err)
	same(t, "stored", stored, o)
	entries := w.entries()
	same(t, "events", w.events(), []string{"directory.organization.created"})
	same(t, "whose event", entries[0].OrganizationID, o.ID)
	same(t, "audited in both", w.audits(), 2)

	l, err := w.ListOrganizations(w.admin(), "", first100)
	w.must(err)
	same(t, "its maker lists", l, page.List[directory.Organization]{Items: []directory.Organization{w.org}, Total: 1})
	for what, err := range map[string]error{
		"get": second(w.GetOrganization(w.admin(), o.ID)), "update": second(w.UpdateOrganization(w.admin(), o.ID, directory.OrganizationEdit{})), "delete": w.DeleteOrganization(w.admin(), o.ID),
	} {
		if !errs.Is(err, errs.CodeNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	first, err := w.CreateOrganization(actor.With(t.Context(), actor.System(id.Nil)), directory.OrganizationEdit{Name: new("First")})
	w.must(err)
	if first.Timezone != "UTC" || first.Locale != "en_US" {
		t.Errorf("defaults: %+v", first)
	}
}

func TestService_CreateOrganization_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.CreateOrganization(w.admin(), directory.OrganizationEdit{
		Name: new(""), DisplayName: new("a\tb"), Timezone: new("Mars"), Locale: new("e"), Classification: new("\x01"), ProviderType: new("\x7f"),
	})
	w.refused("all at once", err, errs.CodeInvalid, "name", "display_name", "timezone", "locale", "classification", "provider_type")
}

func TestService_UpdateOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, err := w.UpdateOrganization(w.admin(), w.org.ID, directory.OrganizationEdit{DisplayName: new("Über uns"), ProviderType: new("clinic")})
	w.must(err)
	if o.Name != "Ours" || o.Title() != "Über uns" || o.ProviderType != "clinic" || !o.ModifiedAt.Equal(w.now) {
		t.Errorf("%+v", o)
	}
	for name, want := range map[string]int{"": 1, "ours": 1, "uber": 1, "theirs": 0} {
		l, err := w.ListOrganizations(w.admin(), name, first100)
		w.must(err)
		same(t, "named "+name, l.Total, want)
	}
	beyond, err := w.ListOrganizations(w.admin(), "", page.Offset{Limit: 1, Offset: 1})
	w.must(err)
	if beyond.Total != 1 || len(beyond.Items) != 0 {
		t.Errorf("second page: %+v", beyond)
	}
	if _, err := w.UpdateOrganization(w.admin(), w.org.ID, directory.OrganizationEdit{Name: new("")}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("no name: %v", err)
	}
	same(t, "events", w.events(), []string{"directory.organization.updated"})
}

// TestService_DeleteOrganization shows that a key outlives the organization to no use.
func TestService_DeleteOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.DeleteOrganization(w.admin(), w.org.ID))
	same(t, "events", w.events(), []string{"directory.organization.deleted"})
	for what, err := range map[string]error{
		"get": second(w.GetOrganization(w.admin(), w.org.ID)), "list": second(w.ListOrganizations(w.admin(), "", first100)),
		"second delete": w.DeleteOrganization(w.admin(), w.org.ID), "user": second(w.GetUser(w.admin(), w.ann.OwnerID)),
		"new user": second(w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("x")}})),
		"new site": second(w.CreateSite(w.admin(), directory.SiteEdit{Name: new("x")})),
	} {
		if !errs.Is(err, errs.CodeNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := w.Organization(t.Context(), w.other.ID); err != nil {
		t.Errorf("the other organization: %v", err)
	}
}
