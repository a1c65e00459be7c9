package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/app"
	"switchboard/internal/config"
	"switchboard/internal/db/dbtest"
)

// These benchmarks run the server inside the test, without the network between, so that a profile shows where the time of a
// request goes:
//
//	go test ./bench -run '^$' -bench Post/sqlite -cpuprofile cpu.out && go tool pprof -top cpu.out

// startInside starts a furnished server in this process.
func startInside(b *testing.B, database string) (*app.App, *world) {
	b.Helper()
	dir := b.TempDir()
	s, err := openSink()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.close)
	shell := &server{dir: dir, database: database, sink: s}
	if err := shell.prepare(); err != nil {
		b.Fatal(err)
	}
	cfg, err := config.Load(config.Source{File: shell.configPath()})
	if err != nil {
		b.Fatal(err)
	}
	w := &world{}
	admin, err := app.OpenAdmin(b.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	organization, err := admin.Organization(b.Context(), "Bench")
	if err != nil {
		b.Fatal(err)
	}
	for role, to := range map[actor.Role]*string{actor.Administrator: &w.key, actor.Service: &w.service} {
		if _, *to, err = admin.Access.CreateKey(admin.As(b.Context(), organization), access.NewKey{OrganizationID: organization, Role: role, Name: "bench"}); err != nil {
			b.Fatal(err)
		}
	}
	if err := admin.Close(); err != nil {
		b.Fatal(err)
	}
	a, err := app.New(b.Context(), cfg, app.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		s.close() // or the server would wait for an answer from there
		if err := a.Stop(context.Background()); err != nil {
			b.Log(err)
		}
	})
	w.host = strings.TrimPrefix(a.URL(), "http://")
	if err := w.furnish(b.Context()); err != nil {
		b.Fatal(err)
	}
	return a, w
}

// onEach runs a benchmark on each database.
func onEach(b *testing.B, run func(b *testing.B, a *app.App, w *world)) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "bench.db") },
		"postgres": dbtest.PostgresURL,
	} {
		b.Run(name, func(b *testing.B) {
			a, w := startInside(b, url(b))
			run(b, a, w)
		})
	}
}

// hammer serves requests on as many goroutines as the bench has connections, without a network.
func hammer(b *testing.B, a *app.App, requests []request, want int) {
	b.Helper()
	var worker, number atomic.Int64
	before := processTime(os.Getpid())
	b.SetParallelism(max(connections/runtime.GOMAXPROCS(0), 1))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		r := requests[int(worker.Add(1))%len(requests)].clone()
		for pb.Next() {
			r.setNumber(number.Add(1))
			answer := httptest.NewRecorder()
			a.Handler().ServeHTTP(answer, r.asRead())
			if answer.Code != want {
				b.Errorf("answered %d: %s", answer.Code, answer.Body)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	// What a busy machine changes least. It holds the making of the requests too, and whatever runs behind them.
	b.ReportMetric(float64((processTime(os.Getpid())-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// asRead is the request as a server has read it.
func (r *request) asRead() *http.Request {
	head, body, _ := bytes.Cut(r.raw, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	method, path, _ := strings.Cut(strings.TrimSuffix(lines[0], " HTTP/1.1"), " ")
	out, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		panic(err) // the requests are constants
	}
	out.RemoteAddr = "127.0.0.1:1"
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		out.Header.Set(name, value)
	}
	return out
}

func BenchmarkPost(b *testing.B) {
	onEach(b, func(b *testing.B, a *app.App, w *world) { hammer(b, a, w.posts(false), http.StatusCreated) })
}

func BenchmarkPost_oneChannel(b *testing.B) {
	onEach(b, func(b *testing.B, a *app.App, w *world) { hammer(b, a, w.posts(true), http.StatusCreated) })
}

func BenchmarkEvent(b *testing.B) {
	onEach(b, func(b *testing.B, a *app.App, w *world) { hammer(b, a, w.events(), http.StatusAccepted) })
}
