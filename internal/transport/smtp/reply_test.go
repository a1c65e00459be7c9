package smtp

import (
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/redact"
)

func FuzzReplyError(f *testing.F) {
	f.Add(int(recipient), 550, "5.1.1 no such user")
	f.Add(int(final), 250, "odd")
	f.Add(int(connecting), -1, "\xff\r\n")
	redactor := redact.New("hunter22")
	f.Fuzz(func(t *testing.T, at, code int, text string) {
		e := replyError(stage(at), code, text+" hunter22", redactor)
		if !e.Reason.Valid() || strings.Contains(e.Error(), "hunter22") || strings.ContainsAny(e.Detail, "\r\n") {
			t.Errorf("%+v", e)
		}
		if code >= 400 && code < 500 && !e.Retry {
			t.Errorf("%d is not retried", code)
		}
		if e.Ambiguous && stage(at) != final {
			t.Errorf("ambiguous before the end: %+v", e)
		}
	})
}

func TestAsReply(t *testing.T) {
	wrapped := &failure{recipient, fmt.Errorf("go-mail says: %w", &textproto.Error{Code: 550, Msg: "no"})}
	if code, text, ok := asReply(wrapped); code != 550 || text != "no" || !ok {
		t.Errorf("%d %q %v", code, text, ok)
	}
	if _, _, ok := asReply(&failure{final, net.ErrClosed}); ok {
		t.Error("a broken connection is a reply")
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		setting, offered, want string
	}{
		{"auto", "plain login cram-md5 scram-sha-256", "scram-sha-256"},
		{"auto", "login plain", "plain"},
		{"auto", "cram-md5 login", "login"},
		{"auto", "xoauth2", ""},
		{"auto", "", ""},
		{"cram-md5", "plain cram-md5", "cram-md5"},
		{"plain", "login", ""},
	} {
		if got := choose(c.setting, strings.Fields(c.offered)); got != c.want {
			t.Errorf("choose(%s, %s) = %q", c.setting, c.offered, got)
		}
	}
}

func TestSettings_port(t *testing.T) {
	for _, c := range []struct {
		settings Settings
		want     int
	}{
		{Settings{TLS: tlsStart}, 587}, {Settings{TLS: tlsDirect}, 465}, {Settings{TLS: tlsNone}, 25}, {Settings{TLS: tlsNone, Port: 1025}, 1025},
	} {
		if got := c.settings.port(); got != c.want {
			t.Errorf("%+v: %d", c.settings, got)
		}
	}
}

// An idle connection ends when nobody wanted it for its time, and not before.
func TestPool_expires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p := &pool{slots: make(chan struct{}, 1), keep: time.Minute, limit: 10}
		c := &connection{raw: ours, client: nil}
		c.client = greeted(t, ours, theirs)
		p.put(c)
		time.Sleep(59 * time.Second)
		got, err := p.pop()
		if got != c || err != nil {
			t.Fatalf("%v, %v", got, err)
		}
		p.put(c)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if waiting(p) != 1 {
			t.Error("it ended before its time")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if waiting(p) != 0 {
			t.Error("it was kept after its time")
		}
		if _, err := ours.Write([]byte("x")); err == nil {
			t.Error("it is still open")
		}
	})
}

func waiting(p *pool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}
