package accessoidc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"switchboard/internal/access"
	"switchboard/internal/access/accessoidc"
	"switchboard/internal/access/accessoidc/oidctest"
	"switchboard/internal/errs"
)

// world is an issuer, its verifier as it is configured, and a clock.
type world struct {
	*oidctest.Issuer
	verifier access.Verifier
	mu       sync.Mutex
	now      time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(t *testing.T, settings map[string]any) *world {
	t.Helper()
	w := &world{Issuer: oidctest.New(t), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	all := map[string]any{"issuer": w.URL, "audiences": []string{"switchboard", "other-name"}, "organization": "Demo"}
	maps.Copy(all, settings)
	set, err := accessoidc.Open(map[string]map[string]any{"corp": all}, w.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	w.verifier = set.Issuers()[0].Verifier
	return w
}

// claims are those of a good token, changed: a value of nil takes one away.
func (w *world) claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": w.URL, "sub": "ann", "aud": "switchboard", "exp": w.clock().Add(time.Hour).Unix(), "iat": w.clock().Unix(), "email": "ann@demo.example",
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (w *world) verify(t *testing.T, token string) (access.Assertion, error) {
	t.Helper()
	return w.verifier.Verify(t.Context(), token)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	said, err := w.verify(t, w.Token(t, w.claims(map[string]any{"groups": []string{"a", "b"}})))
	if err != nil || said.Issuer != w.URL || said.Subject != "ann" || said.Claims["email"] != "ann@demo.example" ||
		!said.ExpiresAt.Equal(w.clock().Add(time.Hour+time.Minute)) {
		t.Errorf("Verify = %+v, %v", said, err)
	}
	if n := w.Fetches.Load(); n != 1 {
		t.Errorf("keys were fetched %d times", n)
	}
}

// TestVerify_table goes through what makes a token one to refuse, and what does not. Times are seconds from now.
func TestVerify_table(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	in := func(d time.Duration) int64 { return w.clock().Add(d).Unix() }
	for _, tc := range []struct {
		name    string
		changes map[string]any
		reason  string // empty: it is taken
	}{
		{"several audiences", map[string]any{"aud": []string{"x", "other-name"}}, ""},
		{"another audience", map[string]any{"aud": "another"}, "audience"},
		{"no audience", map[string]any{"aud": nil}, "audience"},
		{"an audience that begins alike", map[string]any{"aud": "switchboard-2"}, "audience"},
		{"an audience that is none", map[string]any{"aud": 7}, "cannot be read"},
		{"another issuer", map[string]any{"iss": "https://evil.example"}, "another issuer"},
		{"the issuer with a slash", map[string]any{"iss": w.URL + "/"}, "another issuer"},
		{"no issuer", map[string]any{"iss": nil}, "another issuer"},
		{"no subject", map[string]any{"sub": ""}, "subject"},
		{"expired within the skew", map[string]any{"exp": in(-59 * time.Second)}, ""},
		{"expired", map[string]any{"exp": in(-60 * time.Second)}, "expired"},
		{"without end", map[string]any{"exp": nil}, "when it ends"},
		{"an end that is a text", map[string]any{"exp": "tomorrow"}, "cannot be read"},
		{"an end with a fraction", map[string]any{"exp": float64(in(time.Minute)) + 0.5}, ""},
		{"an end beyond all clocks", map[string]any{"exp": 1e300}, ""},
		{"an end before all clocks", map[string]any{"exp": -1e300}, "expired"},
		{"valid soon", map[string]any{"nbf": in(time.Minute)}, ""},
		{"not valid yet", map[string]any{"nbf": in(61 * time.Second)}, "not valid yet"},
		{"issued soon", map[string]any{"iat": in(time.Minute)}, ""},
		{"issued in the future", map[string]any{"iat": in(61 * time.Second)}, "in the future"},
		{"issued never", map[string]any{"iat": nil}, ""},
		{"issued to anybody", map[string]any{"azp": "an-app"}, ""},
		{"a refresh token", map[string]any{"typ": "Refresh"}, "another kind"},
		{"a logout token", map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}, "event"},
		{"an audience in capitals", map[string]any{"aud": nil, "AUD": "switchboard"}, "audience"},
	} {
		_, err := w.verify(t, w.Token(t, w.claims(tc.changes)))
		switch {
		case tc.reason == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.reason != "" && (errs.KindOf(err) != errs.Unauthenticated || !strings.Contains(err.Error(), tc.reason)):
			t.Errorf("%s: %v", tc.name, err)
		}
		if e, ok := errors.AsType[*errs.Error](err); ok && tc.reason != "" && strings.Contains(e.Message, tc.reason) {
			t.Errorf("%s: the caller is told why: %s", tc.name, e.Message)
		}
	}
}

// TestVerify_signatures goes through what is signed otherwise than by a key of the issuer.
func TestVerify_signatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]any{"algorithms": "ES256,RS256"})
	good, claims := w.Key(), w.claims(nil)
	stranger := oidctest.NewKey(t, good.ID)
	unnamed := oidctest.Key{Signer: good.Signer}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(good.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	signed := oidctest.Sign(t, good, "JWT", claims)
	part := strings.Split(signed, ".")
	other := base64.RawURLEncoding.EncodeToString(encode(t, w.claims(map[string]any{"sub": "eve"})))
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	embedded := oidctest.SignAs(t, jose.ES256, jose.JSONWebKey{Key: stranger.Signer, KeyID: "x"}, "JWT", claims)
	for name, token := range map[string]string{
		"no algorithm":                       none + "." + part[1] + ".",
		"no algorithm, with a signature":     none + "." + part[1] + "." + part[2],
		"HS256 with the public key":          oidctest.SignAs(t, jose.HS256, jose.JSONWebKey{Key: public, KeyID: good.ID}, "JWT", claims),
		"another key of the same name":       oidctest.Sign(t, stranger, "JWT", claims),
		"another key without a name":         oidctest.Sign(t, oidctest.Key{Signer: stranger.Signer}, "JWT", claims),
		"a key of another name":              embedded,
		"an algorithm that is not taken":     oidctest.SignAs(t, jose.PS256, jose.JSONWebKey{Key: private, KeyID: good.ID}, "JWT", claims),
		"another kind of key":                oidctest.SignAs(t, jose.RS256, jose.JSONWebKey{Key: private, KeyID: good.ID}, "JWT", claims),
		"another payload":                    part[0] + "." + other + "." + part[2],
		"a signature cut short":              signed[:len(signed)-4],
		"no signature":                       part[0] + "." + part[1] + ".",
		"four parts":                         signed + ".x",
		"two parts":                          part[0] + "." + part[1],
		"nothing":                            "..",
		"JSON instead":                       `{"payload":"` + part[1] + `","signatures":[{"protected":"` + part[0] + `","signature":"` + part[2] + `"}]}`,
		"a payload that is no object":        oidctest.Sign(t, good, "JWT", []byte(`"text"`)),
		"a payload that names a claim twice": oidctest.Sign(t, good, "JWT", []byte(`{"aud":"x",`+string(encode(t, claims))[1:])),
	} {
		if _, err := w.verify(t, token); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.verify(t, oidctest.Sign(t, unnamed, "JWT", claims)); err != nil {
		t.Errorf("the issuer's key without its name: %v", err)
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestVerify_types(t *testing.T) {
	t.Parallel()
	any, strict := newWorld(t, nil), newWorld(t, map[string]any{"access_tokens_only": true})
	for kind, want := range map[string][2]bool{
		"JWT": {true, false}, "": {true, false}, "at+jwt": {true, true}, "application/AT+JWT": {true, true},
		"logout+jwt": {}, "secevent+jwt": {}, "dpop+jwt": {},
	} {
		for i, w := range []*world{any, strict} {
			_, err := w.verify(t, oidctest.Sign(t, w.Key(), kind, w.claims(nil)))
			if taken := err == nil; taken != want[i] {
				t.Errorf("type %q, access tokens only %v: %v", kind, i == 1, err)
			}
		}
	}
}

func TestVerify_clients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]any{"clients": "portal"})
	for name, tc := range map[string]struct {
		changes map[string]any
		taken   bool
	}{
		"azp": {map[string]any{"azp": "portal"}, true}, "client_id": {map[string]any{"client_id": "portal"}, true},
		"another azp": {map[string]any{"azp": "game", "client_id": "portal"}, false}, "neither": {nil, false},
	} {
		if _, err := w.verify(t, w.Token(t, w.claims(tc.changes))); (err == nil) != tc.taken {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerify_rotation exchanges the issuer's key: the new one is found when its first token comes, and the old one ends.
func TestVerify_rotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	old := w.Token(t, w.claims(nil))
	if _, err := w.verify(t, old); err != nil {
		t.Fatal(err)
	}
	first, second := w.Key(), oidctest.NewKey(t, "second")
	w.Rotate(second, first)
	w.pass(5 * time.Second)
	if _, err := w.verify(t, w.Token(t, w.claims(nil))); err != nil {
		t.Errorf("a token of the new key: %v", err)
	}
	if _, err := w.verify(t, old); err != nil {
		t.Errorf("a token of the old key, which is still the issuer's: %v", err)
	}
	w.Rotate(second)
	w.pass(10 * time.Minute) // the keys are asked for again, while nobody waits
	for {
		w.pass(5 * time.Second)
		_, err := w.verify(t, old)
		if errs.KindOf(err) == errs.Unauthenticated {
			break
		}
		if err != nil || t.Context().Err() != nil {
			t.Fatalf("a token of a key that is gone: %v", err)
		}
	}
}

// TestVerify_down lets the issuer fail in every way, first before any key is known, then while one is.
func TestVerify_down(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	token := w.Token(t, w.claims(nil))
	text := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(body))
			return true
		}
	}
	onlyKeys := func(answer func(http.ResponseWriter, *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
		return func(rw http.ResponseWriter, r *http.Request) bool { return r.URL.Path == "/keys" && answer(rw, r) }
	}
	discovery := func(keys string) func(http.ResponseWriter, *http.Request) bool {
		return text(200, `{"issuer":"`+w.URL+`","jwks_uri":"`+keys+`"}`)
	}
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"500": text(500, "secret detail"), "no JSON": text(200, "<html>"), "another issuer": text(200, `{"issuer":"https://x.example"}`),
		"keys: 500": onlyKeys(text(500, "")), "keys: no JSON": onlyKeys(text(200, "<html>")), "keys: none": onlyKeys(text(200, `{"keys":[]}`)),
		"keys: secret ones alone": onlyKeys(text(200, `{"keys":[{"kty":"oct","k":"AAAA","kid":"first"}]}`)),
		"keys: too many":          onlyKeys(text(200, `{"keys":[`+strings.Repeat(`{},`, 200)+`{}]}`)),
		"keys: endless":           onlyKeys(text(200, `{"keys":[`+strings.Repeat(" ", 2<<20)+`]}`)),
		"keys over plain HTTP":    discovery("http://keys.example/"), "keys nowhere": discovery(""), "keys in a file": discovery("file:///etc/passwd"),
		"a broken line": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
		"led astray": func(rw http.ResponseWriter, r *http.Request) bool {
			http.Redirect(rw, r, "http://elsewhere.example/", http.StatusFound)
			return true
		},
	} {
		w.Answer(answer)
		w.pass(5 * time.Second)
		_, err := w.verify(t, token)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || e.Code.Kind != errs.Unavailable || e.Meta["setting"] != "access.oidc.corp.issuer" || e.RetryAfter == 0 || strings.Contains(e.Message, "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.Answer(nil)
	if _, err := w.verify(t, token); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("asked again at once: %v", err)
	}
	w.pass(5 * time.Second)
	if _, err := w.verify(t, token); err != nil {
		t.Fatalf("when the issuer is back: %v", err)
	}
	w.Answer(text(500, ""))
	w.pass(50 * time.Minute)
	if _, err := w.verify(t, token); err != nil {
		t.Errorf("with keys that are known, while the issuer is down: %v", err)
	}
	w.pass(24 * time.Hour)
	later := w.Token(t, w.claims(nil))
	if _, err := w.verify(t, later); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("with keys of yesterday: %v", err)
	}
}

// TestVerify_led has the issuer lead to the right answers elsewhere: they are read there, unless the way is unsafe or long.
func TestVerify_led(t *testing.T) {
	t.Parallel()
	const where = "/.well-known/openid-configuration"
	same := func(url string) string { return url }
	plain := func(url string) string { return strings.Replace(url, "127.0.0.1", "0.0.0.0", 1) } // this machine by an address that is not loopback's
	for name, tc := range map[string]struct {
		times    int
		to, keys func(string) string
		led      bool
	}{
		"on loopback":             {3, same, same, true},
		"too often":               {4, same, same, false},
		"over plain HTTP":         {1, plain, same, false},
		"to keys over plain HTTP": {0, same, plain, false},
	} {
		w := newWorld(t, nil)
		var led atomic.Int64
		w.Answer(func(rw http.ResponseWriter, r *http.Request) bool {
			switch {
			case r.URL.Path != where:
				return false
			case led.Add(1) <= int64(tc.times):
				http.Redirect(rw, r, tc.to(w.URL)+where, http.StatusFound)
			default:
				rw.Header().Set("Content-Type", "application/json")
				_, _ = rw.Write([]byte(`{"issuer":"` + w.URL + `","jwks_uri":"` + tc.keys(w.URL) + `/keys"}`))
			}
			return true
		})
		if _, err := w.verify(t, w.Token(t, w.claims(nil))); tc.led && err != nil || !tc.led && errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerify_slow lets many callers wait for one slow answer; one that gives up costs the others nothing.
func TestVerify_slow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	token := w.Token(t, w.claims(nil))
	asked, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.Answer(func(http.ResponseWriter, *http.Request) bool {
		once.Do(func() { close(asked) })
		<-leave
		return false
	})
	impatient, giveUp := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := w.verifier.Verify(impatient, token); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("who gives up: %v", err)
		}
	})
	<-asked
	for range 10 {
		all.Go(func() {
			if _, err := w.verifier.Verify(t.Context(), token); err != nil {
				t.Errorf("who waits: %v", err)
			}
		})
	}
	giveUp()
	close(leave)
	all.Wait()
	if n := w.Fetches.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// TestVerify_others gives an issuer the tokens of another one.
func TestVerify_others(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t, nil), newWorld(t, nil)
	for name, token := range map[string]string{
		"its own": other.Token(t, other.claims(nil)), "in the name of this one": other.Token(t, w.claims(nil)),
	} {
		if _, err := w.verify(t, token); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.Claim(other.URL)
	w.pass(11 * time.Minute)
	if _, err := newWorld(t, map[string]any{"issuer": w.URL}).verify(t, w.Token(t, w.claims(nil))); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("an issuer that calls itself otherwise: %v", err)
	}
}
