package apptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/app/apptest"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/web/webtest"
)

// TestScimPull has one server read another one's users and groups over the wire: what is new, what has changed, who is archived,
// who is in a group. The first poll is interrupted by a stop and goes on after the start with the record behind the last one.
func TestScimPull(t *testing.T) {
	t.Parallel()
	apptest.Each(t, apptest.Options{}, func(t *testing.T, a *apptest.Server) {
		from := newProvider(t, a)
		ada := from.add("Users", object{"userName": "ada", "userType": "provider", "emails": []any{object{"value": "ada@corp.example"}}})
		bob := from.add("Users", object{"userName": "bob"})
		dan := from.add("Users", object{"userName": "dan"})
		ward := from.add("Groups", object{"displayName": "Pulled ward", "members": []any{object{"value": ada}, object{"value": bob}}})
		night := from.add("Groups", object{"displayName": "Pulled night", "members": []any{object{"value": dan}}})
		from.add("Groups", object{"displayName": "Pulled and empty"})

		wire := newGate(t, a.URL, "/Groups?count=1&startIndex=2")
		o := apptest.Options{Config: func(c *apptest.Config) {
			c.Replicators["corp"] = map[string]any{
				"kind": "directory.scim-pull", "organization": "Demo Hospital", "url": wire.URL + "/scim/v2", "token": from.key,
				"page_size": "1", "allow_private": "true", "interval": "24h",
			}
		}}
		b := apptest.Start(t, apptest.Options{DatabaseURL: another(t, a), Config: o.Config})
		<-wire.reached
		wire.forget()
		b = b.Restart(t, o)
		to := &puller{b, t}
		to.finished(counts{Read: 6, Created: 6})
		if first := wire.seen()[0]; first != "/Groups?count=1&startIndex=2" {
			t.Errorf("after the start the first request is %s", first)
		}
		to.members("Pulled ward", "ada", "bob")
		to.members("Pulled night", "dan")
		to.members("Pulled and empty")
		to.poll(counts{Read: 6, Unchanged: 6})

		eve := from.add("Users", object{"userName": "eve"})
		from.patch("Users/"+ada, object{"op": "replace", "path": "emails", "value": []any{object{"value": "ada@new.example"}}})
		from.patch("Users/"+bob, object{"op": "replace", "path": "active", "value": false})
		from.patch("Groups/"+ward, object{"op": "remove", "path": `members[value eq "` + bob + `"]`},
			object{"op": "add", "path": "members", "value": []any{object{"value": eve}}})
		a.Want(t, 204, from.key, "DELETE /scim/v2/Users/"+dan, nil)
		a.Want(t, 204, from.key, "DELETE /scim/v2/Groups/"+night, nil)
		to.poll(counts{Read: 5, Created: 1, Updated: 3, Unchanged: 1})
		to.members("Pulled ward", "ada", "eve")
		to.members("Pulled night", "dan") // what is missing stays
		if got := to.user("ada").Text(t, "Resources.0.emails.0.value"); got != "ada@new.example" {
			t.Errorf("the address of ada is %s", got)
		}
		for name, active := range map[string]string{"ada": "true", "bob": "false", "dan": "true", "eve": "true"} {
			if r := to.user(name); !strings.Contains(string(r.Body), `"active":`+active) {
				t.Errorf("%s: %s", name, r.Body)
			}
		}
		from.patch("Users/"+bob, object{"op": "replace", "path": "active", "value": true})
		to.poll(counts{Read: 5, Updated: 1, Unchanged: 4})
		to.poll(counts{Read: 5, Unchanged: 5})
	})
}

type object = map[string]any

// provider is the server that is read, seen by its administrator.
type provider struct {
	*apptest.Server
	t   *testing.T
	key string
}

func newProvider(t *testing.T, s *apptest.Server) *provider {
	t.Helper()
	made := s.Want(t, 201, s.Demo.Keys.Administrator, "POST /v1/organizations/", apptest.Document("organizations", map[string]any{
		"name": fmt.Sprintf("Corporation %d", apptest.Unique()),
	}))
	_, key := s.IssueKey(t, apptest.ParseID(t, made.Text(t, "data.id")), "administrator", "--scope", "scim")
	return &provider{s, t, key}
}

func (p *provider) add(list string, o object) (id string) {
	p.t.Helper()
	return p.Want(p.t, 201, p.key, "POST /scim/v2/"+list, o).Text(p.t, "id")
}

func (p *provider) patch(path string, operations ...any) {
	p.t.Helper()
	r := p.Do(p.t, p.key, "PATCH /scim/v2/"+path, object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": operations})
	if r.Status/100 != 2 {
		p.t.Fatalf("PATCH %s answers %d: %s", path, r.Status, r.Body)
	}
}

// another is the address of a fresh database of the same kind.
func another(t *testing.T, s *apptest.Server) string {
	t.Helper()
	if strings.HasPrefix(s.Config.DatabaseURL(), "postgres") {
		return dbtest.PostgresURL(t)
	}
	return dbtest.SQLiteURL(t)
}

// gate is a wire to a server. The first request for one address goes unanswered until whoever sent it gives up.
type gate struct {
	*httptest.Server
	reached chan struct{}
	mu      sync.Mutex
	asked   []string
	stopped bool
}

func newGate(t *testing.T, to, stopAt string) *gate {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	g := &gate{reached: make(chan struct{})}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.note(r) == stopAt && g.stop() {
			close(g.reached)
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gate) note(r *http.Request) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := strings.TrimPrefix(r.URL.RequestURI(), "/scim/v2")
	g.asked = append(g.asked, asked)
	return asked
}

// stop tells whether it is the first time.
func (g *gate) stop() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := !g.stopped
	g.stopped = true
	return first
}

func (g *gate) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = nil
}

func (g *gate) seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{"nothing"}, g.asked...)[min(1, len(g.asked)):]
}

// puller is the server that reads, seen by its administrator.
type puller struct {
	*apptest.Server
	t *testing.T
}

type counts struct {
	Read, Created, Adopted, Updated, Unchanged, Tombstoned, Conflicts, Errors, Overwritten int
}

type replicator struct {
	ID         string `json:"id"`
	Attributes struct {
		Name         string  `json:"name"`
		LastPollTime *string `json:"last-poll-time"`
		Polling      bool    `json:"polling"`
		LastError    *string `json:"last-error"`
		Counts       counts  `json:"counts"`
		Problems     []any   `json:"problems"`
	} `json:"attributes"`
}

func (p *puller) replicator() (out replicator) {
	p.t.Helper()
	var all struct {
		Data []replicator `json:"data"`
	}
	if err := json.Unmarshal(p.Want(p.t, 200, p.Demo.Keys.Administrator, "GET /v1/replicators/", nil).Body, &all); err != nil {
		p.t.Fatal(err)
	}
	for _, r := range all.Data {
		if r.Attributes.Name == "corp" {
			out = r
		}
	}
	return out
}

// finished waits until a poll has ended, and checks what came of it.
func (p *puller) finished(want counts) {
	p.t.Helper()
	p.after("", want)
}

func (p *puller) poll(want counts) {
	p.t.Helper()
	before := p.replicator()
	p.Want(p.t, 202, p.Demo.Keys.Administrator, "POST /v1/replicators/"+before.ID+"/poll/", nil)
	p.after(*before.Attributes.LastPollTime, want)
}

func (p *puller) after(time string, want counts) {
	p.t.Helper()
	var r replicator
	apptest.Eventually(p.t, "a poll has ended", func() error {
		r = p.replicator()
		if at := r.Attributes; at.Polling || at.LastPollTime == nil || *at.LastPollTime == time {
			return apptest.Errorf("%+v", at)
		}
		return nil
	})
	if diff := cmp.Diff(want, r.Attributes.Counts); diff != "" || r.Attributes.LastError != nil || len(r.Attributes.Problems) > 0 {
		p.t.Fatalf("the poll (-want +got):\n%s%+v", diff, r.Attributes)
	}
}

func (p *puller) find(list, attribute, value string) *webtest.Response {
	p.t.Helper()
	filter := url.QueryEscape(attribute + ` eq "` + value + `"`)
	return p.Want(p.t, 200, p.Demo.Keys.Administrator, "GET /scim/v2/"+list+"?filter="+filter, nil)
}

func (p *puller) user(name string) *webtest.Response {
	p.t.Helper()
	return p.find("Users", "userName", name)
}

// members checks who is in a group, by their usernames.
func (p *puller) members(group string, names ...string) {
	p.t.Helper()
	want, got := map[string]bool{}, map[string]bool{}
	for _, name := range names {
		want[p.user(name).Text(p.t, "Resources.0.id")] = true
	}
	var found struct {
		Resources []struct {
			Members []struct {
				Value string `json:"value"`
			} `json:"members"`
		} `json:"Resources"`
	}
	if err := json.Unmarshal(p.find("Groups", "displayName", group).Body, &found); err != nil || len(found.Resources) != 1 {
		p.t.Fatalf("%d groups %s: %v", len(found.Resources), group, err)
	}
	for _, m := range found.Resources[0].Members {
		got[m.Value] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("members of %s (-want +got):\n%s", group, diff)
	}
}
