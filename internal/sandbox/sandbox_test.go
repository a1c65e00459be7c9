package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchboard/internal/sandbox"
)

// start returns a sandbox on free ports that lives as long as the test.
func start(t testing.TB, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.SMTPAddr == "" {
		o.SMTPAddr = "127.0.0.1:0"
	}
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	return s
}

// call makes a request with a JSON body, or none, and returns the status and the decoded answer.
func call(t testing.TB, method, url string, body any) (int, map[string]any) {
	t.Helper()
	var reader io.Reader
	if text, ok := body.(string); ok {
		reader = strings.NewReader(text)
	} else if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return do(t, req)
}

func do(t testing.TB, req *http.Request) (int, map[string]any) {
	t.Helper()
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &decoded); err != nil {
			t.Fatalf("%s %s: %q is not a JSON object: %v", req.Method, req.URL, raw, err)
		}
	}
	return response.StatusCode, decoded
}

func TestNew_refusesAddressesOnTheNetwork(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:0": true, "127.5.5.5:0": true, "[::1]:0": true, "localhost:0": true,
		":0": false, "0.0.0.0:0": false, "[::]:0": false, "192.168.1.1:0": false, "example.com:0": false, "127.0.0.1": false,
	} {
		for _, o := range []sandbox.Options{{Addr: addr}, {SMTPAddr: addr}} {
			if _, err := sandbox.New(o); (err == nil) != ok {
				t.Errorf("%+v: %v", o, err)
			}
		}
	}
	if _, err := sandbox.New(sandbox.Options{Addr: "0.0.0.0:0", SMTPAddr: ":0", Exposed: true}); err != nil {
		t.Errorf("when told: %v", err)
	}
}

func TestSandbox_StartAndStop(t *testing.T) {
	t.Run("stop twice", func(t *testing.T) {
		s := start(t, sandbox.Options{})
		for range 2 {
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := s.Start(t.Context()); err == nil {
			t.Error("it starts again")
		}
		for _, addr := range []string{strings.TrimPrefix(s.URL(), "http://"), s.SMTPAddr()} {
			if conn, err := net.Dial("tcp", addr); err == nil {
				_ = conn.Close()
				t.Errorf("%s still listens", addr)
			}
		}
	})
	t.Run("stop first", func(t *testing.T) {
		s, err := sandbox.New(sandbox.Options{Addr: "127.0.0.1:0", SMTPAddr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Start(t.Context()); err == nil {
			t.Error("it starts after it was stopped")
		}
	})
	t.Run("start twice", func(t *testing.T) {
		s := start(t, sandbox.Options{})
		url := s.URL()
		if err := s.Start(t.Context()); err != nil || s.URL() != url {
			t.Errorf("%v, %s and then %s", err, url, s.URL())
		}
	})
	t.Run("address in use", func(t *testing.T) {
		first := start(t, sandbox.Options{})
		addr := strings.TrimPrefix(first.URL(), "http://")
		for _, o := range []sandbox.Options{{Addr: addr, SMTPAddr: "127.0.0.1:0"}, {Addr: "127.0.0.1:0", SMTPAddr: addr}} {
			s, err := sandbox.New(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Start(t.Context()); err == nil {
				t.Error("it started")
			}
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("two at once", func(t *testing.T) {
		a, b := start(t, sandbox.Options{}), start(t, sandbox.Options{})
		if a.URL() == b.URL() || a.SMTPAddr() == b.SMTPAddr() {
			t.Error("they share an address")
		}
	})
}

func TestSandbox_defaultAddresses(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.URL() != "http://127.0.0.1:8081" || s.SMTPAddr() != "127.0.0.1:1025" {
		t.Errorf("%s, %s", s.URL(), s.SMTPAddr())
	}
}

// Stop ends calls that are never answered.
func TestSandbox_Stop_endsWhatHangs(t *testing.T) {
	s := start(t, sandbox.Options{})
	s.Fail(sandbox.Failure{Transport: "webhook", Mode: sandbox.ModeTimeout, Taken: true})
	done := make(chan error)
	go func() {
		response, err := http.Post(s.WebhookURL("x"), "application/json", strings.NewReader("{}"))
		if err == nil {
			_ = response.Body.Close()
		}
		done <- err
	}()
	if _, err := s.AwaitCount(t.Context(), sandbox.Filter{}, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-done
}

func TestGuard(t *testing.T) {
	s := start(t, sandbox.Options{})
	for name, c := range map[string]struct {
		host, origin string
		want         int
	}{
		"program":       {"", "", 200},
		"localhost":     {"localhost:8081", "", 200},
		"IPv6":          {"[::1]", "", 200},
		"own page":      {"127.0.0.1:1", "http://127.0.0.1:1", 200},
		"rebound name":  {"evil.example:8081", "", 403},
		"another page":  {"127.0.0.1:1", "https://evil.example", 403},
		"another port":  {"127.0.0.1:1", "http://127.0.0.1:2", 403},
		"opaque origin": {"127.0.0.1:1", "null", 403},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/healthz", nil)
		req.Host = c.host
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		if status, body := do(t, req); status != c.want {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	open := start(t, sandbox.Options{Addr: "127.0.0.1:0", Exposed: true})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, open.URL()+"/healthz", nil)
	req.Host = "sandbox.internal"
	if status, body := do(t, req); status != 200 {
		t.Errorf("exposed: %d %v", status, body)
	}
}

func TestPage(t *testing.T) {
	s := start(t, sandbox.Options{})
	response, err := http.Get(s.URL() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	page := string(body)
	for _, want := range []string{"<!doctype html>", "/outbox?direction=all", "/inbound/", `setAttribute("sandbox", "")`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, unwanted := range []string{"http://", "https://", "innerHTML", "<link", "src=\""} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page has %q", unwanted)
		}
	}
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestAPI_mistakes(t *testing.T) {
	s := start(t, sandbox.Options{})
	for name, c := range map[string]struct {
		method, path string
		body         any
		status       int
		field        string
	}{
		"no such route":     {"GET", "/nothing", nil, 404, ""},
		"wrong method":      {"PATCH", "/outbox", nil, 404, ""},
		"transport":         {"GET", "/outbox?transport=fax", nil, 422, "transport"},
		"limit":             {"GET", "/outbox?limit=0", nil, 422, "limit"},
		"limit too large":   {"GET", "/outbox?limit=10001", nil, 422, "limit"},
		"since":             {"GET", "/outbox?since=yesterday", nil, 422, "since"},
		"direction":         {"GET", "/outbox?direction=up", nil, 422, "direction"},
		"unknown parameter": {"GET", "/outbox?form=x", nil, 422, "form"},
		"failure transport": {"POST", "/failures", map[string]any{"transport": "fax", "mode": "500"}, 422, "transport"},
		"failure mode":      {"POST", "/failures", map[string]any{"transport": "sms", "mode": "418"}, 422, "mode"},
		"failure count":     {"POST", "/failures", map[string]any{"transport": "sms", "mode": "500", "count": -1}, 422, "count"},
		"count type":        {"POST", "/failures", map[string]any{"transport": "sms", "mode": "500", "count": "two"}, 422, "count"},
		"failure delay":     {"POST", "/failures", map[string]any{"transport": "sms", "mode": "slow", "delay": -1}, 422, "delay"},
		"retry after":       {"POST", "/failures", map[string]any{"transport": "sms", "mode": "429", "retry_after": 1 << 30}, 422, "retry_after"},
		"taken":             {"POST", "/failures", map[string]any{"transport": "sms", "mode": "429", "taken": true}, 422, "taken"},
		"unknown member":    {"POST", "/failures", map[string]any{"transport": "sms", "mode": "429", "cont": 1}, 422, "cont"},
		"not JSON":          {"POST", "/failures", "{", 400, ""},
		"two objects":       {"POST", "/failures", `{"transport":"sms","mode":"500"} {}`, 400, ""},
		"a list":            {"POST", "/failures", "[]", 422, ""},
		"inbound from":      {"POST", "/inbound/sms", map[string]any{"from": "ann", "body": "x"}, 422, "from"},
		"inbound to":        {"POST", "/inbound/sms", map[string]any{"from": "+15551230001", "to": "x", "body": "x"}, 422, "to"},
		"inbound body":      {"POST", "/inbound/sms", map[string]any{"from": "+15551230001"}, 422, "body"},
		"inbound too long":  {"POST", "/inbound/sms", map[string]any{"from": "+15551230001", "body": strings.Repeat("x", 1601)}, 422, "body"},
		"inbound media":     {"POST", "/inbound/sms", map[string]any{"from": "+15551230001", "media": make([]string, 11)}, 422, "media"},
		"inbound url":       {"POST", "/inbound/sms", map[string]any{"from": "+15551230001", "body": "x", "url": "ftp://x"}, 422, "url"},
		"inbound nowhere":   {"POST", "/inbound/whatsapp", map[string]any{"from": "+15551230001", "body": "x"}, 409, "url"},
		"inbound unheard":   {"POST", "/inbound/sms", map[string]any{"from": "+15551230001", "body": "x", "url": "http://127.0.0.1:1/"}, 502, ""},
		"inbound by fax":    {"POST", "/inbound/fax", map[string]any{}, 404, ""},
		"webhook secret":    {"PUT", "/webhook/x", map[string]any{"secret": "!"}, 422, "secret"},
	} {
		status, body := call(t, c.method, s.URL()+c.path, c.body)
		problem, _ := body["error"].(map[string]any)
		field, _ := problem["field"].(string)
		if status != c.status || field != c.field || problem["message"] == "" {
			t.Errorf("%s: %d %v, want %d for %q", name, status, body, c.status, c.field)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/failures", strings.NewReader("{}"))
	if status, body := do(t, req); status != 415 {
		t.Errorf("no content type: %d %v", status, body)
	}
}

func TestFailures_API(t *testing.T) {
	s := start(t, sandbox.Options{})
	call(t, "POST", s.URL()+"/failures", map[string]any{"transport": "sms", "mode": "500", "count": 2})
	status, body := call(t, "POST", s.URL()+"/failures", map[string]any{"transport": "email", "mode": "slow", "delay": 5})
	if status != 200 || len(body["data"].([]any)) != 2 {
		t.Errorf("%d %v", status, body)
	}
	if _, body := call(t, "GET", s.URL()+"/failures", nil); len(body["data"].([]any)) != 2 {
		t.Errorf("%v", body)
	}
	if status, _ := call(t, "DELETE", s.URL()+"/failures", nil); status != 204 {
		t.Errorf("%d", status)
	}
	if _, body := call(t, "GET", s.URL()+"/failures", nil); len(body["data"].([]any)) != 0 {
		t.Errorf("%v", body)
	}
	if _, body := call(t, "GET", s.URL()+"/magic", nil); len(body["data"].([]any)) < 20 {
		t.Errorf("%v", body)
	}
}

func TestSandbox_Fail_panicsOnAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	start(t, sandbox.Options{}).Fail(sandbox.Failure{Transport: "sms", Mode: "418"})
}
