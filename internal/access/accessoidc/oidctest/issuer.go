// Package oidctest is an identity provider for tests: it answers discovery and keys on loopback, signs what it is asked to,
// and can rotate its keys, be slow and fail. It follows the standards as a stranger would, and shares no code with what it is
// there to test.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is a provider on loopback.
type Issuer struct {
	URL     string
	Fetches atomic.Int64 // how often keys were asked for

	mu      sync.Mutex
	keys    []Key
	answer  func(w http.ResponseWriter, r *http.Request) bool // goes first; true: that was all
	claimed string                                            // the issuer that discovery names; empty: URL
}

// Key is one of its keys.
type Key struct {
	ID     string
	Signer crypto.Signer
}

// NewKey makes a key for ES256.
func NewKey(t testing.TB, name string) Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key{name, private}
}

// New starts a provider with one key and stops it when the test ends.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{keys: []Key{NewKey(t, "first")}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.serveKeys)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// Answer lets f go before every answer; when it returns true, that was the answer. nil takes it away.
func (i *Issuer) Answer(f func(w http.ResponseWriter, r *http.Request) bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = f
}

// Claim lets discovery name another issuer.
func (i *Issuer) Claim(issuer string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claimed = issuer
}

// Rotate replaces the keys.
func (i *Issuer) Rotate(keys ...Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

// Key is the first of its keys.
func (i *Issuer) Key() Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[0]
}

func (i *Issuer) first(w http.ResponseWriter, r *http.Request) bool {
	i.mu.Lock()
	answer := i.answer
	i.mu.Unlock()
	return answer != nil && answer(w, r)
}

func (i *Issuer) discovery(w http.ResponseWriter, r *http.Request) {
	if i.first(w, r) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	named := i.claimed
	if named == "" {
		named = i.URL
	}
	write(w, map[string]any{"issuer": named, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"}})
}

func (i *Issuer) serveKeys(w http.ResponseWriter, r *http.Request) {
	i.Fetches.Add(1)
	if i.first(w, r) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	set := jose.JSONWebKeySet{}
	for _, k := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Signer.Public(), KeyID: k.ID, Use: "sig"})
	}
	write(w, set)
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// Token signs claims with the first of its keys, as ES256 and type JWT.
func (i *Issuer) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	return Sign(t, i.Key(), "JWT", claims)
}

// Sign signs claims with a key. An empty kind leaves the type out.
func Sign(t testing.TB, k Key, kind string, claims any) string {
	t.Helper()
	return SignAs(t, jose.ES256, jose.JSONWebKey{Key: k.Signer, KeyID: k.ID}, kind, claims)
}

// SignAs signs claims by any algorithm.
func SignAs(t testing.TB, algorithm jose.SignatureAlgorithm, key any, kind string, claims any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if kind != "" {
		options.WithType(jose.ContentType(kind))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := claims.([]byte)
	if !ok {
		if raw, err = json.Marshal(claims); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
