package auditdb_test

import (
	"fmt"
	"strings"
	"testing"

	"switchboard/internal/audit"
	"switchboard/internal/audit/auditdb"
	"switchboard/internal/audit/audittest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

func TestStore(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		audittest.Run(t, func(t *testing.T) *audittest.World { t.Helper(); return audittest.New(dbtest.SQLite(t)) })
	})
	t.Run("postgres", func(t *testing.T) {
		audittest.Run(t, func(t *testing.T) *audittest.World { t.Helper(); return audittest.New(dbtest.Postgres(t)) })
	})
}

// TestStore_plans asks the databases how they would find a page of a large audit: along an index, for every filter, and never by
// sorting or reading everything.
func TestStore_plans(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		fill(t, d, 40_000)
		if _, err := d.Q(t.Context()).Exec(t.Context(), "analyze"); err != nil {
			t.Fatal(err)
		}
		org := organization(3)
		for name, f := range map[string]audit.Filter{
			"everything": {OrganizationID: org},
			"an action":  {OrganizationID: org, Action: "test.action.1"},
			"actions":    {OrganizationID: org, Action: "test."},
			"a key":      {OrganizationID: org, KeyID: organization(3)},
			"a user":     {OrganizationID: org, UserID: organization(3)},
			"as whom":    {OrganizationID: org, IndividualID: organization(3)},
			"a subject":  {OrganizationID: org, Subject: organization(3)},
			"a time":     {OrganizationID: org, From: audittest.Noon, Until: audittest.Noon.AddDate(0, 0, 1)},
		} {
			plan := planOf(t, d, f)
			for _, bad := range []string{"Seq Scan on audit", "SCAN audit\n", "USE TEMP B-TREE FOR ORDER BY"} {
				if bad == "USE TEMP B-TREE FOR ORDER BY" && name == "actions" {
					continue // what was read along the indexes, a page of each action, is merged
				}
				if strings.Contains(plan+"\n", bad) {
					t.Errorf("%s: %q in the plan\n%s", name, bad, plan)
				}
			}
		}
	})
}

// planOf returns how a database finds the page that the store asks for.
func planOf(t *testing.T, d *db.DB, f audit.Filter) string {
	t.Helper()
	var actions []string
	for n := range 3 {
		if a := fmt.Sprintf("test.action.%d", n); f.Action != "" && strings.HasPrefix(a, f.Action) {
			actions = append(actions, a)
		}
	}
	query, args := auditdb.ListQuery(f, actions, page.Offset{Limit: 100})
	explain := "explain query plan "
	if d.Dialect() == db.Postgres {
		explain = "explain "
	}
	lines, err := db.All(t.Context(), d.Q(t.Context()), func(r db.Row) (line string, err error) {
		if d.Dialect() == db.Postgres {
			return line, r.Scan(&line)
		}
		var a, b, c int
		return line, r.Scan(&a, &b, &c, &line)
	}, explain+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func organization(n int) id.ID { return id.MustParse(fmt.Sprintf("01900000-0000-7000-8000-%012d", n)) }

// fill puts in n rows of ten organizations that have their places.
func fill(t *testing.T, d *db.DB, n int) {
	t.Helper()
	series := "with recursive s(n) as (select 1 union all select n + 1 from s where n < $1)"
	who := "'01900000-0000-7000-8000-' || substr('000000000000' || cast(n % 10 as text), -12)"
	some := "'01900000-0000-7000-8000-' || substr('000000000000' || cast(n as text), -12)"
	at := "1795348800000000 + n * 1000"
	if d.Dialect() == db.Postgres {
		series = "with s(n) as (select generate_series(1, cast($1 as integer)))"
		who = "cast('01900000-0000-7000-8000-' || lpad(cast(n % 10 as text), 12, '0') as uuid)"
		some = "cast('01900000-0000-7000-8000-' || lpad(cast(n as text), 12, '0') as uuid)"
		at = "to_timestamp(1795348800) + n * interval '1 millisecond'"
	}
	query := "insert into audit (id, organization_id, actor_id, user_id, as_individual_id, action, subject, at, place) " + series +
		" select " + strings.Join([]string{some, who, some, some, some, "'test.action.' || cast(n % 3 as text)", some, at, "n"}, ", ") + " from s"
	if _, err := d.Q(t.Context()).Exec(t.Context(), query, n); err != nil {
		t.Fatal(err)
	}
}
