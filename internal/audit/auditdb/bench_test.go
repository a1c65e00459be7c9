package auditdb_test

import (
	"context"
	"os"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/audit"
	"switchboard/internal/audit/audittest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// BenchmarkChainer tells what a row costs the chainer: one op is a block of 500.
func BenchmarkChainer(b *testing.B) {
	dbs := map[string]func(testing.TB) *db.DB{"sqlite": dbtest.SQLite}
	if os.Getenv(dbtest.Env) != "" {
		dbs["postgres"] = dbtest.Postgres
	}
	for name, open := range dbs {
		b.Run(name, func(b *testing.B) {
			w := audittest.New(open(b))
			who := audittest.Administrator(w.Org)
			for b.Loop() {
				b.StopTimer()
				write(b, w, who, 500)
				b.StartTimer()
				w.Chain(b)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(500*b.N), "µs/row")
			if _, err := w.Store.List(b.Context(), audit.Filter{OrganizationID: w.Org}, page.Offset{Limit: 1}); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// write writes n rows in one transaction.
func write(b *testing.B, w *audittest.World, who actor.Actor, n int) {
	b.Helper()
	err := w.DB.Do(actor.With(b.Context(), who), func(ctx context.Context) error {
		for range n {
			if err := w.Log.Audit(ctx, event.Change{OrganizationID: w.Org, Type: "test.thing.done", Subject: id.New(), After: map[string]int{"count": 1}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
