package transport_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func client(t *testing.T, o transport.HTTPOptions) *transport.HTTP {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	h := transport.NewHTTP(o)
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func TestHTTP_Do_answers(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Agent", r.UserAgent())
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short and stout"))
	})
	got, err := client(t, transport.HTTPOptions{UserAgent: "tester"}).Do(t.Context(), request(t, url))
	if err != nil || got.Status != 418 || string(got.Body) != "short and stout" || got.Cut || got.Header.Get("X-Agent") != "tester" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHTTP_Do_boundsTheAnswer(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 64 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	got, err := client(t, transport.HTTPOptions{}).Do(t.Context(), request(t, url))
	if err != nil || len(got.Body) != transport.MaxAnswer || !got.Cut {
		t.Errorf("%d bytes, cut %v, %v", len(got.Body), got.Cut, err)
	}
}

func TestHTTP_Do_keepsTheStatusOfABrokenAnswer(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte("only this"))
	})
	got, err := client(t, transport.HTTPOptions{}).Do(t.Context(), request(t, url))
	if err != nil || got.Status != 201 || !got.Cut || string(got.Body) != "only this" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHTTP_Do_followsNoRedirect(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if got, err := client(t, transport.HTTPOptions{}).Do(t.Context(), request(t, url)); err != nil || got.Status != 307 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHTTP_Do_resetAfterTheRequestIsAmbiguous(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := client(t, transport.HTTPOptions{}).Do(t.Context(), request(t, url+"/hook/secret"))
	if err == nil || !err.Retry || !err.Ambiguous || err.Reason != reason.ProviderUnavailable || strings.Contains(err.Detail, "secret") {
		t.Errorf("got %+v", err)
	}
}

func TestHTTP_Do_refusedConnectionIsNotAmbiguous(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	_ = listener.Close()
	_, failure := client(t, transport.HTTPOptions{}).Do(t.Context(), request(t, url))
	if failure == nil || !failure.Retry || failure.Ambiguous || strings.Contains(failure.Detail, "http") {
		t.Errorf("got %+v", failure)
	}
}

func TestHTTP_Do_timeOut(t *testing.T) {
	gate := make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { <-gate })
	defer close(gate)

	_, err := client(t, transport.HTTPOptions{Timeout: time.Second}).Do(t.Context(), request(t, url))
	if err == nil || !err.Ambiguous || err.Detail != "no answer in time" || errors.Unwrap(err) != nil {
		t.Errorf("own limit: %+v, unwraps to %v", err, errors.Unwrap(err))
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = client(t, transport.HTTPOptions{}).Do(ctx, request(t, url))
	if err == nil || !err.Retry || err.Detail != "no answer in time" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("caller's limit: %+v", err)
	}
}

func TestHTTP_Do_calledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	gate := make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { cancel(); <-gate })
	defer close(gate)
	_, err := client(t, transport.HTTPOptions{}).Do(ctx, request(t, url))
	if err == nil || !err.Ambiguous || !errors.Is(err, context.Canceled) || err.Detail != "the attempt was called off" {
		t.Errorf("while waiting: %+v", err)
	}
	_, err = client(t, transport.HTTPOptions{}).Do(ctx, request(t, url))
	if err == nil || err.Ambiguous || !errors.Is(err, context.Canceled) {
		t.Errorf("beforehand: %+v", err)
	}
}

func TestHTTP_Do_refusedAddress(t *testing.T) {
	refused := errors.New("not there")
	h := client(t, transport.HTTPOptions{
		ErrRefused: refused,
		Control:    func(string, string, syscall.RawConn) error { return refused },
	})
	_, err := h.Do(t.Context(), request(t, "http://127.0.0.1:9/"))
	if err == nil || err.Retry || err.Ambiguous || err.Reason != reason.ProviderRejected || err.Detail != "not there" {
		t.Errorf("got %+v", err)
	}
}

func TestHTTP_Do_afterClose(t *testing.T) {
	h := client(t, transport.HTTPOptions{})
	for range 2 {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := h.Do(t.Context(), request(t, "http://127.0.0.1:9/")); err == nil || !err.Retry || err.Ambiguous {
		t.Errorf("got %+v", err)
	}
}
