package delivery

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// metrics is what the service counts. It is never nil.
type metrics struct {
	attempts   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	ambiguous  *prometheus.CounterVec
	suppressed *prometheus.CounterVec
	callbacks  *prometheus.CounterVec
	queue      *queueGauges
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "switchboard", Subsystem: "delivery", Name: name, Help: help}, labels)
	}
	m := &metrics{
		attempts: counter("attempts_total", "Attempts that ended, by how.", "transport", "outcome", "reason"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "switchboard", Subsystem: "delivery", Name: "attempt_seconds", Help: "How long providers take to answer.",
			Buckets: []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 15, 60},
		}, []string{"transport"}),
		ambiguous: counter("ambiguous_total",
			"Attempts that may have sent a message that is then sent again: 'answer' when no clear answer came, 'crash' when the process died.",
			"transport", "cause"),
		suppressed: counter("suppressed_total", "Deliveries that were not sent, by the reason.", "transport", "reason"),
		callbacks:  counter("callbacks_total", "News from providers, by what it said and whether it changed anything.", "provider", "state", "effect"),
		queue:      newQueueGauges(),
	}
	if r != nil {
		r.MustRegister(m.attempts, m.seconds, m.ambiguous, m.suppressed, m.callbacks, m.queue)
	}
	return m
}

func (m *metrics) attempt(n transport.Name, a Attempt) {
	m.attempts.WithLabelValues(string(n), string(a.Outcome), string(a.Reason)).Inc()
	m.seconds.WithLabelValues(string(n)).Observe(a.FinishedAt.Sub(a.StartedAt).Seconds())
	if a.Outcome == Ambiguous {
		m.ambiguous.WithLabelValues(string(n), "answer").Inc()
	}
}

func (m *metrics) crashed(n transport.Name) {
	m.ambiguous.WithLabelValues(string(n), "crash").Inc()
}

func (m *metrics) suppress(n transport.Name, r reason.Reason) {
	m.suppressed.WithLabelValues(string(n), string(r)).Inc()
}

// queueGauges shows what was last seen of the queue; counting at every scrape would let a scraper load the database.
type queueGauges struct {
	depth, age *prometheus.Desc
	mu         sync.Mutex
	seen       map[transport.Name]Depth
	at         time.Time
}

func newQueueGauges() *queueGauges {
	return &queueGauges{
		depth: prometheus.NewDesc("switchboard_delivery_queue_depth", "Deliveries that are due.", []string{"transport"}, nil),
		age:   prometheus.NewDesc("switchboard_delivery_queue_oldest_seconds", "How long the oldest due delivery has been waiting.", []string{"transport"}, nil),
	}
}

func (g *queueGauges) set(seen map[transport.Name]Depth, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen, g.at = maps.Clone(seen), at
}

// Describe implements prometheus.Collector.
func (g *queueGauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.depth
	ch <- g.age
}

// Collect implements prometheus.Collector.
func (g *queueGauges) Collect(ch chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range Transports() {
		d, age := g.seen[n], time.Duration(0)
		if !d.Oldest.IsZero() {
			age = g.at.Sub(d.Oldest)
		}
		ch <- prometheus.MustNewConstMetric(g.depth, prometheus.GaugeValue, float64(d.Due), string(n))
		ch <- prometheus.MustNewConstMetric(g.age, prometheus.GaugeValue, age.Seconds(), string(n))
	}
}
