package accessoidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
)

const (
	fetchTimeout = 5 * time.Second
	// fetchGap is the least time between two fetches, so that tokens with made-up key names, or a provider that is down, cost
	// one fetch in that time and not one each.
	fetchGap = 5 * time.Second
	// freshFor is how long keys are used without asking whether they still are the issuer's; staleFor is how long at most,
	// while the issuer cannot be asked.
	freshFor = 10 * time.Minute
	staleFor = 24 * time.Hour
	// maxAnswer and maxKeys bound what an issuer may send.
	maxAnswer = 1 << 20
	maxKeys   = 100
)

// keys are the public keys of an issuer. They are fetched when a token comes that needs them, by one request at a time, which
// outlives the caller that began it; a caller that has a key already does not wait.
type keys struct {
	issuer, setting string
	now             clock.Clock
	client          *http.Client
	ctx             context.Context // of the fetches
	cancel          context.CancelFunc
	fetches         sync.WaitGroup

	mu      sync.Mutex
	set     []jose.JSONWebKey
	fetched time.Time     // when set was the issuer's
	tried   time.Time     // when the last fetch ended, well or not
	problem error         // of the last fetch
	running chan struct{} // closed at the end of the fetch that is under way
}

func newKeys(issuer, setting string, now clock.Clock) *keys {
	ctx, cancel := context.WithCancel(context.Background())
	return &keys{issuer: issuer, setting: setting, now: now, client: newClient(), ctx: ctx, cancel: cancel}
}

func (k *keys) close() {
	k.cancel()
	k.fetches.Wait()
	k.client.CloseIdleConnections()
}

// find returns the keys that may have signed a token: those of its key name, or all when it has none. There are none when the
// issuer has no such key.
//
// Errors: Unavailable when the keys cannot be had.
func (k *keys) find(ctx context.Context, name string) ([]jose.JSONWebKey, error) {
	found, wait, err := k.look(name)
	if wait == nil {
		return found, err
	}
	select {
	case <-wait:
	case <-ctx.Done():
		return nil, k.unavailable(ctx.Err())
	}
	found, _, err = k.look(name)
	return found, err
}

// look is find without waiting: it begins a fetch when one is due, and returns its end when that must be waited for.
func (k *keys) look(name string) ([]jose.JSONWebKey, <-chan struct{}, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	found := k.named(name)
	age := now.Sub(k.fetched)
	if len(found) > 0 && age < freshFor {
		return found, nil, nil
	}
	if k.running == nil && (k.tried.IsZero() || now.Sub(k.tried) >= fetchGap) {
		k.begin()
	}
	switch {
	case len(found) > 0 && age < staleFor:
		return found, nil, nil
	case k.running != nil:
		return nil, k.running, nil
	case k.problem != nil:
		return nil, nil, k.unavailable(k.problem)
	}
	return nil, nil, nil
}

func (k *keys) named(name string) []jose.JSONWebKey {
	return slices.DeleteFunc(slices.Clone(k.set), func(key jose.JSONWebKey) bool { return name != "" && key.KeyID != name })
}

// unavailable hides what the network said from the caller; the log has it.
func (k *keys) unavailable(cause error) error {
	return errs.CodeUnavailable.Errorf("the keys of the identity provider cannot be fetched; see the setting %s", k.setting).
		After(fetchGap).With("setting", k.setting).Because(cause)
}

// begin fetches in the background. It is called with the lock held.
func (k *keys) begin() {
	done := make(chan struct{})
	k.running = done
	k.fetches.Go(func() {
		ctx, cancel := context.WithTimeout(k.ctx, fetchTimeout)
		defer cancel()
		set, err := k.fetch(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.tried, k.problem, k.running = k.now(), err, nil
		if err == nil {
			k.set, k.fetched = set, k.tried
		}
		close(done)
	})
}

// fetch asks the issuer where its keys are, and for them.
func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, k.client), k.issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	var where struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&where); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if u, err := url.Parse(where.Keys); err != nil || u.Host == "" || !secure(u) {
		return nil, errors.New("discovery names no safe address of keys")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where.Keys, nil)
	if err != nil {
		return nil, err
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keys: the issuer answers %s", answer.Status)
	}
	return readKeys(answer.Body)
}

// readKeys reads a key set. Keys of kinds that are not known, secret keys and those for encryption are left out: an issuer may
// have them for others.
func readKeys(from io.Reader) ([]jose.JSONWebKey, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(from).Decode(&raw); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if len(raw.Keys) > maxKeys {
		return nil, fmt.Errorf("keys: there are more than %d", maxKeys)
	}
	var out []jose.JSONWebKey
	for _, text := range raw.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(text, &key) == nil && key.Valid() && key.IsPublic() && key.Use != "enc" {
			out = append(out, key)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("keys: there is none that could sign")
	}
	return out, nil
}

// newClient is a client that reads no more than it has to and is led to no unsafe address.
func newClient() *http.Client {
	pool := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	pool.MaxIdleConns = 2
	return &http.Client{
		Timeout: fetchTimeout, Transport: bounded{pool},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 3 || !secure(r.URL) {
				return errors.New("led to an address that is not safe, or too often")
			}
			return nil
		},
	}
}

// bounded is a transport whose answers end after maxAnswer.
type bounded struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}
