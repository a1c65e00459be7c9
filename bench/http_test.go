package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	r := newRequest("127.0.0.1:1", "POST", "/x", "secret", jsonType, `{"n":"`+numberMark+`"}`)
	r.setNumber(1234)
	other := r.clone()
	other.setNumber(987654321012)
	for raw, want := range map[string]string{string(r.raw): "000000001234", string(other.raw): "987654321012"} {
		got, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err != nil || string(body) != `{"n":"`+want+`"}` || got.Header.Get("Authorization") != "Bearer secret" || got.Host != "127.0.0.1:1" {
			t.Errorf("%v: %s %v", err, body, got.Header)
		}
	}
	plain := newRequest("h", "GET", "/"+numberMark, "", "", "")
	before := bytes.Clone(plain.raw)
	plain.setNumber(5)
	if !bytes.Equal(before, plain.raw) {
		t.Error("a number was written where there is no mark in a body")
	}
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, raw, problem string
		status             int
		fails              bool
	}{
		{"with a length", "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc", "", 201, false},
		{"refused", "HTTP/1.1 422 No\r\ncontent-length:2\r\n\r\n{}", "{}", 422, false},
		{"in chunks", "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n", "abcde", 500, false},
		{"nothing", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, false},
		{"until the end", "HTTP/1.1 200 OK\r\n\r\nabc", "", 200, true},
		{"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "", 200, true},
		{"no HTTP", "SSH-2.0-OpenSSH\r\n", "", 0, true},
		{"no status", "HTTP/1.1 abc\r\n\r\n", "", 0, true},
		{"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", "", 200, true},
		{"a chunk that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "", 200, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			status, problem, err := readAnswer(bufio.NewReader(strings.NewReader(tc.raw)))
			if (err != nil) != tc.fails || !tc.fails && (status != tc.status || string(problem) != tc.problem) {
				t.Errorf("%d %q %v", status, problem, err)
			}
		})
	}
}

func TestReadAnswer_leavesTheNext(t *testing.T) {
	t.Parallel()
	in := bufio.NewReader(strings.NewReader(strings.Repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 3) +
		"HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\ny"))
	for i, want := range []int{200, 200, 200, 201} {
		if status, _, err := readAnswer(in); status != want || err != nil {
			t.Errorf("answer %d: %d, %v", i, status, err)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		status, problem, err := readAnswer(bufio.NewReader(bytes.NewReader(raw)))
		if err == nil && len(problem) > len(raw) {
			t.Errorf("%d with a body that is longer than the answer", status)
		}
	})
}

// counter is a server that counts and answers like the real one.
func counter(t *testing.T, status int) (host string, served *atomic.Int64, seen *sync.Map) {
	t.Helper()
	served, seen = &atomic.Int64{}, &sync.Map{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if _, twice := seen.LoadOrStore(string(body), true); twice {
			t.Errorf("%s came twice", body)
		}
		served.Add(1)
		w.WriteHeader(status)
		fmt.Fprint(w, `{"data":{}}`)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), served, seen
}

func requestsTo(host string, n int) []request {
	out := make([]request, n)
	for i := range out {
		out[i] = newRequest(host, "POST", "/", "k", jsonType, `{"n":`+numberMark+`}`)
	}
	return out
}

func TestLoad_closed(t *testing.T) {
	t.Parallel()
	host, served, _ := counter(t, 201)
	l := load{host: host, requests: requestsTo(host, 4), want: 201, next: &atomic.Int64{}}
	r, err := l.run(t.Context(), 100*time.Millisecond, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if r.done == 0 || r.done > r.total || len(r.took) != r.done || int64(r.total) != served.Load() {
		t.Errorf("%d of %d counted, %d timed, %d served", r.done, r.total, len(r.took), served.Load())
	}
	if r.elapsed < 100*time.Millisecond {
		t.Errorf("the window took %s", r.elapsed)
	}
}

func TestLoad_paced(t *testing.T) {
	t.Parallel()
	host, served, _ := counter(t, 201)
	var sent atomic.Int64
	l := load{host: host, requests: requestsTo(host, 4), want: 201, rate: 100, next: &atomic.Int64{}, sent: func(int64) { sent.Add(1) }}
	r, err := l.run(t.Context(), 200*time.Millisecond, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if most := 1 + int64(4+100*(warmUp+200*time.Millisecond).Seconds()); served.Load() > most || sent.Load() != served.Load() || r.done == 0 {
		t.Errorf("%d sent, %d served, at most %d expected", sent.Load(), served.Load(), most)
	}
}

func TestLoad_stopsAtARefusal(t *testing.T) {
	t.Parallel()
	host, served, _ := counter(t, 503)
	l := load{host: host, requests: requestsTo(host, 3), want: 201, next: &atomic.Int64{}}
	_, err := l.run(t.Context(), time.Minute, os.Getpid())
	if err == nil || !strings.Contains(err.Error(), "answered 503") || served.Load() > 6 {
		t.Errorf("%v after %d requests", err, served.Load())
	}
	if _, err := (load{host: "127.0.0.1:1", requests: requestsTo(host, 1), next: &atomic.Int64{}}).run(t.Context(), time.Minute, 0); err == nil {
		t.Error("nobody is there, and nobody noticed")
	}
}

func TestPause_endsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begun := time.Now()
	pause(ctx, time.Minute)
	if time.Since(begun) > 30*time.Second {
		t.Error("it waited all the same")
	}
}
