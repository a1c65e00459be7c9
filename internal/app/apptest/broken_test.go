package apptest_test

import (
	"slices"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/db"
	"switchboard/internal/web/webtest"
)

// TestBrokenTables lets the database refuse to write one table, then the next, of those that an operation writes. What cannot be
// done whole is answered as a failure of ours, and not done in part.
func TestBrokenTables(t *testing.T) {
	t.Parallel()
	b := &breaker{Server: apptest.Start(t, apptest.Options{})}
	b.arm(t)
	for _, o := range sampled(t, b.Server) {
		if o.Writes() {
			t.Run(strings.ReplaceAll(o.Route(), "/", "_"), func(t *testing.T) { b.check(t, &o) })
		}
	}
	if b.refused < 300 {
		t.Errorf("only %d requests met a broken table", b.refused)
	}
}

// breaker is a server whose tables can be broken.
type breaker struct {
	*apptest.Server
	refused int
}

func (b *breaker) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := b.App.DB().Q(t.Context()).Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// arm puts triggers on every table, which note what is written and refuse what is broken.
func (b *breaker) arm(t *testing.T) {
	t.Helper()
	names := apptest.Tables(t, b.App.DB())
	b.exec(t, "create table test_touched (name text not null)")
	b.exec(t, "create table test_broken (name text not null)")
	for _, name := range names {
		if strings.HasPrefix(name, "sqlite_") || strings.HasPrefix(name, "goose_") {
			continue
		}
		for _, act := range []string{"insert", "update", "delete"} {
			b.exec(t, "create trigger test_"+name+"_"+act+" before "+act+" on "+name+" begin "+
				"select raise(abort, 'broken on purpose') from test_broken where name = '"+name+"'; "+
				"insert into test_touched values ('"+name+"'); end")
		}
	}
}

// touched lists what has been written since it was last asked.
func (b *breaker) touched(t *testing.T) []string {
	t.Helper()
	names, err := db.All(t.Context(), b.App.DB().Q(t.Context()), db.Scalar[string], "select distinct name from test_touched order by name")
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, "delete from test_touched")
	return names
}

func (b *breaker) check(t *testing.T, o *apptest.Operation) {
	w := b.NewOrganization(t)
	r := sample(t, w, o)
	b.touched(t)
	whole := webtest.Do(t, b.Handler(), w.Key, r.Do(), r.Body)
	if slices.Contains(elsewise()[o.Route()], whole.Status) {
		return // it writes nothing
	}
	if whole.Status >= 300 {
		t.Fatalf("status %d: %s", whole.Status, whole.Body)
	}
	names := b.touched(t)
	w = b.NewOrganization(t)
	r = sample(t, w, o)
	for _, name := range names {
		got := b.without(t, name, w, r)
		switch {
		case got.Status >= 500:
			b.refused++
		case got.Status < 300 && afterwards(name):
			w = b.NewOrganization(t)
			r = sample(t, w, o)
		default:
			t.Errorf("%s cannot be written: status %d: %s", name, got.Status, got.Body)
		}
	}
}

// without sends a request while a table cannot be written, and sees to it that nothing changes when that is answered as a failure.
func (b *breaker) without(t *testing.T, name string, w *apptest.World, r *apptest.Request) *webtest.Response {
	t.Helper()
	var changed []string
	send := func() *webtest.Response {
		before := apptest.ContentOf(t, b.App.DB(), w.IDs[apptest.Organization])
		b.exec(t, "insert into test_broken values ($1)", name)
		got := webtest.Do(t, b.Handler(), w.Key, r.Do(), r.Body)
		b.exec(t, "delete from test_broken")
		changed = slices.DeleteFunc(before.Changed(apptest.ContentOf(t, b.App.DB(), w.IDs[apptest.Organization])),
			func(n string) bool { return strings.HasPrefix(n, "deliver") })
		return got
	}
	got := send()
	if got.Status >= 500 && len(changed) > 0 { // perhaps what the making of the organization has set off
		b.AwaitRest(t)
		got = send()
	}
	if got.Status >= 500 && len(changed) > 0 {
		t.Errorf("%s cannot be written: %v changed all the same", name, changed)
	}
	return got
}

// afterwards tells whether a table may have been written beside a request, by what follows the event log.
func afterwards(name string) bool {
	return slices.ContainsFunc([]string{"audit_", "consumers", "deliver", "event_head", "messages", "notify_group_", "subscribers"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
