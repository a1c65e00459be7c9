package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

type newMessage struct {
	ChannelID    id.ID    `json:"channel-id"`
	Message      string   `json:"message" minLength:"1" maxLength:"10000"`
	IndividualID id.ID    `json:"individual-id,omitzero"`
	AutoAck      string   `json:"auto-ack,omitempty" enum:",group,all"`
	Draft        bool     `json:"draft,omitempty"`
	Destinations []string `json:"include-destinations,omitempty" enum:"sms,email,push"`
}

type message struct {
	Channel      *jsonapi.Ref      `json:"channel"`
	Message      string            `json:"message"`
	PostedTime   jsonapi.Time      `json:"posted-time"`
	Modified     jsonapi.Time      `json:"last-modified-time"`
	UserID       id.ID             `json:"user-id"`
	FirstName    string            `json:"first-name"`
	LastName     string            `json:"last-name"`
	Source       string            `json:"source"`
	Draft, Ack   bool              `json:"-"`
	Destination  map[string]string `json:"destination"`
	Reactions    []string          `json:"reactions"`
	Attachments  []string          `json:"attachments"`
	ReadReceipts []string          `json:"read-receipts"`
}

// BenchmarkCreate is a post of a message through the whole of web: request id, log, metrics, wrap, binding, answer.
func BenchmarkCreate(b *testing.B) {
	s := web.New(web.Options{
		Logger: slog.New(slog.NewJSONHandler(struct{ io.Writer }{io.Discard}, nil)), Metrics: prometheus.NewRegistry(),
		Wrap: func(_ web.Operation, next http.Handler) http.Handler { return next },
	})
	now, _ := web.ParseTime("2026-11-22T10:00:00Z")
	jsonapi.Create(jsonapi.New(s), "POST /v1/messaging-messages/", func(_ context.Context, in newMessage) (jsonapi.Resource[message], error) {
		return jsonapi.Resource[message]{ID: in.ChannelID, Attributes: message{
			Channel: jsonapi.RefTo(in.ChannelID), Message: in.Message, PostedTime: jsonapi.At(now), Modified: jsonapi.At(now), UserID: in.IndividualID, FirstName: "Ada", Source: "api",
			Reactions: []string{}, Attachments: []string{}, ReadReceipts: []string{},
		}}, nil
	})
	body := `{"data":{"type":"messaging-messages","attributes":{"channel-id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","message":"Hello there, how are you today? I hope all is well.","individual-id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0c","auto-ack":"","draft":false,"include-destinations":["sms","email"]}}}`
	for name, run := range map[string]func(*testing.B, func()){
		"one": func(b *testing.B, f func()) {
			for b.Loop() {
				f()
			}
		},
		"parallel": func(b *testing.B, f func()) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					f()
				}
			})
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			run(b, func() {
				r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/messaging-messages/", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				s.ServeHTTP(&memory{header: http.Header{}}, r)
			})
		})
	}
}
