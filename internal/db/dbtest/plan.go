package dbtest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"switchboard/internal/db"
)

// Plans holds a store to reading by index: it asks both databases how they would run each statement.
type Plans struct {
	// Suite makes the store issue its statements; the conformance suite does.
	Suite func(t *testing.T, d *db.DB)
	// Fill stores some thousands of rows, so that the databases have something to weigh. Without it they are asked without
	// statistics on SQLite, as a server has it, and on PostgreSQL of what the suite left, where an index that is walked from end
	// to end tells nothing: of some dozen rows that is the quickest.
	Fill func(t *testing.T, d *db.DB)
	// Tables are those that grow with people. A statement may not read one from end to end, and on SQLite, whose plans say
	// so, not all of an organization in one unless it has a limit.
	Tables []string
	// Allowed are statements that may, by a part of their text, each with the reason.
	Allowed map[string]string
}

// Check runs the suite and fails for every statement that reads too much. SQLite, which a server gives no statistics, is
// asked without and with them.
func (p Plans) Check(t *testing.T) {
	t.Helper()
	for name, url := range URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := &statements{of: map[string][]any{}}
			d, err := db.Open(t.Context(), url, db.Options{Watch: seen.add})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			})
			t.Run("suite", func(t *testing.T) { p.Suite(t, d) })
			found := seen.take()
			if len(found) == 0 {
				t.Fatal("the suite sent nothing that reads")
			}
			used := map[string]bool{}
			if d.Dialect() == db.SQLite { // PostgreSQL gathers statistics by itself, and plans for nothing until then
				p.explain(t, d, found, used)
			}
			if p.Fill != nil {
				p.Fill(t, d)
			}
			if _, err := d.Q(t.Context()).Exec(t.Context(), "analyze"); err != nil {
				t.Fatal(err)
			}
			if p.Fill != nil || d.Dialect() == db.Postgres {
				p.explain(t, d, found, used)
			}
			for part := range p.Allowed {
				if !used[part] && d.Dialect() == db.SQLite {
					t.Errorf("%q reads no more than it may and needs no exception", part)
				}
			}
		})
	}
}

func (p Plans) explain(t *testing.T, d *db.DB, found map[string][]any, used map[string]bool) {
	t.Helper()
	for query, args := range found {
		step, err := p.tooMuch(t.Context(), d, query, args)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if step == "" {
			continue
		}
		allowed := false
		for part := range p.Allowed {
			if strings.Contains(query, part) {
				allowed, used[part] = true, true
			}
		}
		if !allowed {
			t.Errorf("%s\n\t%s", step, query)
		}
	}
}

// tooMuch returns the step of the plan that reads too much, or nothing.
func (p Plans) tooMuch(ctx context.Context, d *db.DB, query string, args []any) (string, error) {
	if d.Dialect() == db.Postgres {
		return p.tooMuchPostgres(ctx, d, query, args)
	}
	step := ""
	err := d.Q(ctx).Query(ctx, func(r db.Row) error {
		var (
			node, parent, unused int64
			detail               string
		)
		err := r.Scan(&node, &parent, &unused, &detail)
		if err == nil && p.readsAll(query, detail) {
			step = detail
		}
		return err
	}, "explain query plan "+query, args...)
	return step, err
}

var planStep = regexp.MustCompile(`^(SCAN|SEARCH) (\w+)(.*)$`)

// readsAll judges a step of SQLite.
func (p Plans) readsAll(query, detail string) bool {
	m := planStep.FindStringSubmatch(detail)
	if m == nil || !slices.Contains(p.Tables, tableOf(query, m[2])) {
		return false
	}
	return m[1] == "SCAN" || strings.HasSuffix(m[3], "(organization_id=?)") && !strings.Contains(query, " limit ")
}

// tableOf finds the table that a statement gives a name.
func tableOf(query, name string) string {
	m := regexp.MustCompile(`\b(?:from|join|update|into) (\w+) ` + name + `\b`).FindStringSubmatch(query)
	if m == nil {
		return name
	}
	return m[1]
}

// node is a step of PostgreSQL.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Cond     string `json:"Index Cond"`
	Plans    []node
}

// tooMuchPostgres forbids scans where there is any other way, because tables of some thousands of rows are often read whole
// for good reasons: what is left has no index that helps.
func (p Plans) tooMuchPostgres(ctx context.Context, d *db.DB, query string, args []any) (step string, err error) {
	err = d.Do(ctx, func(ctx context.Context) error {
		q := d.Q(ctx)
		if _, err := q.Exec(ctx, "set local enable_seqscan = off"); err != nil {
			return err
		}
		text, err := db.Get(ctx, q, db.Scalar[string], "explain (format json) "+query, args...)
		if err != nil {
			return err
		}
		var plans []struct{ Plan node }
		if err := json.Unmarshal([]byte(text), &plans); err != nil {
			return err
		}
		for _, plan := range plans {
			step += p.walk(plan.Plan)
		}
		return nil
	})
	return step, err
}

func (p Plans) walk(n node) string {
	if slices.Contains(p.Tables, n.Relation) && (n.Type == "Seq Scan" || p.Fill != nil && strings.HasPrefix(n.Type, "Index") && n.Cond == "") {
		return fmt.Sprintf("%s of all %s", n.Type, n.Relation)
	}
	for _, below := range n.Plans {
		if step := p.walk(below); step != "" {
			return step
		}
	}
	return ""
}

// statements are what was sent that reads, changes or deletes, each text once with the arguments that it came with first.
type statements struct {
	mu sync.Mutex
	of map[string][]any
}

var reading = regexp.MustCompile(`^\s*(select|update|delete|with)\b`)

func (s *statements) add(query string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.of[query]; !known && reading.MatchString(query) {
		s.of[query] = slices.Clone(args)
	}
}

// take returns what was sent until now.
func (s *statements) take() map[string][]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.of
	s.of = map[string][]any{}
	return out
}
