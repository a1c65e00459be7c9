package transport_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func TestState_Supersedes(t *testing.T) {
	const (
		acc, sent, und, fail, del, read = transport.Accepted, transport.Sent, transport.Undelivered, transport.Failed, transport.Delivered, transport.Read
	)
	order := []transport.State{"", acc, sent, und, fail, del, read}
	for i, later := range order {
		for j, earlier := range order {
			if got, want := later.Supersedes(earlier), i > j; got != want {
				t.Errorf("%q supersedes %q: %v", later, earlier, got)
			}
		}
	}
}

func TestState_Supersedes_givesOneResultInAnyOrder(t *testing.T) {
	news := []transport.State{transport.Read, transport.Sent, transport.Failed, transport.Delivered, transport.Sent}
	for range news {
		news = append(news[1:], news[0])
		var known transport.State
		for _, s := range news {
			if s.Supersedes(known) {
				known = s
			}
		}
		if known != transport.Read {
			t.Errorf("%v ends as %s", news, known)
		}
	}
}

func TestState_Final(t *testing.T) {
	for s, want := range map[transport.State]bool{
		"": false, "nonsense": false, transport.Accepted: false, transport.Sent: false,
		transport.Undelivered: true, transport.Failed: true, transport.Delivered: true, transport.Read: true,
	} {
		if s.Final() != want {
			t.Errorf("%q: Final = %v", s, s.Final())
		}
		if known := s != "" && s != "nonsense"; s.Valid() != known {
			t.Errorf("%q: Valid = %v", s, s.Valid())
		}
	}
}

func TestName_Valid(t *testing.T) {
	for _, n := range transport.Names() {
		if !n.Valid() {
			t.Errorf("%s is not valid", n)
		}
	}
	for _, n := range []transport.Name{"", "SMS", "in-app"} {
		if n.Valid() {
			t.Errorf("%q is valid", n)
		}
	}
}

func TestError_Error(t *testing.T) {
	e := transport.Rejected(reason.AddressDead, "no such\nuser %q", "x")
	if got := e.Error(); got != `address-dead: no such user "x"` {
		t.Errorf("Error = %q", got)
	}
	e.Code = "550"
	if got := e.Error(); got != `address-dead (550): no such user "x"` {
		t.Errorf("Error = %q", got)
	}
}

func TestError_Unwrap_letsOnlyTheContextThrough(t *testing.T) {
	secret := errors.New("https://example.com/secret")
	for name, c := range map[string]struct {
		cause    error
		unwraped error
	}{
		"cancelled": {fmt.Errorf("call: %w", context.Canceled), context.Canceled},
		"deadline":  {errors.Join(secret, context.DeadlineExceeded), context.DeadlineExceeded},
		"other":     {secret, nil},
		"none":      {nil, nil},
	} {
		if got := errors.Unwrap(transport.Unavailable("x").Because(c.cause)); !errors.Is(got, c.unwraped) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAsError(t *testing.T) {
	if transport.AsError(nil) != nil {
		t.Error("nil is an error")
	}
	own := transport.Unavailable("x")
	if got := transport.AsError(fmt.Errorf("wrapped: %w", own)); got != own {
		t.Errorf("got %v", got)
	}
	got := transport.AsError(fmt.Errorf("password hunter2: %w", context.Canceled))
	if !got.Retry || !got.Ambiguous || got.Reason != reason.ProviderUnavailable || strings.Contains(got.Error(), "hunter2") {
		t.Errorf("got %+v", got)
	}
	if !errors.Is(got, context.Canceled) {
		t.Error("the context's end is lost")
	}
}
