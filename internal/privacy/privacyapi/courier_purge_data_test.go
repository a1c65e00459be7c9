package privacyapi_test

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

const purges = "/v1/purge-data/"

func purging(kind string, entity id.ID, more ...members) members {
	attributes := members{"entity-type": kind, "entity-id": entity}
	for _, m := range more {
		maps.Copy(attributes, m)
	}
	return of("system-purges", attributes)
}

func TestPurges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := webtest.Do(t, w, "administrator", "POST "+purges, purging("user", w.ann.ID, members{"archive": true, "reference-id": "case 7", "request-id": "r"}))
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	webtest.Golden(t, "courier/purge-accepted", r.Body)
	webtest.Golden(t, "courier/purges-requested", webtest.Do(t, w, "administrator", "GET "+purges, nil).Body)
	_, err := w.privacy.Work(t.Context())
	must(t, err)
	list := webtest.Do(t, w, "administrator", "GET "+purges, nil)
	one := purges + firstOf(t, list) + "/"
	got := webtest.Do(t, w, "administrator", "GET "+one, nil)
	webtest.Golden(t, "courier/purge", regexp.MustCompile(`"[0-9a-f]{64}"`).ReplaceAll(got.Body, []byte(`"HASH"`)))
	archives, err := os.ReadDir(w.archives)
	if err != nil || len(archives) != 1 || !strings.Contains(string(got.Body), archives[0].Name()) {
		t.Errorf("archives = %v, %v", archives, err)
	}
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "a reader", As: "reader", Do: "GET " + one, Want: 200, Contains: []string{`"state":"completed"`, `"signature":`}},
		{Name: "a stranger", As: "stranger", Do: "GET " + one, Want: 404},
		{Name: "a stranger's list", As: "stranger", Do: "GET " + purges, Want: 200, Contains: []string{`"data":[]`, `"page[total]":0`}},
		{Name: "a leader", As: "leader", Do: "GET " + one, Want: 403},
		{Name: "the person", As: "ann", Do: "GET " + purges, Want: 403},
		{Name: "a machine", As: "machine", Do: "GET " + one, Want: 403},
		{Name: "no scope", As: "unscoped", Do: "GET " + one, Want: 403},
		{Name: "nobody", Do: "GET " + one, Want: 401},
		{Name: "no id", As: "administrator", Do: "GET " + purges + "x/", Want: 404},
		{Name: "nobody's", As: "administrator", Do: "GET " + purges + id.New().String() + "/", Want: 404},
		{Name: "past the end", As: "administrator", Do: "GET " + purges + "?page[offset]=5", Want: 200, Contains: []string{`"data":[]`, `"page[total]":1`}},
		{Name: "an unknown filter", As: "administrator", Do: "GET " + purges + "?filter[state]=running", Want: 400, Error: "filter[state]"},
		{Name: "what was purged", As: "administrator", Do: "POST " + purges, Body: purging("user", w.ann.ID), Want: 404},
		{Name: "asked again", As: "administrator", Do: "POST " + purges, Body: purging("user", w.ann.ID, members{"request-id": "r"}), Want: 201},
	})
	if total := webtest.Do(t, w, "administrator", "GET "+purges, nil); !strings.Contains(string(total.Body), `"page[total]":1`) {
		t.Errorf("asking again makes another: %s", total.Body)
	}
}

func firstOf(t *testing.T, r *webtest.Response) string {
	t.Helper()
	_, after, found := strings.Cut(string(r.Body), `"id":"`)
	if !found || len(after) < 36 {
		t.Fatalf("nothing in %s", r.Body)
	}
	return after[:36]
}

func TestPurges_refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := "POST " + purges
	ask := func(name string, change members) webtest.Scenario {
		return webtest.Scenario{Name: name, As: "administrator", Do: post, Body: purging("user", w.ann.ID, change)}
	}
	wrong := func(name string, change members, field string) webtest.Scenario {
		s := ask(name, change)
		s.Want, s.Error = 422, "/data/attributes/"+field
		return s
	}
	w.refusals([]webtest.Scenario{
		{Name: "nobody", Do: post, Body: purging("user", w.ann.ID), Want: 401},
		{Name: "the person", As: "ann", Do: post, Body: purging("user", w.ann.ID), Want: 403},
		{Name: "a leader", As: "leader", Do: post, Body: purging("user", w.ann.ID), Want: 403},
		{Name: "a machine", As: "machine", Do: post, Body: purging("user", w.ann.ID), Want: 403},
		{Name: "a reader", As: "reader", Do: post, Body: purging("user", w.ann.ID), Want: 403},
		{Name: "no scope", As: "unscoped", Do: post, Body: purging("user", w.ann.ID), Want: 403},
		{Name: "a leader, of nobody", As: "leader", Do: post, Body: purging("user", id.New()), Want: 403},
		wrong("another kind", members{"entity-type": "site"}, "entity-type"),
		wrong("no kind", members{"entity-type": nil}, "entity-type"),
		wrong("a kind that is a number", members{"entity-type": 7}, "entity-type"),
		wrong("what is no id", members{"entity-id": "ann"}, "entity-id"),
		wrong("a list of ids", members{"entity-id": []id.ID{w.ann.ID}}, "entity-id"),
		wrong("no id", members{"entity-id": nil}, "entity-id"),
		wrong("an archive that is a text", members{"archive": "yes"}, "archive"),
		wrong("a long reference", members{"reference-id": strings.Repeat("x", 256)}, "reference-id"),
		wrong("a long request", members{"request-id": strings.Repeat("x", 256)}, "request-id"),
		wrong("a request that is a number", members{"request-id": 7}, "request-id"),
		wrong("an unknown member", members{"force": true}, "force"),
		{Name: "no document", As: "administrator", Do: post, Body: "{}", Want: 422, Error: "/data"},
		{Name: "no JSON", As: "administrator", Do: post, Body: "{", Want: 400},
		{Name: "another type", As: "administrator", Do: post, Body: of("users", members{"entity-type": "user", "entity-id": w.ann.ID}), Want: 422, Error: "/data/type"},
	})
}

// TestPurges_isolation shows that another organization's records are answered word for word as those that nobody has.
func TestPurges_isolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.rows()
	for kind, theirs := range map[string]id.ID{"user": w.eve.ID, "individual": w.eve.PrimaryIndividualID, "organization": w.them.ID} {
		for _, path := range []string{"POST " + purges, "POST " + holds} {
			typ, more := "system-purges", members{"entity-type": kind}
			if strings.HasSuffix(path, holds) {
				typ, more = "legal-holds", members{"entity-type": kind, "reason": "x"}
			}
			ask := func(entity id.ID) string {
				more["entity-id"] = entity
				r := webtest.Do(t, w, "administrator", path, of(typ, more))
				if r.Status != 404 {
					t.Errorf("%s of %s %s is answered %d %s", path, kind, entity, r.Status, r.Body)
				}
				return string(webtest.Normalize(r.Body))
			}
			if got, want := ask(theirs), ask(id.New()); got != want {
				t.Errorf("%s of another organization's %s is %s, of nobody's %s", path, kind, got, want)
			}
		}
	}
	if after := w.rows(); after != before {
		t.Errorf("rows went from %d to %d", before, after)
	}
}

func TestPurges_conflicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := "POST " + purges
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "accepted", As: "administrator", Do: post, Body: purging("user", w.ann.ID, members{"request-id": "r"}), Want: 201},
		{Name: "another organization's of that request id", As: "stranger", Do: post, Body: purging("user", w.eve.ID, members{"request-id": "r"}), Want: 201},
	})
	one := firstOf(t, webtest.Do(t, w, "administrator", "GET "+purges, nil))
	w.refusals([]webtest.Scenario{
		{Name: "again", As: "administrator", Do: post, Body: purging("user", w.ann.ID, members{"request-id": "r"}), Want: 201},
		{
			Name: "the request id for another", As: "administrator", Do: post, Body: purging("user", w.ben.ID, members{"request-id": "r"}),
			Want: 422, Error: "/data/attributes/request-id",
		},
		{
			Name: "the request id for another kind", As: "administrator", Do: post, Body: purging("individual", w.ann.ID, members{"request-id": "r"}),
			Want: 422, Error: "/data/attributes/request-id",
		},
		{
			Name: "without the request id", As: "administrator", Do: post, Body: purging("user", w.ann.ID), Want: 409, Code: "PurgeRunning",
			Contains: []string{one},
		},
	})
}
