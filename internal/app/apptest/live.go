package apptest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"switchboard/internal/id"
)

// Entry is something that happened in a channel, as both live doors tell it.
type Entry struct {
	ID      id.ID           `json:"id"`
	Type    string          `json:"type"`
	Channel id.ID           `json:"channel"`
	Offset  int64           `json:"offset"`
	Subject id.ID           `json:"subject"`
	Data    json.RawMessage `json:"data"`
}

// Socket is a client over WebSocket that speaks the protocol of the public Centrifugo clients.
type Socket struct {
	t       *testing.T
	conn    *websocket.Conn
	ctx     context.Context
	cancel  context.CancelFunc
	pending []socketReply
	next    int
}

type socketEntry struct {
	Offset int64 `json:"offset"`
	Data   Entry `json:"data"`
}

type socketReply struct {
	ID    int `json:"id"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Subscribe *struct {
		Recovered    bool          `json:"recovered"`
		Offset       int64         `json:"offset"`
		Publications []socketEntry `json:"publications"`
	} `json:"subscribe"`
	Push *struct {
		Pub *socketEntry `json:"pub"`
	} `json:"push"`
}

// Dial connects with a key. The test fails when the server refuses it.
func (c Client) Dial(t *testing.T, key string) *Socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, c.URL+"/live/websocket", nil) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err)
	}
	s := &Socket{t: t, conn: conn, ctx: ctx, cancel: cancel}
	t.Cleanup(s.Drop)
	s.command(map[string]any{"connect": map[string]any{"token": key}})
	return s
}

// command sends one command and returns the reply to it; what is pushed meanwhile is kept.
func (s *Socket) command(command map[string]any) socketReply {
	s.t.Helper()
	s.next++
	command["id"] = s.next
	raw, err := json.Marshal(command)
	if err == nil {
		err = s.conn.Write(s.ctx, websocket.MessageText, raw)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; ; i++ {
		if i == len(s.pending) {
			s.read()
		}
		if s.pending[i].ID == s.next {
			r := s.pending[i]
			s.pending = append(s.pending[:i], s.pending[i+1:]...)
			return r
		}
	}
}

// read waits for a frame that holds something; several replies may come in one.
func (s *Socket) read() {
	s.t.Helper()
	for before := len(s.pending); len(s.pending) == before; {
		_, raw, err := s.conn.Read(s.ctx)
		if err != nil {
			s.t.Fatalf("reading from the WebSocket: %v", err)
		}
		for line := range strings.Lines(string(raw)) {
			var r socketReply
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				s.t.Fatalf("%v in %s", err, line)
			}
			if r.ID != 0 || r.Push != nil {
				s.pending = append(s.pending, r)
			}
		}
	}
}

// Follow follows a channel from its end; since ≥ 0 follows it from that offset and returns what was missed.
func (s *Socket) Follow(channel id.ID, since int64) (missed []Entry, offset int64) {
	s.t.Helper()
	ask := map[string]any{"channel": "channel:" + channel.String()}
	if since >= 0 {
		ask["recover"], ask["offset"], ask["epoch"] = true, since, "log"
	}
	r := s.command(map[string]any{"subscribe": ask})
	if r.Error != nil || r.Subscribe == nil {
		s.t.Fatalf("following %s: %+v", channel, r.Error)
	}
	if since >= 0 && !r.Subscribe.Recovered {
		s.t.Fatalf("following %s from %d: not recovered", channel, since)
	}
	for _, p := range r.Subscribe.Publications {
		missed = append(missed, p.Data)
	}
	return missed, r.Subscribe.Offset
}

// Refused asks to follow a channel and returns the code of the refusal; 0 when there is none.
func (s *Socket) Refused(channel id.ID) int {
	s.t.Helper()
	if r := s.command(map[string]any{"subscribe": map[string]any{"channel": "channel:" + channel.String()}}); r.Error != nil {
		return r.Error.Code
	}
	return 0
}

// Next waits for the next entry.
func (s *Socket) Next() Entry {
	s.t.Helper()
	for {
		for i, r := range s.pending {
			if r.Push != nil && r.Push.Pub != nil {
				s.pending = append(s.pending[:i], s.pending[i+1:]...)
				return r.Push.Pub.Data
			}
		}
		s.pending = s.pending[:0]
		s.read()
	}
}

// Drop breaks the connection without a good-bye.
func (s *Socket) Drop() {
	_ = s.conn.CloseNow()
	s.cancel()
}

// Stream is a client over server-sent events.
type Stream struct {
	t      *testing.T
	body   io.ReadCloser
	lines  *bufio.Scanner
	cancel context.CancelFunc
	LastID string // of the last event, for continuing
}

// Listen follows a channel by a query such as "channel=<id>&since=0", from behind the event whose id is last, if any. The
// test fails when the server refuses.
func (c Client) Listen(t *testing.T, key, query, last string) *Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	r, err := NewRequest(ctx, c.URL, key, "GET /live/sse?"+query, nil)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r) //nolint:bodyclose // Drop does
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s := &Stream{t: t, body: answer.Body, lines: bufio.NewScanner(answer.Body), cancel: cancel, LastID: last}
	t.Cleanup(s.Drop)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("following %s: %s", query, answer.Status)
	}
	return s
}

// Next waits for the next entry; notices such as "ready" are passed over.
func (s *Stream) Next() Entry {
	s.t.Helper()
	for {
		kind, data := s.event()
		if kind != "entry" {
			continue
		}
		var e Entry
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			s.t.Fatalf("%v in %s", err, data)
		}
		return e
	}
}

// Ready waits until everything that was missed has been sent.
func (s *Stream) Ready() {
	s.t.Helper()
	for {
		if kind, data := s.event(); kind == "ready" {
			return
		} else if kind == "reset" {
			s.t.Fatalf("reset: %s", data)
		}
	}
}

func (s *Stream) event() (kind, data string) {
	s.t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case name == "event":
			kind = value
		case name == "id":
			s.LastID = value
		case name == "data":
			data = value
		case line == "" && kind != "":
			return kind, data
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return "", ""
}

// Drop breaks the connection.
func (s *Stream) Drop() {
	s.cancel()
	_ = s.body.Close()
}
