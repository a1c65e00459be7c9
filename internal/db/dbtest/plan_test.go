package dbtest

import (
	"encoding/json"
	"testing"

	"switchboard/internal/db"
)

func TestPlans_readsAll(t *testing.T) {
	t.Parallel()
	p := Plans{Tables: []string{"users"}, Fill: func(*testing.T, *db.DB) {}}
	const list = "select 1 from users u where u.organization_id = $1"
	for _, test := range []struct {
		name, query, detail string
		want                bool
	}{
		{"every row", "select 1 from users", "SCAN users", true},
		{"every entry of an index", "select 1 from users", "SCAN users USING COVERING INDEX users_list", true},
		{"by another name", "select 1 from organizations o join users u on 1 = 1", "SCAN u", true},
		{"a small table", "select 1 from organizations o join users u on 1 = 1", "SCAN o", false},
		{"by key", "select 1 from users where id = $1", "SEARCH users USING INDEX sqlite_autoindex_users_1 (id=?)", false},
		{"a whole organization", list, "SEARCH u USING INDEX users_list (organization_id=?)", true},
		{"a page of it", list + " limit $2", "SEARCH u USING INDEX users_list (organization_id=?)", false},
		{"some of it", list, "SEARCH u USING INDEX users_email (organization_id=? AND email_key=?)", false},
		{"no table", list, "USE TEMP B-TREE FOR ORDER BY", false},
	} {
		if got := p.readsAll(test.query, test.detail); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestPlans_walk(t *testing.T) {
	t.Parallel()
	p := Plans{Tables: []string{"users"}, Fill: func(*testing.T, *db.DB) {}}
	for plan, want := range map[string]string{
		`{"Node Type":"Seq Scan","Relation Name":"users"}`:                                                     "Seq Scan of all users",
		`{"Node Type":"Limit","Plans":[{"Node Type":"Index Only Scan","Relation Name":"users"}]}`:              "Index Only Scan of all users",
		`{"Node Type":"Index Scan","Relation Name":"users","Index Cond":"(id = 1)"}`:                           "",
		`{"Node Type":"Nested Loop","Plans":[{"Node Type":"Seq Scan","Relation Name":"organizations"}]}`:       "",
		`{"Node Type":"Bitmap Heap Scan","Relation Name":"users","Plans":[{"Node Type":"Bitmap Index Scan"}]}`: "",
	} {
		var n node
		if err := json.Unmarshal([]byte(plan), &n); err != nil {
			t.Fatal(err)
		}
		if got := p.walk(n); got != want {
			t.Errorf("%s: %q", plan, got)
		}
	}
}

// TestPlans_tooMuch shows on real databases that what has no index is noticed.
func TestPlans_tooMuch(t *testing.T) {
	t.Parallel()
	p := Plans{Tables: []string{"users"}, Fill: func(*testing.T, *db.DB) {}}
	Each(t, func(t *testing.T, d *db.DB) {
		if step, err := p.tooMuch(t.Context(), d, "select id from users where first_name = $1", []any{"Ada"}); err != nil || step == "" {
			t.Errorf("without an index: %q, %v", step, err)
		}
		if step, err := p.tooMuch(t.Context(), d, "select id from users where phone = $1 and deleted_at is null", []any{"1"}); err != nil || step != "" {
			t.Errorf("with one: %q, %v", step, err)
		}
	})
}
