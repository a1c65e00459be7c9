package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

const maxChannels = 100 // that one connection over server-sent events may follow

// events serves GET /live/sse (WHATWG HTML, "Server-sent events").
func (h *Hub) events(w http.ResponseWriter, r *http.Request) error {
	if !h.originAllowed(r) {
		return errs.Forbidden("pages of this origin may not connect; add it to allowed_origins")
	}
	places, err := parsePlaces(r.URL.Query(), r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	secret := bearer(r)
	if secret == "" {
		secret = r.URL.Query().Get("token")
	}
	a, err := h.opts.Authenticate(r.Context(), secret)
	if err != nil {
		return err
	}
	ctx := withRequest(r.Context(), r)
	acting := actor.With(ctx, fromHere(ctx, a))
	for _, p := range places { // here, where a refusal can still be a status
		if err := h.follow(acting, "GET /live/sse", p.channel); err != nil {
			return err
		}
	}
	return h.stream(withPlaces(withSecret(ctx, secret), places), w, r, places)
}

// stream connects a client of the hub whose transport is the answer, and serves it until it ends.
func (h *Hub) stream(ctx context.Context, w http.ResponseWriter, r *http.Request, places []place) error {
	out := newEventStream(w, places)
	client, closeClient, err := centrifuge.NewClient(ctx, h.node, out)
	if err != nil {
		return errs.CodeUnavailable.Errorf("no more live connections can be taken").Because(err)
	}
	defer func() { _ = closeClient() }()
	defer out.end()
	out.begin()
	client.Connect(centrifuge.ConnectRequest{Subs: recoveries(places)})
	select {
	case <-r.Context().Done():
	case <-out.done:
	}
	return nil
}

// recoveries asks for what was missed since the places that are known.
func recoveries(places []place) map[string]centrifuge.SubscribeRequest {
	out := map[string]centrifuge.SubscribeRequest{}
	for _, p := range places {
		if p.after >= 0 {
			out[channelName(p.channel)] = centrifuge.SubscribeRequest{Recover: true, Epoch: epoch, Offset: uint64(p.after)}
		}
	}
	return out
}

// parsePlaces reads which channels to follow, from where.
func parsePlaces(q url.Values, last string) ([]place, error) {
	for name := range q {
		if !slices.Contains([]string{"channel", "since", "token"}, name) {
			return nil, errs.InvalidParameter(name, "is unknown")
		}
	}
	names, since := q["channel"], q["since"]
	if len(names) == 0 || len(names) > maxChannels {
		return nil, errs.InvalidParameter("channel", "must name 1 to %d channels", maxChannels)
	}
	if len(since) > len(names) {
		return nil, errs.InvalidParameter("since", "is given more often than channel")
	}
	seen := lastSeen(last)
	var out []place
	for i, name := range names {
		channel, err := id.Parse(name)
		if err != nil {
			if channel, err = id.ParseShort(name); err != nil {
				return nil, errs.InvalidParameter("channel", "must be the id of a channel")
			}
		}
		if slices.ContainsFunc(out, func(p place) bool { return p.channel == channel }) {
			return nil, errs.InvalidParameter("channel", "names a channel more than once")
		}
		p := place{channel: channel, after: -1}
		if i < len(since) {
			if p.after, err = strconv.ParseInt(since[i], 10, 64); err != nil || p.after < 0 {
				return nil, errs.InvalidParameter("since", "must be an offset")
			}
		}
		if after, ok := seen[channel]; ok {
			p.after = after
		}
		out = append(out, p)
	}
	return out, nil
}

// lastSeen reads an event id of ours: "<channel>=<offset>,…". Anything else is no place to continue from.
func lastSeen(text string) map[id.ID]int64 {
	out := map[id.ID]int64{}
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(part, "=")
		channel, err := id.Parse(name)
		offset, err2 := strconv.ParseInt(number, 10, 64)
		if errors.Join(err, err2) == nil && offset >= 0 && len(out) < maxChannels {
			out[channel] = offset
		}
	}
	return out
}

// eventStream is a transport of centrifuge that writes server-sent events. Its ids hold the place in every channel, so that
// one header is enough to continue.
type eventStream struct {
	w      *http.ResponseController
	header http.Header
	write  func(string) error
	mu     sync.Mutex
	places []place
	done   chan struct{}
	once   sync.Once
}

func newEventStream(w http.ResponseWriter, places []place) *eventStream {
	return &eventStream{
		w: http.NewResponseController(w), header: w.Header(), places: slices.Clone(places), done: make(chan struct{}),
		write: func(s string) error {
			_, err := w.Write([]byte(s))
			return err
		},
	}
}

// begin sends the head of the answer and tells browsers how soon to come back.
func (s *eventStream) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header.Set("Content-Type", "text/event-stream; charset=utf-8")
	s.header.Set("Cache-Control", "no-store")
	s.header.Set("X-Accel-Buffering", "no") // proxies must pass each event on
	s.send("retry: 2000\n\n")
}

const writeTimeout = 10 * time.Second

// send writes text; the caller holds the lock.
func (s *eventStream) send(text string) {
	select {
	case <-s.done:
		return
	default:
	}
	_ = s.w.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err := s.write(text); err != nil {
		s.close()
		return
	}
	if err := s.w.Flush(); err != nil {
		s.close()
		return
	}
	_ = s.w.SetWriteDeadline(time.Time{})
}

func (s *eventStream) close() { s.once.Do(func() { close(s.done) }) }

// end keeps a late write from reaching an answer that is over.
func (s *eventStream) end() {
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
}

// push is what centrifuge writes to a one-way transport.
type push struct {
	Channel string       `json:"channel"`
	Pub     *publication `json:"pub"`
	Connect *struct {
		Subs map[string]struct {
			Offset       int64         `json:"offset"`
			Recovered    bool          `json:"recovered"`
			WasRecover   bool          `json:"was_recovering"`
			Publications []publication `json:"publications"`
		} `json:"subs"`
	} `json:"connect"`
	Unsubscribe *struct{} `json:"unsubscribe"`
	Disconnect  *struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	} `json:"disconnect"`
}

type publication struct {
	Offset int64           `json:"offset"`
	Data   json.RawMessage `json:"data"`
}

// Write implements centrifuge.Transport.
func (s *eventStream) Write(message []byte) error { return s.WriteMany(message) }

// WriteMany implements centrifuge.Transport.
func (s *eventStream) WriteMany(messages ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, raw := range messages {
		var p push
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("live: reading a push: %w", err)
		}
		s.render(&b, p)
	}
	if b.Len() > 0 {
		s.send(b.String())
	}
	return nil
}

func (s *eventStream) render(b *strings.Builder, p push) {
	switch {
	case p.Pub != nil:
		s.entry(b, p.Channel, *p.Pub)
	case p.Connect != nil:
		s.welcome(b, p)
	case p.Unsubscribe != nil:
		fmt.Fprintf(b, "event: unsubscribed\ndata: {\"channel\":%q}\n\n", strings.TrimPrefix(p.Channel, channelPrefix))
	case p.Disconnect != nil:
	default:
		b.WriteString(": ping\n\n")
	}
}

// welcome sends what was missed, in the order of the request, and then the place in every channel.
func (s *eventStream) welcome(b *strings.Builder, p push) {
	for i, at := range s.places {
		sub, ok := p.Connect.Subs[channelName(at.channel)]
		if !ok {
			continue
		}
		if at.after >= 0 && !sub.Recovered {
			s.places[i].after = sub.Offset
			fmt.Fprintf(b, "event: reset\ndata: {\"channel\":%q,\"offset\":%d}\n\n", at.channel, sub.Offset)
			continue
		}
		for _, missed := range sub.Publications {
			s.entry(b, channelName(at.channel), missed)
		}
		// The offset of a recovered subscription is the one that it asked for, not that of what it was given.
		s.places[i].after = max(s.places[i].after, sub.Offset)
	}
	fmt.Fprintf(b, "event: ready\nid: %s\ndata: {}\n\n", s.cursor())
}

func (s *eventStream) entry(b *strings.Builder, channel string, p publication) {
	for i := range s.places {
		if channelName(s.places[i].channel) == channel {
			s.places[i].after = p.Offset
		}
	}
	fmt.Fprintf(b, "event: entry\nid: %s\ndata: %s\n\n", s.cursor(), p.Data)
}

func (s *eventStream) cursor() string {
	parts := make([]string, len(s.places))
	for i, p := range s.places {
		parts[i] = p.channel.String() + "=" + strconv.FormatInt(max(p.after, 0), 10)
	}
	return strings.Join(parts, ",")
}

// Close implements centrifuge.Transport.
func (s *eventStream) Close(centrifuge.Disconnect) error {
	s.close()
	return nil
}

// Name implements centrifuge.TransportInfo.
func (s *eventStream) Name() string { return "sse" }

// AcceptProtocol implements centrifuge.TransportInfo.
func (s *eventStream) AcceptProtocol() string { return "h1" }

// Protocol implements centrifuge.TransportInfo.
func (s *eventStream) Protocol() centrifuge.ProtocolType { return centrifuge.ProtocolTypeJSON }

// ProtocolVersion implements centrifuge.TransportInfo.
func (s *eventStream) ProtocolVersion() centrifuge.ProtocolVersion {
	return centrifuge.ProtocolVersion2
}

// Unidirectional implements centrifuge.TransportInfo.
func (s *eventStream) Unidirectional() bool { return true }

// Emulation implements centrifuge.TransportInfo.
func (s *eventStream) Emulation() bool { return false }

// DisabledPushFlags implements centrifuge.TransportInfo.
func (s *eventStream) DisabledPushFlags() uint64 { return 0 }

// PingPongConfig implements centrifuge.TransportInfo. A ping keeps proxies from closing a quiet connection.
func (s *eventStream) PingPongConfig() centrifuge.PingPongConfig {
	return centrifuge.PingPongConfig{PingInterval: 25 * time.Second, PongTimeout: -1}
}
