package apptest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"switchboard/internal/access/accessoidc/oidctest"
	"switchboard/internal/app"
	"switchboard/internal/app/apptest"
	"switchboard/internal/web/webtest"
)

// TestAccess sends every operation as everybody who might: nobody, somebody with a key that is none, another organization's
// administrator with our identifiers, keys without the scope, and each role. The statuses stand in testdata/access.golden, one
// line a route, so that a change of rights shows in a review; -update writes it. What holds of every route is checked besides.
func TestAccess(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	s := apptest.Start(t, apptest.Options{Config: func(c *apptest.Config) {
		c.Issuers = map[string]map[string]any{"corp": {
			"issuer": issuer.URL, "audiences": "switchboard", "organization_claim": "org",
		}}
	}})
	m := &matrix{Server: s, issuer: issuer, strangers: s.NewOrganization(t)}
	var lines strings.Builder
	line(&lines, "route", "scope", callers()...)
	declared := map[string]bool{}
	for _, r := range app.Resources() {
		for _, action := range r.Actions {
			declared[r.Name+":"+action] = true
		}
	}
	for _, o := range s.Operations(t) {
		switch {
		case o.Public:
			line(&lines, o.Route(), "public")
			continue
		case !declared[o.Scope]:
			t.Errorf("%s needs the scope %s, which no context declares in its Resources", o.Route(), o.Scope)
		}
		row := m.row(t, &o)
		m.check(t, &o, row)
		statuses := []string{}
		for _, caller := range callers() {
			statuses = append(statuses, strconv.Itoa(row[caller]))
		}
		line(&lines, o.Route(), o.Scope, statuses...)
	}
	webtest.GoldenText(t, "access.golden", []byte(lines.String()))
}

// line writes a row whose columns stay where they are when a route comes or goes.
func line(to *strings.Builder, route, scope string, cells ...string) {
	text := fmt.Sprintf("%-50s %-26s", route, scope)
	for _, cell := range cells {
		text += fmt.Sprintf(" %-8s", cell)
	}
	to.WriteString(strings.TrimRight(text, " ") + "\n")
}

// callers are the columns, from least rights to most, so that what one may do is seldom undone by the one before.
func callers() []string {
	return []string{"nobody", "garbage", "stranger", "unscoped", "reader", "member", "oidc", "leader", "service", "scoped", "admin"}
}

type matrix struct {
	*apptest.Server
	issuer    *oidctest.Issuer
	strangers *apptest.World
	ours      *stage
	asked     int
}

// stage is a world, and the secrets of who is in it.
type stage struct {
	*apptest.World
	secrets map[string]string
}

// row asks one operation as everybody. A world that somebody has changed is replaced.
func (m *matrix) row(t *testing.T, o *apptest.Operation) map[string]int {
	t.Helper()
	row := map[string]int{}
	for _, caller := range callers() {
		if m.ours == nil {
			m.ours = m.build(t)
		}
		secret, known := m.ours.secrets[caller]
		switch {
		case caller == "unscoped":
			secret = m.key(t, m.ours.World, "service", elsewhere(o))
		case caller == "scoped":
			secret = m.key(t, m.ours.World, "administrator", o.Scope)
		case !known:
			t.Fatalf("there is no %s", caller)
		}
		answer := m.ask(t, o, secret)
		row[caller] = answer.Status
		if caller == "stranger" {
			m.discreet(t, o, answer)
		}
		if o.Writes() && answer.Status < 300 {
			m.ours = nil
		}
	}
	return row
}

// elsewhere is a scope that has nothing to do with an operation.
func elsewhere(o *apptest.Operation) string {
	if strings.HasPrefix(o.Scope, "topics:") {
		return "sites:read"
	}
	return "topics:read"
}

// ask sends a sample of the operation, made anew, as from an address of its own: guesses are counted by address.
func (m *matrix) ask(t *testing.T, o *apptest.Operation, secret string) *webtest.Response {
	t.Helper()
	m.asked++
	from := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "198.51." + strconv.Itoa(m.asked/250) + "." + strconv.Itoa(m.asked%250) + ":1234"
		m.Handler().ServeHTTP(w, r)
	})
	return send(t, from, secret, sample(t, m.ours.World, o))
}

// build makes a world in which the administrator's person leads the group that the member is in.
func (m *matrix) build(t *testing.T) *stage {
	t.Helper()
	w := m.NewOrganization(t)
	group := w.IDs[apptest.Group]
	m.done(t, 200, w.Key, "PATCH /v1/individual-groups/"+group.String()+"/", map[string]any{"data": map[string]any{
		"id": group, "type": "individual-groups", "attributes": map[string]any{"leader-ids": []any{w.IDs[apptest.OtherIndividual]}},
	}})
	user := m.done(t, 200, w.Key, "GET /v1/users/"+w.IDs[apptest.User].String()+"/", nil)
	return &stage{World: w, secrets: map[string]string{
		"nobody": "", "garbage": "nonsense", "stranger": m.strangers.Key, "admin": w.Key,
		"reader":  m.key(t, w, "administrator", "*:read"),
		"member":  m.key(t, w, "member", "*"),
		"leader":  m.key(t, w, "leader", "*"),
		"service": m.key(t, w, "service", "*"),
		"oidc": m.issuer.Token(t, map[string]any{
			"iss": m.issuer.URL, "sub": w.IDs[apptest.User].String(), "aud": "switchboard", "exp": time.Now().Add(time.Hour).Unix(),
			"email": user.Text(t, "data.attributes.email"), "email_verified": true, "org": w.IDs[apptest.Organization].String(),
		}),
	}}
}

// key makes a key in a world: a member's is that of the participant, a leader's and an administrator's that of the provider.
func (m *matrix) key(t *testing.T, w *apptest.World, role, scope string) string {
	t.Helper()
	attributes := map[string]any{"name": role, "role": role, "scopes": []any{scope}}
	switch role {
	case "member":
		attributes["user-id"] = w.IDs[apptest.User]
	case "leader", "administrator":
		attributes["user-id"] = w.IDs[apptest.OtherUser]
	}
	return m.done(t, 201, w.Key, "POST /v1/api-keys/", apptest.Document("api-keys", attributes)).Text(t, "data.attributes.secret")
}

func (m *matrix) done(t *testing.T, status int, key, do string, body any) *webtest.Response {
	t.Helper()
	r := webtest.Do(t, m.Handler(), key, do, body)
	if r.Status != status {
		t.Fatalf("%s answers %d, want %d: %s", do, r.Status, status, r.Body)
	}
	return r
}

// check holds a row to what is true of every route.
func (m *matrix) check(t *testing.T, o *apptest.Operation, row map[string]int) {
	t.Helper()
	expect := func(caller string, right bool, what string) {
		if !right {
			t.Errorf("%s as %s: %d, %s", o.Route(), caller, row[caller], what)
		}
	}
	for _, caller := range callers() {
		expect(caller, row[caller] < 500, "which is no refusal")
	}
	expect("nobody", row["nobody"] == 401, "want 401")
	expect("garbage", row["garbage"] == 401, "want 401")
	expect("unscoped", row["unscoped"] == 403, "want 403")
	expect("reader", !o.Writes() || strings.HasSuffix(o.Scope, ":read") || row["reader"] == 403, "want 403 of a key that only reads")
	expect("scoped", row["scoped"] != 401 && row["scoped"] != 403 || slices.Contains(handsOut(), o.Route()), "although it has the scope")
	expect("admin", row["admin"] != 401 && row["admin"] != 403, "although it may do everything")
	expect("oidc", row["oidc"] == row["member"], "and not what a key of the same person is answered")
	if slices.ContainsFunc(o.Wildcards(), func(p apptest.Param) bool { return apptest.KindOf(o, "{"+p.Name+"}", p.Schema) != "" }) {
		expect("stranger", slices.Contains([]int{400, 403, 404, 409, 422}, row["stranger"]), "with our identifiers in the address")
	}
}

// discreet looks for our records in what a stranger is answered, beside what was asked for.
func (m *matrix) discreet(t *testing.T, o *apptest.Operation, answer *webtest.Response) {
	t.Helper()
	if answer.Status >= 300 {
		return
	}
	for _, kind := range m.ours.Kinds() {
		for _, spelled := range []string{m.ours.IDs[kind].String(), m.ours.IDs[kind].Short()} {
			if strings.Contains(string(answer.Body), spelled) {
				t.Errorf("%s shows our %s to a stranger: %s", o.Route(), kind, answer.Body)
			}
		}
	}
}

// handsOut are operations that need, beside their scope, those that they hand out.
func handsOut() []string {
	return []string{"POST /v1/api-keys/", "PATCH /v1/api-keys/{id}/", "POST /v1/api-keys/{id}/rotate/", "POST /v1/user-tokens/"}
}
