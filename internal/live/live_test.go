package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/live"
	"switchboard/internal/web"
)

// studio is a hub behind HTTP, with one channel that the key "good" may follow.
type studio struct {
	t       *testing.T
	url     string
	log     *eventlog.Log
	hub     *live.Hub
	channel id.ID
	key     id.ID
	offset  int64

	seen chan int64 // offsets that readers of the log can see

	mu      sync.Mutex
	allowed bool
	alive   bool
	// What was to be recorded, and the answer to that.
	followed   int
	denied     []string
	unrecorded error
	broken     error // of asking who may follow
}

const maxConnections = 10

func newStudio(t *testing.T, d *db.DB) *studio {
	t.Helper()
	s := &studio{t: t, channel: id.New(), key: id.New(), seen: make(chan int64, 1000), allowed: true, alive: true}
	s.log = eventlog.New(d, clock.System, slog.New(slog.DiscardHandler))
	s.log.Start()
	t.Cleanup(s.log.Stop)
	hub, err := live.New(live.Options{
		Log: s.log, MaxConnections: maxConnections, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		Origins: []string{"https://app.example"},
		Authenticate: func(_ context.Context, secret string) (actor.Actor, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if secret != "good" || !s.alive {
				return actor.Actor{}, errs.CodeUnauthenticated.Errorf("no")
			}
			return actor.Actor{KeyID: s.key, Role: actor.Member}, nil
		},
		MayFollow: func(ctx context.Context, channel id.ID) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if actor.From(ctx).KeyID != s.key {
				t.Error("asked without the actor")
			}
			if channel != s.channel {
				return errs.MissingRecord("channel")
			}
			if !s.allowed {
				return errs.Forbidden("not a member")
			}
			return s.broken
		},
		Followed: func(ctx context.Context, channel id.ID) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if a := actor.From(ctx); a.RequestID == "" || a.RemoteAddr != "127.0.0.1" || channel != s.channel {
				t.Errorf("%+v follows %v", a, channel)
			}
			s.followed++
			return s.unrecorded
		},
		Denied: func(_ context.Context, door string, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.denied = append(s.denied, door)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.hub = hub
	s.watch()
	server := web.New(web.Options{})
	hub.Mount(server)
	listener := httptest.NewServer(server)
	s.url = listener.URL
	t.Cleanup(func() {
		if err := hub.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		listener.Close()
	})
	return s
}

// watch follows the log beside the hub, for post to know when an entry can be read: on PostgreSQL that is a moment after
// the commit.
func (s *studio) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	var tail sync.WaitGroup
	tail.Go(func() {
		s.log.Tail(ctx, ready, func(entries []event.Entry) {
			for _, e := range entries {
				s.seen <- e.Offset
			}
		})
	})
	s.t.Cleanup(tail.Wait)
	s.t.Cleanup(cancel)
	<-ready
}

// post writes n entries to the channel and waits until they can be read.
func (s *studio) post(n int) {
	s.t.Helper()
	for range n {
		s.offset++
		s.record("messaging.message.posted", s.offset)
	}
	for seen := int64(0); seen != s.offset; {
		select {
		case seen = <-s.seen:
		case <-time.After(2 * time.Minute):
			s.t.Fatal("the entries cannot be read")
		}
	}
}

func (s *studio) record(typ string, offset int64) {
	s.t.Helper()
	err := s.log.Record(s.t.Context(), event.Change{
		OrganizationID: id.New(), Type: typ, Stream: s.channel, Offset: offset, Subject: s.channel,
		Data: map[string]int64{"n": offset},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// socket is a client that speaks the protocol of the public Centrifugo clients.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
	ctx  context.Context
}

func (s *studio) dial(secret string) *socket {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	s.t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, s.url+"/live/websocket", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	c := &socket{s.t, conn, ctx}
	c.send(map[string]any{"id": 1, "connect": map[string]any{"token": secret}})
	return c
}

func (c *socket) send(v any) {
	c.t.Helper()
	raw, err := json.Marshal(v)
	if err == nil {
		err = c.conn.Write(c.ctx, websocket.MessageText, raw)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

type wireError struct {
	Code int `json:"code"`
}

type wirePub struct {
	Offset int64      `json:"offset"`
	Data   live.Frame `json:"data"`
}

// reply is a reply or a push.
type reply struct {
	ID        int        `json:"id"`
	Error     *wireError `json:"error"`
	Connect   *struct{}  `json:"connect"`
	Subscribe *struct {
		Recovered    bool      `json:"recovered"`
		Offset       int64     `json:"offset"`
		Publications []wirePub `json:"publications"`
	} `json:"subscribe"`
	Push *struct {
		Channel     string    `json:"channel"`
		Pub         *wirePub  `json:"pub"`
		Unsubscribe *struct{} `json:"unsubscribe"`
	} `json:"push"`
}

// next reads frames until one holds something; several may come in one.
func (c *socket) next(pending *[]reply) reply {
	c.t.Helper()
	for len(*pending) == 0 {
		_, raw, err := c.conn.Read(c.ctx)
		if err != nil {
			c.t.Fatalf("reading: %v", err)
		}
		for line := range strings.Lines(string(raw)) {
			var r reply
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				c.t.Fatalf("%v in %s", err, line)
			}
			if r.ID != 0 || r.Push != nil {
				*pending = append(*pending, r)
			}
		}
	}
	r := (*pending)[0]
	*pending = (*pending)[1:]
	return r
}

func TestHub_WebSocket_recovers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStudio(t, d)
		s.post(3) // before anybody follows
		name := "channel:" + s.channel.String()
		var pending []reply
		c := s.dial("good")
		if r := c.next(&pending); r.Connect == nil {
			t.Fatalf("connect: %+v", r)
		}
		c.send(map[string]any{"id": 2, "subscribe": map[string]any{"channel": name}})
		first := c.next(&pending)
		if first.Subscribe == nil || first.Subscribe.Offset != 3 {
			t.Fatalf("subscribe: %+v", first)
		}
		s.post(2)
		for want := int64(4); want <= 5; want++ {
			r := c.next(&pending)
			if r.Push == nil || r.Push.Pub == nil || r.Push.Pub.Offset != want || r.Push.Pub.Data.Offset != want || r.Push.Pub.Data.Type != "messaging.message.posted" {
				t.Fatalf("push %d: %+v", want, r)
			}
		}
		_ = c.conn.CloseNow() // the connection drops
		s.post(4)

		again := s.dial("good")
		pending = nil
		again.next(&pending)
		again.send(map[string]any{"id": 2, "subscribe": map[string]any{"channel": name, "recover": true, "offset": 5, "epoch": "log"}})
		r := again.next(&pending)
		if r.Subscribe == nil || !r.Subscribe.Recovered || len(r.Subscribe.Publications) != 4 {
			t.Fatalf("recovery: %+v", r)
		}
		for i, p := range r.Subscribe.Publications {
			if p.Offset != int64(6+i) {
				t.Errorf("recovered %d at place %d", p.Offset, i)
			}
		}
		s.post(1)
		if r := again.next(&pending); r.Push == nil || r.Push.Pub == nil || r.Push.Pub.Offset != 10 {
			t.Errorf("after the recovery: %+v", r)
		}
	})
}

func TestHub_WebSocket_refuses(t *testing.T) {
	t.Parallel()
	s := newStudio(t, dbtest.SQLite(t))
	bad := s.dial("bad")
	if _, _, err := bad.conn.Read(bad.ctx); websocket.CloseStatus(err) != 3500 { // invalid token
		t.Errorf("a wrong key: %v", err)
	}
	c := s.dial("good")
	var pending []reply
	c.next(&pending)
	for i, name := range []string{"channel:" + id.New().String(), s.channel.String(), "channel:", "x", "channel:" + strings.ToUpper(s.channel.String())} {
		c.send(map[string]any{"id": i + 2, "subscribe": map[string]any{"channel": name}})
		if r := c.next(&pending); r.Error == nil || r.Error.Code != 102 {
			t.Errorf("following %q: %+v", name, r.Error)
		}
	}
	c.send(map[string]any{"id": 9, "publish": map[string]any{"channel": "channel:" + s.channel.String(), "data": map[string]int{"x": 1}}})
	if r := c.next(&pending); r.Error == nil {
		t.Error("a client can publish past the services")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/live/websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://elsewhere.example")
	r.Header.Set("Connection", "upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg==")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin: %d", answer.StatusCode)
	}
}

func TestHub_rightsEnd(t *testing.T) {
	t.Parallel()
	s := newStudio(t, dbtest.SQLite(t))
	c := s.dial("good")
	var pending []reply
	c.next(&pending)
	c.send(map[string]any{"id": 2, "subscribe": map[string]any{"channel": "channel:" + s.channel.String()}})
	c.next(&pending)

	// While nobody can tell who may follow, who follows goes on. The question about the first entry is asked before the
	// second is published.
	s.mu.Lock()
	s.broken = errs.CodeUnavailable.Errorf("the database is away")
	s.mu.Unlock()
	for range 2 {
		s.offset++
		s.record("messaging.channel.updated", s.offset)
		if r := c.next(&pending); r.Push == nil || r.Push.Pub == nil || r.Push.Pub.Offset != s.offset {
			t.Fatalf("while nobody can tell: %+v", r)
		}
	}

	s.mu.Lock()
	s.allowed, s.broken = false, nil
	s.mu.Unlock()
	s.offset++
	s.record("messaging.channel.unsubscribed", s.offset)
	if r := c.next(&pending); r.Push == nil || r.Push.Pub == nil {
		t.Fatalf("the entry that ended the right: %+v", r)
	}
	if r := c.next(&pending); r.Push == nil || r.Push.Unsubscribe == nil {
		t.Fatalf("afterwards: %+v", r)
	}

	revoked := event.Change{OrganizationID: id.New(), Type: "access.key.revoked", Subject: s.key}
	if err := s.log.Record(t.Context(), revoked); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.conn.Read(c.ctx); websocket.CloseStatus(err) != 3500 {
		t.Errorf("after the key was revoked: %v", err)
	}
}

// listener reads server-sent events.
type listener struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
	lastID string
}

func (s *studio) listen(query, lastID string) (*listener, int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/live/sse"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer good")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = answer.Body.Close() })
	return &listener{t: s.t, lines: bufio.NewScanner(answer.Body), cancel: cancel}, answer.StatusCode
}

func (l *listener) next() (kind, data string) {
	l.t.Helper()
	for l.lines.Scan() {
		line := l.lines.Text()
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case name == "event":
			kind = value
		case name == "id":
			l.lastID = value
		case name == "data":
			data = value
		case line == "" && kind != "":
			return kind, data
		}
	}
	l.t.Fatalf("the stream ended: %v", l.lines.Err())
	return "", ""
}

func (l *listener) expect(offsets ...int64) {
	l.t.Helper()
	for _, want := range offsets {
		kind, data := l.next()
		var f live.Frame
		if err := json.Unmarshal([]byte(data), &f); err != nil || kind != "entry" || f.Offset != want {
			l.t.Fatalf("got %s %s, want entry %d", kind, data, want)
		}
	}
}

func TestHub_SSE_recovers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStudio(t, d)
		s.post(2)
		query := "?channel=" + s.channel.String()
		l, status := s.listen(query, "")
		if kind, _ := l.next(); kind != "ready" || status != 200 || l.lastID != s.channel.String()+"=2" {
			t.Fatalf("%d, %s, at %s", status, kind, l.lastID)
		}
		s.post(2)
		l.expect(3, 4)
		l.cancel() // the connection drops
		s.post(3)
		again, _ := s.listen(query, l.lastID)
		again.expect(5, 6, 7)
		if kind, _ := again.next(); kind != "ready" || again.lastID != s.channel.String()+"=7" {
			t.Errorf("after what was missed: %s, at %s", kind, again.lastID)
		}
		again.cancel() // before anything new came: nothing is sent twice
		again, _ = s.listen(query, again.lastID)
		if kind, data := again.next(); kind != "ready" {
			t.Errorf("after nothing was missed: %s %s", kind, data)
		}
		s.post(1)
		again.expect(8)
		if want := s.channel.String() + "=8"; again.lastID != want {
			t.Errorf("id %q, want %q", again.lastID, want)
		}
		since, _ := s.listen("?channel="+s.channel.Short()+"&since=6", "")
		since.expect(7, 8)
		ahead, _ := s.listen(query+"&since=99", "")
		if kind, data := ahead.next(); kind != "reset" || !strings.Contains(data, `"offset":8`) {
			t.Errorf("a place that never was: %s %s", kind, data)
		}
	})
}

func TestHub_SSE_refuses(t *testing.T) {
	t.Parallel()
	s := newStudio(t, dbtest.SQLite(t))
	for query, want := range map[string]int{
		"": 400, "?channel=x": 400, "?channel=" + id.New().String(): 404, "?channel=" + s.channel.String() + "&since=-1": 400,
		"?channel=" + s.channel.String() + "&since=1&since=2": 400, "?channel=" + s.channel.String() + "&color=red": 400,
		"?channel=" + s.channel.String() + "&channel=" + s.channel.Short(): 400,
		"?" + strings.Repeat("channel="+s.channel.String()+"&", 101):       400,
	} {
		if _, status := s.listen(query, ""); status != want {
			t.Errorf("%.60s: %d, want %d", query, status, want)
		}
	}
	answer, err := http.Get(s.url + "/live/sse?channel=" + s.channel.String())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key: %d", answer.StatusCode)
	}
}

// Pages connect from the server itself and from the origins that are set.
func TestHub_SSE_origins(t *testing.T) {
	t.Parallel()
	s := newStudio(t, dbtest.SQLite(t))
	for origin, want := range map[string]int{
		"": 200, s.url: 200, "https://app.example": 200,
		"https://app.example.evil.test": 403, "http://app.example": 403, "https://evil.test": 403, "null": 403, "http://%": 403,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/live/sse?channel="+s.channel.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer good")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("from %q: %d, want %d", origin, answer.StatusCode, want)
		}
	}
}

// A node takes so many connections and no more, and one that ends makes room.
func TestHub_MaxConnections(t *testing.T) {
	t.Parallel()
	s := newStudio(t, dbtest.SQLite(t))
	var followers []*listener
	for range maxConnections {
		l, _ := s.listen("?channel="+s.channel.String(), "")
		if kind, _ := l.next(); kind != "ready" {
			t.Fatalf("got %s", kind)
		}
		followers = append(followers, l)
	}
	const full = 3504
	one := s.dial("good")
	if _, _, err := one.conn.Read(one.ctx); websocket.CloseStatus(err) != full {
		t.Errorf("one too many: %v", err)
	}
	followers[0].cancel()
	err := error(websocket.CloseError{Code: full})
	for end := time.Now().Add(2 * time.Minute); websocket.CloseStatus(err) == full && time.Now().Before(end); {
		another := s.dial("good")
		_, _, err = another.conn.Read(another.ctx)
	}
	if err != nil {
		t.Errorf("in the place of one that left: %v", err)
	}
}

func TestHub_StopTellsEverybody(t *testing.T) {
	t.Parallel()
	s := newStudio(t, dbtest.SQLite(t))
	c := s.dial("good")
	var pending []reply
	c.next(&pending)
	if n := s.hub.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if err := s.hub.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.conn.Read(c.ctx); websocket.CloseStatus(err) != 3001 { // shutdown: come back
		t.Errorf("after Stop: %v", err)
	}
	if err := s.hub.Stop(t.Context()); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

func TestHub_manyFollowers(t *testing.T) {
	t.Parallel()
	s := newStudio(t, dbtest.SQLite(t))
	const followers, entries = 8, 50
	var ready, all sync.WaitGroup
	ready.Add(followers)
	for range followers {
		l, _ := s.listen("?channel="+s.channel.String(), "")
		all.Go(func() {
			l.next()
			ready.Done()
			for want := int64(1); want <= entries; want++ {
				l.expect(want)
			}
		})
	}
	ready.Wait()
	s.post(entries)
	all.Wait()
}

func FuzzLastEventID(f *testing.F) {
	f.Add(fmt.Sprintf("%s=5,%s=6", id.New(), id.New()))
	f.Add("=,=,")
	f.Fuzz(func(_ *testing.T, text string) { live.LastSeen(text) })
}
