package apptest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// TestIsolation tries every operation with another organization's identifiers, wherever one can stand: in the address,
// in the query, in the body. Each is refused as an identifier of nothing would be, word for word, and nothing of the
// other organization is changed or shown.
func TestIsolation(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t, apptest.Options{DatabaseURL: url(t)})
			i := &isolation{Server: s, theirs: s.NewOrganization(t), ours: s.NewOrganization(t)}
			i.settle(t)
			for _, o := range sampled(t, s) {
				t.Run(strings.ReplaceAll(o.Route(), "/", "_"), func(t *testing.T) { i.check(t, &o) })
			}
			if t.Logf("%d requests with identifiers of another organization", i.tried); i.tried < 150 {
				t.Error("too few: are identifiers still found in the samples?")
			}
		})
	}
}

type isolation struct {
	*apptest.Server
	theirs, ours *apptest.World
	tried        int
}

// settle waits until nothing is under way that would change rows by itself.
func (i *isolation) settle(t *testing.T) {
	t.Helper()
	for _, w := range []*apptest.World{i.theirs, i.ours} {
		awaitRest(t, i.Server, w)
		w.FindAuditEvent(t)
		w.MakePurge(t)
	}
}

func (i *isolation) check(t *testing.T, o *apptest.Operation) {
	organization, rows := i.theirs.IDs[apptest.Organization], apptest.CountRows(t, i.App.DB())
	var content apptest.Content
	if o.Writes() {
		content = apptest.ContentOf(t, i.App.DB(), organization)
	}
	r := sample(t, i.ours, o)
	if !o.Writes() { // before the audit has what is asked for below
		i.shown(t, send(t, i.Handler(), i.ours.Key, r), "")
	}
	for _, p := range r.Places() {
		if p.Kind == "" || unread(o, p) {
			continue
		}
		for _, spelled := range i.spellings(t, o, p.Kind) {
			i.refused(t, r, p, spelled[0], spelled[1])
		}
	}
	if o.Writes() {
		if changed := content.Changed(apptest.ContentOf(t, i.App.DB(), organization)); len(changed) > 0 {
			t.Errorf("rows of the other organization changed in %v", changed)
		}
	}
	if changed := rows.Changed(apptest.CountRows(t, i.App.DB())); len(changed) > 0 {
		t.Errorf("the refused requests changed %v", changed)
	}
}

// unread tells of values that an operation does not look at in its sample, because another member goes before them.
func unread(o *apptest.Operation, p apptest.Place) bool {
	return o.Route() == "POST /" && strings.HasPrefix(p.At, "/notifiables") // recipients are given too
}

// leftOut tells of identifiers that are answered by saying nothing about them.
func leftOut(o *apptest.Operation, p apptest.Place) bool {
	return o.Route() == "POST /v1/aggregation-requests/" && strings.HasSuffix(p.At, "/individual-id")
}

// spellings are another organization's identifier and one of nothing, as an API takes them.
func (i *isolation) spellings(t *testing.T, o *apptest.Operation, kind apptest.Kind) [][2]string {
	t.Helper()
	there, nothing := i.theirs.IDs[kind], id.New()
	if there.IsZero() {
		t.Fatalf("the other organization has no %s", kind)
	}
	out := [][2]string{{apptest.Spelled(o.API, there), apptest.Spelled(o.API, nothing)}}
	if o.API == "groups" {
		out = append(out, [2]string{there.String(), nothing.String()})
	}
	return out
}

// refused sends the request with an identifier of the other organization, and with one of nothing.
func (i *isolation) refused(t *testing.T, r *apptest.Request, p apptest.Place, theirs, nothing string) {
	t.Helper()
	i.tried++
	got := send(t, i.Handler(), i.ours.Key, i.with(t, r, p, theirs))
	want := send(t, i.Handler(), i.ours.Key, i.with(t, r, p, nothing))
	switch found := strings.HasPrefix(p.At, "?") && got.Status == 200; {
	case leftOut(r.Operation, p):
		if left, ok := got.Path(t, "data.attributes").(map[string]any); got.Status != 201 || !ok || len(left) > 0 {
			t.Errorf("%s: %d %s", p.At, got.Status, got.Body)
		}
	case !found && !slices.Contains([]int{400, 403, 404, 422}, got.Status):
		t.Errorf("%s: %d %s", p.At, got.Status, got.Body)
	case got.Status != want.Status || neutral(got, theirs) != neutral(want, nothing):
		t.Errorf("%s tells what is another organization's from what is not there:\n%d %s\n%d %s", p.At, got.Status, got.Body, want.Status, want.Body)
	}
	i.shown(t, got, theirs)
}

// with puts an identifier into a request. That of a courier document is the one of its address.
func (i *isolation) with(t *testing.T, r *apptest.Request, p apptest.Place, value string) *apptest.Request {
	t.Helper()
	out := r.With(t, p, value)
	if document, ok := out.Body.(map[string]any); ok && p.At == "{id}" {
		if data, ok := document["data"].(map[string]any); ok && data["id"] != nil {
			data["id"] = value
		}
	}
	return out
}

func neutral(r *webtest.Response, spelled string) string {
	return strings.ReplaceAll(string(r.Body), spelled, "THIS")
}

// shown looks for anything of the other organization in an answer, beside what was asked for.
func (i *isolation) shown(t *testing.T, r *webtest.Response, asked string) {
	t.Helper()
	for kind, record := range maps.All(i.theirs.IDs) {
		for _, spelled := range []string{record.String(), record.Short()} {
			if spelled != asked && strings.Contains(string(r.Body), spelled) {
				t.Errorf("the answer shows the %s of the other organization: %s", kind, r.Body)
			}
		}
	}
}
