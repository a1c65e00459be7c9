package messaging_test

import (
	"testing"

	"switchboard/internal/db/dbtest"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
)

// BenchmarkService_Post posts in one channel from 16 goroutines a processor, on SQLite with an fsync for each group of
// commits.
func BenchmarkService_Post(b *testing.B) {
	w := messagingtest.NewWorld(b, dbtest.SQLite(b))
	channel := w.Single(b, true).ID
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		ctx := w.Member(b, w.Ada)
		for pb.Next() {
			if _, err := w.Post(ctx, messaging.NewMessage{ChannelID: channel, Text: "How are you today?"}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}
