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
	// one fetch in that time and not one each. After a fetch that brought a new key it is earlyGap: issuers change their keys
	// rarely, and nobody but them can make that happen.
	fetchGap = 5 * time.Second
	earlyGap = time.Second
	// maxWaiting is how many tokens of unknown keys may wait for the next fetch.
	maxWaiting = 100
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
//
// A token whose key is not known is judged by a fetch that began after it came, because the key may be younger than the last
// one. When it is too early for another, the fetch is begun when it may be, and the token waits.
type keys struct {
	issuer, setting string
	now             clock.Clock
	client          *http.Client
	load            func(context.Context) ([]jose.JSONWebKey, error) // fetch, but in tests
	ctx             context.Context                                  // of the fetches
	cancel          context.CancelFunc
	fetches         sync.WaitGroup

	mu      sync.Mutex
	set     []jose.JSONWebKey
	fetched time.Time     // when set was the issuer's
	tried   time.Time     // when the last fetch ended, well or not
	gap     time.Duration // from then to the next
	problem error         // of the last fetch
	asked   int           // fetches that have begun
	ended   int           // of these
	next    chan struct{} // closed at the end of the fetch that is under way or waits for its time; nil: there is none
	waiting int           // tokens of unknown keys
}

func newKeys(issuer, setting string, now clock.Clock) *keys {
	ctx, cancel := context.WithCancel(context.Background())
	k := &keys{issuer: issuer, setting: setting, now: now, client: newClient(), ctx: ctx, cancel: cancel}
	k.load = k.fetch
	return k
}

func (k *keys) close() {
	k.cancel()
	k.fetches.Wait()
	k.client.CloseIdleConnections()
}

// find returns the keys that may have signed a token: those of its key name, or all when it has none. There are none when the
// issuer has no such key.
//
// Errors: Unavailable when the keys cannot be had; RateLimited when too many wait for them.
func (k *keys) find(ctx context.Context, name string) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	enough := k.asked + 1 // when so many have ended, the last of them began after this
	found, next, err := k.look(name, enough)
	if next == nil {
		return found, err
	}
	if len(k.set) > 0 && k.waiting >= maxWaiting { // before the first keys are known everybody has to wait, and may
		return nil, errs.CodeRateLimited.Errorf("too many tokens wait for the keys of the identity provider").After(fetchGap)
	}
	k.waiting++
	defer func() { k.waiting-- }()
	for next != nil {
		if err := k.wait(ctx, next); err != nil {
			return nil, err
		}
		found, next, err = k.look(name, enough)
	}
	return found, err
}

// wait lets go of the lock until a fetch has ended.
func (k *keys) wait(ctx context.Context, next <-chan struct{}) error {
	k.mu.Unlock()
	defer k.mu.Lock()
	select {
	case <-next:
		return nil
	case <-ctx.Done():
		return k.unavailable(ctx.Err())
	}
}

// look is find without waiting: it sees to it that there is a fetch when one is needed, and returns its end when that must be
// waited for. A key that is not there after enough fetches does not exist. It is called with the lock held.
func (k *keys) look(name string, enough int) ([]jose.JSONWebKey, <-chan struct{}, error) {
	now := k.now()
	found := k.named(name)
	age, early := now.Sub(k.fetched), k.gap-now.Sub(k.tried)
	switch {
	case len(found) > 0 && age < freshFor:
		return found, nil, nil
	case len(found) > 0 && age < staleFor:
		if k.next == nil && early <= 0 {
			k.begin(0)
		}
		return found, nil, nil
	case k.problem != nil && (k.ended >= enough || k.next == nil && early > 0):
		return nil, nil, k.unavailable(k.problem)
	case k.ended >= enough:
		return nil, nil, nil
	case k.next == nil:
		k.begin(max(early, 0))
	}
	return nil, k.next, nil
}

func (k *keys) named(name string) []jose.JSONWebKey {
	return slices.DeleteFunc(slices.Clone(k.set), func(key jose.JSONWebKey) bool { return name != "" && key.KeyID != name })
}

// unavailable hides what the network said from the caller; the log has it.
func (k *keys) unavailable(cause error) error {
	return errs.CodeUnavailable.Errorf("the keys of the identity provider cannot be fetched; see the setting %s", k.setting).
		After(fetchGap).With("setting", k.setting).Because(cause)
}

// begin fetches in the background, after a while. It is called with the lock held.
func (k *keys) begin(after time.Duration) {
	k.next = make(chan struct{})
	k.fetches.Go(func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-k.ctx.Done(): // load fails at once
		}
		k.mu.Lock()
		k.asked++
		k.mu.Unlock()
		ctx, cancel := context.WithTimeout(k.ctx, fetchTimeout)
		defer cancel()
		set, err := k.load(ctx)
		k.end(set, err)
	})
}

// end takes over what a fetch has brought.
func (k *keys) end(set []jose.JSONWebKey, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried, k.problem, k.gap = k.now(), err, fetchGap
	if err == nil {
		if slices.ContainsFunc(set, func(key jose.JSONWebKey) bool { return len(k.named(key.KeyID)) == 0 }) {
			k.gap = earlyGap
		}
		k.set, k.fetched = set, k.tried
	}
	k.ended++
	close(k.next)
	k.next = nil
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
