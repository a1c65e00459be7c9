// Package accessoidc checks the tokens of identity providers that speak OpenID Connect: it finds their keys by discovery,
// follows when they are rotated, and holds a token to its signature, issuer, audience and times. It implements
// access.Verifier; whom a token stands for is package access's to say.
//
// Nothing is fetched before the first token comes, so a provider that is down keeps no server from starting. It signs nobody
// in by itself: there is no redirect, no session and no cookie here, only bearer tokens.
package accessoidc

import (
	"errors"
	"maps"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"switchboard/internal/access"
	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/setting"
)

// Set is the issuers of a configuration.
type Set struct {
	issuers   []access.Issuer
	verifiers []*verifier
}

// Open makes the issuers of a configuration, by name. It fetches nothing.
//
// Errors: an errs.Error that names every setting that is wrong.
func Open(issuers map[string]map[string]any, now clock.Clock) (*Set, error) {
	var faults errs.Fields
	s, names := &Set{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(issuers)) {
		path := "access.oidc." + name
		c, err := setting.Decode[config](issuers[name])
		if e, ok := errors.AsType[*errs.Error](err); ok {
			for _, f := range e.Fields {
				f.Path = path + "." + f.Path
				faults = append(faults, f)
			}
			continue
		}
		if other, taken := names[c.Issuer]; taken {
			faults.Add(path+".issuer", "is that of %s too", other)
			continue
		}
		names[c.Issuer] = name
		s.add(name, path, c, now)
	}
	return s, faults.Err()
}

func (s *Set) add(name, path string, c config, now clock.Clock) {
	v := &verifier{config: c, keys: newKeys(c.Issuer, path+".issuer", now), now: now}
	for _, a := range c.Algorithms {
		v.algorithms = append(v.algorithms, jose.SignatureAlgorithm(a))
	}
	s.verifiers = append(s.verifiers, v)
	s.issuers = append(s.issuers, access.Issuer{Name: name, URL: c.Issuer, Verifier: v, Rules: c.rules()})
}

// Issuers are what access takes tokens of.
func (s *Set) Issuers() []access.Issuer { return s.issuers }

// Close ends what is being fetched and waits for it.
func (s *Set) Close() error {
	for _, v := range s.verifiers {
		v.keys.close()
	}
	return nil
}
