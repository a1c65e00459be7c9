package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests; nil counts nothing.
type metrics struct {
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	if r == nil {
		return nil
	}
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "switchboard_http_request_duration_seconds",
			Help:    "Time from the first byte of a request to the end of its answer, by route as registered.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "switchboard_http_requests_in_flight",
			Help: "Requests being served now.",
		}),
	}
	r.MustRegister(m.duration, m.inFlight)
	return m
}

func (m *metrics) begin() {
	if m != nil {
		m.inFlight.Inc()
	}
}

func (m *metrics) end(q *request, r *http.Request) {
	if m == nil {
		return
	}
	m.inFlight.Dec()
	route, method := "unknown", "other"
	if q.op != nil {
		route, method = q.op.Path, q.op.Method
	} else if r.Method == http.MethodGet || r.Method == http.MethodPost {
		method = r.Method // nothing that a caller can invent becomes a label
	}
	m.duration.WithLabelValues(method, route, strconv.Itoa(q.status)).Observe(time.Since(q.start).Seconds())
}
