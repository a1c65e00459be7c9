package directory_test

import (
	"encoding/json"
	"strings"
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

func TestService_sites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, err := w.CreateSite(w.admin(), directory.SiteEdit{
		Name: new("HQ"), Address: new("Main St 1\nBerlin"), Tags: &[]string{"b", " a ", "b"}, Metadata: map[string]any{"floor": json.Number("3"), "none": nil},
	})
	w.must(err)
	want := directory.Site{
		ID: v.ID, OrganizationID: w.org.ID, Name: "HQ", Address: "Main St 1\nBerlin", Timezone: "Europe/Berlin", Tags: []string{"b", "a"},
		Metadata: map[string]any{"floor": json.Number("3")}, CreatedAt: w.now, ModifiedAt: w.now,
	}
	same(t, "answered", v, want)
	stored, err := w.GetSite(w.admin(), v.ID)
	w.must(err)
	same(t, "stored", stored, want)

	v, err = w.UpdateSite(w.admin(), v.ID, directory.SiteEdit{Timezone: new("UTC"), Metadata: map[string]any{"floor": nil, "room": "7"}})
	w.must(err)
	want.Timezone, want.Metadata = "UTC", map[string]any{"room": "7"}
	same(t, "updated", v, want)
	list, err := w.ListSites(w.admin())
	w.must(err)
	same(t, "listed", list, []directory.Site{want})

	w.must(w.DeleteSite(w.admin(), v.ID))
	same(t, "events", w.events(), []string{"directory.site.created", "directory.site.updated", "directory.site.deleted"})
	same(t, "told", w.last("directory.site.deleted"), `{"site-id":"`+v.ID.String()+`"}`)
	for what, err := range map[string]error{
		"get": second(w.GetSite(w.admin(), v.ID)), "second delete": w.DeleteSite(w.admin(), v.ID), "update": second(w.UpdateSite(w.admin(), v.ID, directory.SiteEdit{})),
		"never was": second(w.GetSite(w.admin(), id.New())),
	} {
		if !errs.Is(err, errs.CodeNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestService_CreateSite_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	crowd := make([]string, 51)
	for n := range crowd {
		crowd[n] = strings.Repeat("x", n+1)
	}
	many := map[string]any{}
	for n := range 51 {
		many[strings.Repeat("k", n+1)] = n
	}
	for name, tc := range map[string]struct {
		e      directory.SiteEdit
		fields []string
	}{
		"nothing": {directory.SiteEdit{}, []string{"name"}},
		"all at once": {directory.SiteEdit{
			Name: new(strings.Repeat("x", 256)), Address: new(strings.Repeat("x", 4097)), Timezone: new("Berlin"), Tags: &[]string{"ok", "", strings.Repeat("x", 65)},
			Metadata: map[string]any{"big": strings.Repeat("x", 17<<10)},
		}, []string{"name", "address", "timezone", "tags[1]", "tags[2]", "metadata"}},
		"too many": {directory.SiteEdit{Name: new("x"), Tags: &crowd, Metadata: many}, []string{"tags", "metadata"}},
	} {
		_, err := w.CreateSite(w.admin(), tc.e)
		w.refused(name, err, errs.CodeInvalid, tc.fields...)
	}
}
