package accessoidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	exact "github.com/go-jose/go-jose/v4/json"

	"switchboard/internal/access"
	"switchboard/internal/clock"
	"switchboard/internal/errs"
)

// verifier checks the tokens of one issuer.
type verifier struct {
	config
	algorithms []jose.SignatureAlgorithm
	keys       *keys
	now        clock.Clock
}

var _ access.Verifier = (*verifier)(nil)

// claims are those of a token that are checked here. A time is a number of seconds, perhaps with a fraction.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ExpiresAt *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
	Party     string   `json:"azp"`
	Client    string   `json:"client_id"`
	// What gives away that a token is not one to call with.
	Type   string          `json:"typ"`
	Events json.RawMessage `json:"events"`
}

// audience is one text or several.
type audience []string

// UnmarshalJSON reads either.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

func refused(format string, args ...any) error {
	return errs.CodeUnauthenticated.Errorf("the token is not valid").Because(fmt.Errorf(format, args...))
}

// Verify implements access.Verifier. The signature comes first: nothing of what an unsigned token says is looked at but the
// name of its key.
func (v *verifier) Verify(ctx context.Context, token string) (access.Assertion, error) {
	signed, err := jose.ParseSignedCompact(token, v.algorithms)
	if err != nil {
		return access.Assertion{}, refused("it is not signed in a way that is taken: %w", err)
	}
	payload, err := v.open(ctx, signed)
	if err != nil {
		return access.Assertion{}, err
	}
	var c claims
	said := access.Assertion{}
	// Names are taken to the letter and each once: a claim "Aud" must not pass for "aud".
	if err := errors.Join(exact.Unmarshal(payload, &c), exact.Unmarshal(payload, &said.Claims)); err != nil {
		return access.Assertion{}, refused("its claims cannot be read: %w", err)
	}
	kind, _ := signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string)
	if err := errors.Join(v.checkType(kind, c), v.checkParties(c), v.checkTimes(c)); err != nil {
		said.Subject = c.Subject // for the log
		return said, refused("%w", err)
	}
	said.Issuer, said.Subject, said.ExpiresAt = c.Issuer, c.Subject, instant(*c.ExpiresAt).Add(v.ClockSkew)
	return said, nil
}

// open checks the signature and returns what is signed.
func (v *verifier) open(ctx context.Context, signed *jose.JSONWebSignature) ([]byte, error) {
	header := signed.Signatures[0].Protected
	candidates, err := v.keys.find(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	for _, k := range candidates {
		if k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(k); err == nil {
			return payload, nil
		}
	}
	return nil, refused("no key of the issuer has signed it")
}

// checkType refuses what the issuer signs for other purposes: tokens that refresh, that log out, and ID tokens where there are
// access tokens.
func (v *verifier) checkType(header string, c claims) error {
	kind := strings.TrimPrefix(strings.ToLower(header), "application/")
	access := kind == "at+jwt"
	switch {
	case !access && kind != "" && kind != "jwt":
		return errors.New("its type is that of another kind of token")
	case v.AccessTokensOnly && !access:
		return errors.New("it is no access token (at+jwt)")
	case len(c.Events) > 0:
		return errors.New("it tells of an event")
	case slices.Contains([]string{"refresh", "offline", "logout"}, strings.ToLower(c.Type)):
		return errors.New("it is a token of another kind")
	}
	return nil
}

func (v *verifier) checkParties(c claims) error {
	switch {
	case c.Issuer != v.Issuer:
		return errors.New("it is another issuer's")
	case c.Subject == "":
		return errors.New("it has no subject")
	case !slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(v.Audiences, a) }):
		return errors.New("it is for another audience")
	case len(v.Clients) == 0:
		return nil
	}
	party := c.Party
	if party == "" {
		party = c.Client
	}
	if !slices.Contains(v.Clients, party) {
		return errors.New("it was issued to another client")
	}
	return nil
}

func (v *verifier) checkTimes(c claims) error {
	now := v.now()
	switch {
	case c.ExpiresAt == nil:
		return errors.New("it does not say when it ends")
	case !now.Before(instant(*c.ExpiresAt).Add(v.ClockSkew)):
		return errors.New("it has expired")
	case c.NotBefore != nil && now.Before(instant(*c.NotBefore).Add(-v.ClockSkew)):
		return errors.New("it is not valid yet")
	case c.IssuedAt != nil && now.Before(instant(*c.IssuedAt).Add(-v.ClockSkew)):
		return errors.New("it was issued in the future")
	}
	return nil
}

// instant reads a number of seconds. What no clock shows is far away and never wraps round.
func instant(seconds float64) time.Time {
	const farAway = 1 << 40
	whole := math.Floor(min(max(seconds, -farAway), farAway))
	return time.Unix(int64(whole), 0)
}
