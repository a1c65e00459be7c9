package access_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/access/accessdb"
	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/vault/vaulttest"
)

// people is a directory of one organization.
type people struct {
	mu           sync.Mutex
	users        map[id.ID]directory.User
	own          map[id.ID][]directory.Individual
	gone         bool  // the organization is
	leads        bool  // everybody a group
	organization id.ID // of the names
}

func (p *people) Memberships(_ context.Context, _ id.ID, individuals []id.ID) ([]directory.Membership, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []directory.Membership{{GroupID: id.New()}}
	if p.leads && len(individuals) > 0 {
		out = append(out, directory.Membership{GroupID: id.New(), IndividualID: individuals[0], Leader: true})
	}
	return out, nil
}

// change changes the user of the world.
func (w *world) change(t *testing.T, change func(u *directory.User)) {
	t.Helper()
	w.people.mu.Lock()
	defer w.people.mu.Unlock()
	u := w.people.users[w.user]
	change(&u)
	w.people.users[w.user] = u
}

func (p *people) Organization(_ context.Context, organization id.ID) (directory.Organization, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return directory.Organization{}, errs.MissingRecord("organization")
	}
	return directory.Organization{ID: organization}, nil
}

func (p *people) Users(_ context.Context, organization id.ID, ids []id.ID) (map[id.ID]directory.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[id.ID]directory.User{}
	for _, i := range ids {
		if u, ok := p.users[i]; ok && u.OrganizationID == organization {
			out[i] = u
		}
	}
	return out, nil
}

func (p *people) IndividualsOfUsers(_ context.Context, _ id.ID, _ []id.ID) (map[id.ID][]directory.Individual, error) {
	return p.own, nil
}

type world struct {
	*access.Service
	org    id.ID
	user   id.ID
	people *people
	seen   []map[id.ID]time.Time // what Flush told
	db     *db.DB
	now    time.Time
	mu     sync.Mutex
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) see(_ context.Context, users map[id.ID]time.Time) error {
	w.seen = append(w.seen, users)
	return nil
}

func newWorld(t *testing.T, d *db.DB, issuers ...access.Issuer) *world {
	t.Helper()
	w := &world{org: id.New(), user: id.New(), db: d, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	w.people = &people{
		users: map[id.ID]directory.User{w.user: {ID: w.user, OrganizationID: w.org, State: "active"}},
		own:   map[id.ID][]directory.Individual{w.user: {{ID: id.New()}, {ID: id.New()}}},
	}
	log := eventlog.New(d, clock.System, slog.New(slog.DiscardHandler))
	w.Service = access.New(access.Options{Store: accessdb.New(d, vaulttest.Box()), Tx: d, Events: log, Directory: w.people, SignIn: w.people, Issuers: issuers, Seen: w.see, Clock: w.clock, Resources: []actor.Resource{
		{Name: "messages", Actions: actor.ReadWrite()},
		{Name: "events", Actions: actor.ReadWrite()},
		{Name: "logs", Actions: []string{actor.Read}},
		{Name: "api-keys", Actions: actor.ReadWrite()},
		{Name: "user-tokens", Actions: actor.ReadWrite()},
		{Name: "messaging-bookmarks", Actions: actor.ReadWrite()},
	}})
	return w
}

func (w *world) admin(t *testing.T) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.System(w.org))
}

func (w *world) key(t *testing.T, n access.NewKey) (access.Key, string) {
	t.Helper()
	n.OrganizationID, n.Name = w.org, "test"
	k, secret, err := w.CreateKey(w.admin(t), n)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func TestService_Authenticate(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		k, secret := w.key(t, access.NewKey{Role: actor.Leader, UserID: w.user, Scopes: []string{"messages:read"}})
		for range 2 { // looked up, then remembered
			a, err := w.Authenticate(t.Context(), secret)
			if err != nil || a.KeyID != k.ID || a.OrganizationID != w.org || a.Role != actor.Leader || len(a.Individuals) != 2 || !a.Has("messages", "read") || a.Has("messages", "write") {
				t.Fatalf("Authenticate = %+v, %v", a, err)
			}
		}
		for name, wrong := range map[string]string{
			"nothing": "", "garbage": "hello", "a wrong secret": secret[:len(secret)-1] + "x", "another id": "sbk_" + id.New().Short() + "_" + secret[27:],
			"half": secret[:20], "a token that is none": "sbt_ABCDEFGHIJKLMNOPQRSTUVWXYZ", "very long": "sbk_" + strings.Repeat("x", 10_000),
		} {
			if a, err := w.Authenticate(t.Context(), wrong); errs.KindOf(err) != errs.Unauthenticated || !a.IsZero() {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
		}
		raw, err := db.All(t.Context(), d.Q(t.Context()), db.Scalar[string], "select secret_hash from api_key_secrets")
		if err != nil || strings.Contains(secret, raw[0]) {
			t.Errorf("the secret is stored: %q, %v", raw, err)
		}
	})
}

func TestService_keysEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	dead := func(name, secret string) {
		t.Helper()
		if _, err := w.Authenticate(t.Context(), secret); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	alive := func(secret string) {
		t.Helper()
		if _, err := w.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	_, expiring := w.key(t, access.NewKey{Role: actor.Service, ExpiresAt: w.clock().Add(3 * time.Second)})
	alive(expiring)
	w.pass(3 * time.Second)
	dead("expired", expiring)

	k, revoked := w.key(t, access.NewKey{Role: actor.Service})
	_, token, err := w.Exchange(t.Context(), k.ID.String(), revoked, nil)
	if err != nil {
		t.Fatal(err)
	}
	alive(revoked)
	alive(token)
	if err := w.RevokeKey(w.admin(t), w.org, k.ID); err != nil {
		t.Fatal(err)
	}
	dead("revoked, at once", revoked)
	dead("a token of a revoked key", token)
	if err := w.RevokeKey(w.admin(t), w.org, k.ID); errs.KindOf(err) != errs.NotFound {
		t.Errorf("revoking twice: %v", err)
	}

	_, persons := w.key(t, access.NewKey{Role: actor.Member, UserID: w.user})
	alive(persons)
	w.change(t, func(u *directory.User) { u.State = directory.Archived })
	w.Follow([]event.Entry{{OrganizationID: w.org, Type: "directory.user.updated"}})
	dead("the key of an archived user", persons)

	_, machines := w.key(t, access.NewKey{Role: actor.Service})
	alive(machines)
	w.people.mu.Lock()
	w.people.gone = true
	w.people.mu.Unlock()
	w.Follow([]event.Entry{{OrganizationID: w.org, Type: "directory.organization.deleted"}})
	dead("the key of a deleted organization", machines)
	for _, typ := range []string{"privacy.purge.completed", "privacy.data.imported"} {
		w.people.mu.Lock()
		w.people.gone = false
		w.people.mu.Unlock()
		alive(machines)
		w.people.mu.Lock()
		w.people.gone = true
		w.people.mu.Unlock()
		w.Follow([]event.Entry{{OrganizationID: id.New(), Type: typ}})
		alive(machines)
		w.Follow([]event.Entry{{OrganizationID: w.org, Type: typ}})
		dead("a key after "+typ, machines)
	}
}

func TestService_revocationElsewhere(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	w, other := newWorld(t, d), newWorld(t, d)
	k, secret := w.key(t, access.NewKey{Role: actor.Service})
	if _, err := other.Authenticate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if err := w.RevokeKey(w.admin(t), w.org, k.ID); err != nil {
		t.Fatal(err)
	}
	other.pass(6 * time.Second) // its log entry never came
	if _, err := other.Authenticate(t.Context(), secret); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("another node, six seconds later: %v", err)
	}
}

func TestService_Exchange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	k, secret := w.key(t, access.NewKey{Role: actor.Service, Scopes: []string{"messages", "events:read"}})
	bare := secret[strings.LastIndexByte(secret, '_')+1:]
	for name, pair := range map[string][2]string{
		"the whole key": {"anything", secret}, "short id": {k.ID.Short(), bare}, "canonical id": {k.ID.String(), bare},
	} {
		tok, bearer, err := w.Exchange(t.Context(), pair[0], pair[1], []string{"messages:read"})
		if err != nil || tok.ExpiresAt.Sub(w.clock()) != access.TokenLife {
			t.Fatalf("%s: %+v, %v", name, tok, err)
		}
		a, err := w.Authenticate(t.Context(), bearer)
		if err != nil || a.KeyID != k.ID || !a.Has("messages", "read") || a.Has("messages", "write") || a.Has("events", "read") {
			t.Errorf("%s: the token is %+v, %v", name, a, err)
		}
	}
	for _, asked := range []string{"*", "events:write", "events", "groups:read", "messages:fly", "*:read"} {
		if _, _, err := w.Exchange(t.Context(), "", secret, []string{asked}); errs.KindOf(err) != errs.Denied {
			t.Errorf("the scope %q: %v", asked, err)
		}
	}
	_, everything := w.key(t, access.NewKey{Role: actor.Service, Scopes: []string{"*"}})
	for asked, want := range map[string]string{"event:read": "did you mean events?", "logs:write": "names an action", "Events": "resource:action"} {
		if _, _, err := w.Exchange(t.Context(), "", everything, []string{"events", asked}); errs.KindOf(err) != errs.Denied || !strings.Contains(err.Error(), want) {
			t.Errorf("the scope %q, which there is not: %v", asked, err)
		}
	}
	_, bearer, err := w.Exchange(t.Context(), "", secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.pass(access.TokenLife)
	if _, err := w.Authenticate(t.Context(), bearer); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("an expired token: %v", err)
	}
	w.pass(access.TokenLife)
	if n, err := w.Prune(t.Context()); n != 4 || err != nil {
		t.Errorf("Prune = %d, %v", n, err)
	}
}

func TestService_CreateKey_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	valid := access.NewKey{OrganizationID: w.org, Name: "x", Role: actor.Service}
	for name, change := range map[string]func(*access.NewKey){
		"name":       func(n *access.NewKey) { n.Name = "" },
		"role":       func(n *access.NewKey) { n.Role = "king" },
		"user_id":    func(n *access.NewKey) { n.Role = actor.Member },
		"user_id ":   func(n *access.NewKey) { n.UserID = w.user },
		"user_id  ":  func(n *access.NewKey) { n.Role, n.UserID = actor.Member, id.New() },
		"expires_at": func(n *access.NewKey) { n.ExpiresAt = w.clock() },
		"scopes[1]":  func(n *access.NewKey) { n.Scopes = []string{"*", "Messages:read"} },
	} {
		n := valid
		change(&n)
		_, _, err := w.CreateKey(w.admin(t), n)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Path != strings.TrimSpace(name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, a := range map[string]actor.Actor{
		"nobody": {}, "a leader": {Role: actor.Leader, OrganizationID: w.org, Scopes: []string{"*"}},
		"another organization's administrator": actor.System(id.New()),
		"an administrator without the scope":   {Role: actor.Administrator, OrganizationID: w.org, Scopes: []string{"messages"}},
	} {
		ctx := actor.With(t.Context(), a)
		_, _, err := w.CreateKey(ctx, valid)
		_, err2 := w.ListKeys(ctx, w.org, page.Offset{Limit: 10})
		for _, err := range []error{err, err2, w.RevokeKey(ctx, w.org, id.New())} {
			if errs.KindOf(err) != errs.Denied {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if keys, err := w.ListKeys(w.admin(t), w.org, page.Offset{Limit: 10}); err != nil || keys.Total != 0 {
		t.Errorf("%d keys were made, %v", keys.Total, err)
	}
}

func TestService_Flush(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	k, secret := w.key(t, access.NewKey{Role: actor.Service})
	for range 2 {
		if _, err := w.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := w.ListKeys(w.admin(t), w.org, page.Offset{Limit: 10})
	if err != nil || keys.Total != 1 || keys.Items[0].ID != k.ID || !keys.Items[0].LastUsedAt.Equal(w.clock()) {
		t.Errorf("keys = %+v, %v", keys, err)
	}
}

// TestService_Flush_users tells when people were here, once for many requests, and nothing of machines.
func TestService_Flush_users(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	_, machine := w.key(t, access.NewKey{Role: actor.Service})
	_, person := w.key(t, access.NewKey{Role: actor.Member, UserID: w.user})
	for range 2 { // the second is answered from memory
		w.pass(time.Minute)
		for _, secret := range []string{machine, person} {
			if _, err := w.Authenticate(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.seen) != 1 || len(w.seen[0]) != 1 || !w.seen[0][w.user].Equal(w.clock()) {
		t.Errorf("told: %v", w.seen)
	}
}

func TestService_Once(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		request := access.Request{OrganizationID: w.org, KeyID: id.New(), Route: "POST /x", IdempotencyKey: "k", Body: []byte("a")}
		runs := 0
		serve := func(status int) func(context.Context) (access.Answer, error) {
			return func(ctx context.Context) (access.Answer, error) {
				runs++
				_, err := d.Q(ctx).Exec(ctx, "insert into consumers (name, position, updated_at) values ($1,0,$2)", id.New().String(), w.clock())
				return access.Answer{Status: status, Body: []byte("made")}, err
			}
		}
		effects := func() int64 {
			n, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(*) from consumers")
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if a, replayed, err := w.Once(t.Context(), request, serve(422)); err != nil || replayed || a.Status != 422 || effects() != 0 {
			t.Fatalf("a refusal: %+v, %v, %v; %d effects", a, replayed, err, effects())
		}
		if a, replayed, err := w.Once(t.Context(), request, serve(201)); err != nil || replayed || a.Status != 201 {
			t.Fatalf("mended: %+v, %v, %v", a, replayed, err)
		}
		if a, replayed, err := w.Once(t.Context(), request, serve(201)); err != nil || !replayed || string(a.Body) != "made" {
			t.Fatalf("again: %+v, %v, %v", a, replayed, err)
		}
		other := request
		other.Body = []byte("b")
		if _, _, err := w.Once(t.Context(), other, serve(201)); !errs.Is(err, access.CodeIdempotencyReused) {
			t.Errorf("with another body: %v", err)
		}
		if runs != 2 || effects() != 1 {
			t.Errorf("%d runs and %d effects", runs, effects())
		}
		w.pass(access.KeepAnswers)
		if _, replayed, err := w.Once(t.Context(), other, serve(201)); err != nil || replayed || effects() != 2 {
			t.Errorf("a day later: %v, %v", replayed, err)
		}
	})
}

func TestService_Once_running(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	request := access.Request{OrganizationID: w.org, KeyID: id.New(), Route: "POST /x", IdempotencyKey: "k"}
	entered, leave := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		_, _, err := w.Once(t.Context(), request, func(context.Context) (access.Answer, error) {
			close(entered)
			<-leave
			return access.Answer{Status: 200}, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-entered
	_, _, err := w.Once(t.Context(), request, nil)
	if !errs.Is(err, access.CodeIdempotencyRunning) {
		t.Errorf("meanwhile: %v", err)
	}
	close(leave)
	first.Wait()
	if _, replayed, err := w.Once(t.Context(), request, nil); err != nil || !replayed {
		t.Errorf("afterwards: %v, %v", replayed, err)
	}
}

func FuzzBasicSecret(f *testing.F) {
	f.Add("user", "password")
	f.Add(id.New().String(), "sbk_x_y")
	f.Fuzz(func(t *testing.T, user, password string) {
		if strings.HasPrefix(password, "sbk_") && access.BasicSecret(user, password) != password {
			t.Error("a whole key as the password is the secret, whatever the user name")
		}
	})
}
