package app

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"switchboard/internal/web"
)

// maxQueueAge is how long a due delivery may wait before the server says that it is not ready: something is wrong with it
// or with the database then, not with a provider, whose failures move deliveries into the future.
const maxQueueAge = 5 * time.Minute

// health tells whether the server is up.
type health struct{ serving atomic.Bool }

func (h *health) up()   { h.serving.Store(true) }
func (h *health) down() { h.serving.Store(false) }

// mountHealth registers the probes and the metrics. They need no key: they tell nothing about anybody, and what calls them
// has none.
func (a *App) mountHealth(s *web.Server) {
	operation := func(route, summary string, h func(http.ResponseWriter, *http.Request) error, opts ...web.Option) {
		opts = append(opts, web.Public(), web.Summary(summary))
		s.Handle(web.NewOperation(nil, route, "Get", http.StatusOK, h, opts...), h)
	}
	operation("GET /livez", "Whether the process lives", func(w http.ResponseWriter, _ *http.Request) error {
		return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	}, web.Returns[map[string]string]())
	operation("GET /readyz", "Whether the server can do its work", a.ready, web.Returns[map[string]string](), web.Also(http.StatusServiceUnavailable))
	metrics := promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{})
	operation("GET /metrics", "Metrics in the Prometheus format", func(w http.ResponseWriter, r *http.Request) error {
		metrics.ServeHTTP(w, r)
		return nil
	}, web.Answers("text/plain"))
}

// ready answers 503 with the first thing that is wrong.
func (a *App) ready(w http.ResponseWriter, r *http.Request) error {
	checks := map[string]string{"server": "ok", "database": "ok", "queue": "ok"}
	status := http.StatusOK
	fail := func(name, text string) {
		checks[name] = text
		status = http.StatusServiceUnavailable
	}
	if !a.health.serving.Load() {
		fail("server", "starting or stopping")
	}
	if err := a.db.Ping(r.Context()); err != nil {
		fail("database", "does not answer")
	} else if age, err := a.services.delivery.QueueAge(r.Context()); err != nil {
		fail("queue", "cannot be read")
	} else if age > maxQueueAge {
		fail("queue", "the oldest due delivery has been waiting for "+age.Round(time.Second).String())
	}
	return writeJSON(w, status, checks)
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}
