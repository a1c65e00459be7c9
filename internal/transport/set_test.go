package transport_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
)

// stub is a provider that takes everything and says who it is.
type stub struct {
	name   string
	closed *atomic.Int32
	fail   error
}

func (s stub) Send(context.Context, transport.Message) (transport.Result, error) {
	return transport.Result{ProviderID: s.name, State: transport.Accepted}, nil
}

func (s stub) Close() error {
	s.closed.Add(1)
	return s.fail
}

// caller is a stub that also reads callbacks.
type caller struct{ stub }

func (caller) ParseCallback(*http.Request, string) (transport.Callback, error) {
	return transport.Callback{}, transport.ErrSignature
}

type stubSettings struct {
	Name string `key:"name,required" doc:"Who it is."`
	Bad  bool   `key:"bad" doc:"Whether it fails to close."`
}

func stubs(closed *atomic.Int32) map[string]transport.Factory {
	factory := func(calls bool, serves ...transport.Name) transport.Factory {
		return transport.Factory{
			Transports: serves, Retry: transport.Mail(),
			New: func(_ context.Context, raw map[string]any, _ transport.Env) (transport.Sender, error) {
				settings, err := setting.Decode[stubSettings](raw)
				if err != nil {
					return nil, err
				}
				s := stub{name: settings.Name, closed: closed}
				if settings.Bad {
					s.fail = errors.New("stuck")
				}
				if calls {
					return caller{s}, nil
				}
				return s, nil
			},
		}
	}
	return map[string]transport.Factory{
		"post":  factory(false, transport.Email),
		"phone": factory(true, transport.SMS, transport.WhatsApp),
		"broken": {New: func(context.Context, map[string]any, transport.Env) (transport.Sender, error) {
			return nil, errors.New("out of order")
		}},
	}
}

func open(t *testing.T, cfg transport.Config) (*transport.Set, *atomic.Int32, error) {
	t.Helper()
	var closed atomic.Int32
	s, err := transport.Open(t.Context(), cfg, stubs(&closed), transport.Env{})
	return s, &closed, err
}

func TestSet_Send_goesByTheRoute(t *testing.T) {
	s, _, err := open(t, transport.Config{
		Providers: map[string]map[string]any{
			"mail":  {"kind": "post", "name": "the-post"},
			"one":   {"kind": "phone", "name": "first"},
			"other": {"kind": "phone", "name": "second"},
		},
		Routes: map[transport.Name]string{transport.SMS: "other", transport.WhatsApp: "one"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[transport.Name]string{
		transport.Email: "the-post", transport.SMS: "second", transport.WhatsApp: "first",
	} {
		got, err := s.Send(t.Context(), transport.Message{Transport: n, DeliveryID: id.New()})
		if err != nil || got.ProviderID != want {
			t.Errorf("%s went by %q, %v", n, got.ProviderID, err)
		}
	}
	if got := s.Transports(); !slices.Equal(got, []transport.Name{transport.Email, transport.SMS, transport.WhatsApp}) {
		t.Errorf("Transports = %v", got)
	}
	if name, ok := s.Route(transport.SMS); name != "other" || !ok {
		t.Errorf("Route = %q, %v", name, ok)
	}
}

func TestSet_Send_withoutAProvider(t *testing.T) {
	s, _, err := open(t, transport.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Send(t.Context(), transport.Message{Transport: transport.SMS})
	if e := transport.AsError(err); e == nil || e.Reason != reason.ProviderUnset || e.Retry {
		t.Errorf("Send: %v", err)
	}
	if _, ok := s.Route(transport.SMS); ok {
		t.Error("there is a route")
	}
	if got := s.Retry(transport.SMS); got != transport.Messages() {
		t.Errorf("Retry = %+v", got)
	}
}

func TestSet_Callbacks(t *testing.T) {
	s, _, err := open(t, transport.Config{Providers: map[string]map[string]any{
		"mail": {"kind": "post", "name": "a"}, "gsm": {"kind": "phone", "name": "b"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Callbacks("gsm"); !ok {
		t.Error("gsm reads no callbacks")
	}
	for _, name := range []string{"mail", "nobody"} {
		if _, ok := s.Callbacks(name); ok {
			t.Errorf("%s reads callbacks", name)
		}
	}
	if got := s.Retry(transport.Email); got != transport.Mail() {
		t.Errorf("Retry = %+v", got)
	}
}

func TestOpen_mistakes(t *testing.T) {
	good := map[string]any{"kind": "phone", "name": "n"}
	for name, c := range map[string]struct {
		cfg  transport.Config
		want map[string]string
	}{
		"unknown kind": {
			transport.Config{Providers: map[string]map[string]any{"x": {"kind": "pigeon"}, "y": {}}},
			map[string]string{"providers.x.kind": "must be one of broken, phone, post", "providers.y.kind": "must be one of broken, phone, post"},
		},
		"wrong settings": {
			transport.Config{
				Providers: map[string]map[string]any{"x": {"kind": "phone", "nam": "n"}},
				Routes:    map[transport.Name]string{transport.SMS: "x"},
			},
			map[string]string{"providers.x.name": "is required", "providers.x.nam": "is no setting here"},
		},
		"cannot be made": {
			transport.Config{Providers: map[string]map[string]any{"x": {"kind": "broken"}}},
			map[string]string{"providers.x": "out of order"},
		},
		"two for one": {
			transport.Config{
				Providers: map[string]map[string]any{"a": good, "b": good},
				Routes:    map[transport.Name]string{transport.SMS: "a"},
			},
			map[string]string{"routes.whatsapp": "must name one of a, b, which all serve it"},
		},
		"odd routes": {
			transport.Config{
				Providers: map[string]map[string]any{"a": good},
				Routes:    map[transport.Name]string{"smoke": "a", transport.Email: "a", transport.SMS: "b"},
			},
			map[string]string{
				"routes.smoke": "is not a transport", "routes.sms": "names no provider",
				"routes.email": "goes by a provider that does not serve this transport",
			},
		},
	} {
		_, closed, err := open(t, c.cfg)
		if diff := cmp.Diff(c.want, faults(t, err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: kind %v", name, errs.KindOf(err))
		}
		if name == "two for one" && closed.Load() != 2 {
			t.Errorf("%s: %d closed", name, closed.Load())
		}
	}
}

func TestSet_Close_onceAndForAll(t *testing.T) {
	s, closed, err := open(t, transport.Config{Providers: map[string]map[string]any{
		"mail": {"kind": "post", "name": "a", "bad": true}, "gsm": {"kind": "phone", "name": "b"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err == nil || err.Error() != "stuck" {
			t.Errorf("Close: %v", err)
		}
	}
	if closed.Load() != 2 {
		t.Errorf("%d closed", closed.Load())
	}
}

func TestReply_ServeHTTP(t *testing.T) {
	for name, c := range map[string]struct {
		reply transport.Reply
		code  int
	}{
		"zero":  {transport.Reply{}, http.StatusNoContent},
		"twiml": {transport.Reply{Status: 200, ContentType: "text/xml", Body: "<Response/>"}, 200},
	} {
		w := httptest.NewRecorder()
		c.reply.ServeHTTP(w, nil)
		if w.Code != c.code || w.Body.String() != c.reply.Body || w.Header().Get("Content-Type") != c.reply.ContentType {
			t.Errorf("%s: %d %v %q", name, w.Code, w.Header(), w.Body)
		}
	}
}

// picky is a stub that claims the addresses of one host.
type picky struct{ stub }

func (p picky) Claims(n transport.Name, to string) bool {
	return n == transport.Webhook && to == "https://"+p.name
}

func TestSet_For_asksClaimersFirst(t *testing.T) {
	t.Parallel()
	var closed atomic.Int32
	factories := stubs(&closed)
	factories["picky"] = transport.Factory{
		Transports: []transport.Name{transport.Webhook}, Retry: transport.Webhooks(),
		New: func(_ context.Context, raw map[string]any, _ transport.Env) (transport.Sender, error) {
			settings, err := setting.Decode[stubSettings](raw)
			return picky{stub{name: settings.Name, closed: &closed}}, err
		},
	}
	factories["general"] = transport.Factory{
		Transports: []transport.Name{transport.Webhook}, Retry: transport.Messages(),
		New: func(_ context.Context, raw map[string]any, _ transport.Env) (transport.Sender, error) {
			return stub{name: "general", closed: &closed}, nil
		},
	}
	open := func(names ...string) *transport.Set {
		t.Helper()
		cfg := transport.Config{Providers: map[string]map[string]any{}}
		for _, name := range names {
			kind := "picky"
			if name == "general" {
				kind = "general"
			}
			cfg.Providers[name] = map[string]any{"kind": kind, "name": name}
		}
		set, err := transport.Open(t.Context(), cfg, factories, transport.Env{})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	all, alone := open("a.test", "b.test", "general"), open("a.test")
	for _, tc := range []struct {
		set     *transport.Set
		to      string
		want    string
		served  bool
		carrier string
	}{
		{all, "https://a.test", "a.test", true, "a.test"},
		{all, "https://b.test", "b.test", true, "b.test"},
		{all, "https://c.test", "general", true, "general"},
		{alone, "https://a.test", "a.test", true, "a.test"},
		{alone, "https://c.test", "", false, ""},
	} {
		got, ok := tc.set.For(transport.Webhook, tc.to)
		if got != tc.want || ok != tc.served {
			t.Errorf("For(%s) = %q, %v", tc.to, got, ok)
		}
		res, err := tc.set.Send(t.Context(), transport.Message{Transport: transport.Webhook, To: tc.to})
		if (err == nil) != tc.served || res.ProviderID != tc.carrier {
			t.Errorf("%s was sent by %q, %v", tc.to, res.ProviderID, err)
		}
	}
	if name, ok := all.Route(transport.Webhook); name != "general" || !ok {
		t.Errorf("Route = %q, %v", name, ok)
	}
	if name, ok := alone.Route(transport.Webhook); name != "a.test" || !ok || alone.Retry(transport.Webhook) != transport.Webhooks() {
		t.Errorf("Route of claimers alone = %q, %v", name, ok)
	}
	if got := alone.Transports(); !slices.Equal(got, []transport.Name{transport.Webhook}) {
		t.Errorf("Transports = %v", got)
	}
}

func faults(t *testing.T, err error) map[string]string {
	t.Helper()
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		t.Fatalf("%v (%T) is no *errs.Error", err, err)
	}
	out := map[string]string{}
	for _, field := range e.Fields {
		out[field.Path] = field.Message
	}
	return out
}
