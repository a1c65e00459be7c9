package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/sandbox"
	"switchboard/internal/transport"
	"switchboard/internal/transport/all"
)

// providers are the real ones, as a demonstration opens them.
func providers(t *testing.T, s *sandbox.Sandbox) *transport.Set {
	t.Helper()
	config := s.Providers()
	config["webhook"]["secrets"] = secret
	set, err := transport.Open(t.Context(), transport.Config{Providers: config}, all.Factories(), transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	return set
}

// addressed is a message that the sandbox takes by each transport.
func addressed(s *sandbox.Sandbox, n transport.Name) transport.Message {
	to := map[transport.Name]string{
		transport.Email: "ann@example.org", transport.SMS: person, transport.WhatsApp: person, transport.Webhook: s.WebhookURL("ops"),
	}
	return transport.Message{
		Transport: n, DeliveryID: id.New(), AttemptID: id.New(), To: to[n], Title: "Pump 7", Text: "Druck fällt", HTML: "<p>Druck fällt</p>", At: noon,
	}
}

func TestProviders_reachTheOutbox(t *testing.T) {
	s := start(t, sandbox.Options{WebhookSecrets: map[string]string{"ops": secret}})
	set := providers(t, s)
	for _, n := range transport.Names() {
		m := addressed(s, n)
		result, err := set.Send(t.Context(), m)
		if err != nil {
			t.Fatalf("%s: %v", n, err)
		}
		found := s.Outbox(sandbox.Filter{Transport: string(n)})
		if len(found) != 1 {
			t.Fatalf("%s: %d captured", n, len(found))
		}
		c := found[0]
		switch n {
		case transport.Webhook:
			if c.ProviderID != m.DeliveryID.String() || c.Verified == nil || !*c.Verified || !strings.Contains(c.Text, "Druck fällt") {
				t.Errorf("%s: %+v", n, c)
			}
		case transport.Email:
			if c.Title != "Pump 7" || c.HTML != "<p>Druck fällt</p>" || c.Text != "Druck fällt" || c.ProviderID != result.ProviderID {
				t.Errorf("%s: %+v", n, c)
			}
		default:
			if c.Text != "Druck fällt" || c.To != person || c.ProviderID != result.ProviderID {
				t.Errorf("%s: %+v", n, c)
			}
		}
	}
}

// Every failure mode means the same through every provider, but for what their protocols cannot say.
func TestProviders_meetEveryFailure(t *testing.T) {
	s := start(t, sandbox.Options{})
	set := providers(t, s)
	for _, n := range transport.Names() {
		for _, mode := range sandbox.Modes() {
			s.Heal()
			s.Fail(sandbox.Failure{Transport: string(n), Mode: mode, Delay: 1, RetryAfter: 60})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if mode == sandbox.ModeTimeout {
				cancel()
				ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			}
			_, err := set.Send(ctx, addressed(s, n))
			cancel()
			check(t, n, mode, transport.AsError(err))
			if _, err := set.Send(t.Context(), addressed(s, n)); err != nil {
				t.Errorf("%s after %s: %v", n, mode, err)
			}
		}
	}
}

func check(t *testing.T, n transport.Name, mode string, e *transport.Error) {
	t.Helper()
	if mode == sandbox.ModeSlow {
		if e != nil {
			t.Errorf("%s %s: %v", n, mode, e)
		}
		return
	}
	want := map[string]reason.Reason{
		sandbox.ModeTimeout: reason.ProviderUnavailable, sandbox.ModeReset: reason.ProviderUnavailable, sandbox.ModeBroken: reason.ProviderUnavailable,
		sandbox.ModeRateLimited: reason.ProviderRateLimited, sandbox.ModeReject: reason.AddressDead,
	}[mode]
	if n == transport.Webhook && mode == sandbox.ModeReject {
		want = reason.ProviderRejected
	}
	if e == nil || e.Reason != want || e.Retry != (mode != sandbox.ModeReject || n == transport.Webhook) {
		t.Errorf("%s %s: %+v", n, mode, e)
		return
	}
	if lost := mode == sandbox.ModeTimeout || mode == sandbox.ModeReset; lost != e.Ambiguous && mode != sandbox.ModeBroken {
		t.Errorf("%s %s: ambiguous is %v", n, mode, e.Ambiguous)
	}
	if mode == sandbox.ModeRateLimited && n != transport.Email && e.RetryAfter != time.Minute {
		t.Errorf("%s %s: retry after %v", n, mode, e.RetryAfter)
	}
}

// A message that was taken before the connection broke is sent again; by its key the receiver knows it.
func TestProviders_repeatWithTheSameKey(t *testing.T) {
	s := start(t, sandbox.Options{})
	set := providers(t, s)
	for _, n := range []transport.Name{transport.Email, transport.Webhook} {
		s.Fail(sandbox.Failure{Transport: string(n), Mode: sandbox.ModeReset, Taken: true})
		m := addressed(s, n)
		if _, err := set.Send(t.Context(), m); transport.AsError(err) == nil || !transport.AsError(err).Ambiguous {
			t.Errorf("%s: %v", n, err)
		}
		if _, err := set.Send(t.Context(), m); err != nil {
			t.Errorf("%s: %v", n, err)
		}
		found := s.Outbox(sandbox.Filter{Transport: string(n)})
		if len(found) != 2 || found[0].ProviderID != found[1].ProviderID || found[0].ProviderID == "" {
			t.Errorf("%s: %+v", n, found)
		}
	}
}

func TestProviders_readTheCallbacks(t *testing.T) {
	s := start(t, sandbox.Options{ReportRead: true})
	set := providers(t, s)
	reader, ok := set.Callbacks("text")
	if !ok {
		t.Fatal("nothing reads callbacks")
	}
	heard := make(chan transport.Callback, 16)
	var public string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := reader.ParseCallback(r, public+r.URL.RequestURI())
		if err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		got.Reply.ServeHTTP(w, r)
		heard <- got
	}))
	defer server.Close()
	public = server.URL

	m := addressed(s, transport.WhatsApp)
	m.CallbackURL = public + "/callbacks?delivery=" + m.DeliveryID.String()
	result, err := set.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []transport.State{transport.Sent, transport.Delivered, transport.Read} {
		got := <-heard
		if len(got.Statuses) != 1 || got.Statuses[0].State != want || got.Statuses[0].ProviderID != result.ProviderID {
			t.Errorf("%+v, want %s", got, want)
		}
	}

	s.SetInboundURL(public + "/inbound")
	answered, err := s.Say(t.Context(), "whatsapp", sandbox.Said{From: person, Body: "Stop"})
	if err != nil || answered.Status != 200 || !strings.Contains(answered.Body, "<Response>") {
		t.Errorf("%+v, %v", answered, err)
	}
	got := <-heard
	if len(got.Inbound) != 1 || got.Inbound[0].OptOut != "STOP" || got.Inbound[0].From != person || got.Inbound[0].Transport != transport.WhatsApp {
		t.Errorf("%+v", got)
	}
	_, err = set.Send(t.Context(), addressed(s, transport.WhatsApp))
	if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != reason.OptedOut {
		t.Errorf("after STOP: %v", err)
	}
}
