package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Issuer is an identity provider whose tokens are taken, and the rules by which they become actors.
type Issuer struct {
	Name     string // of the setting, for the log
	URL      string // as tokens name it in "iss"
	Verifier Verifier
	Rules    Rules
}

// Verifier tells the tokens of one issuer from others.
type Verifier interface {
	// Verify checks that a token was made by the issuer, for this server, and holds now.
	//
	// Errors: Unauthenticated, with the reason as its cause; Unavailable, which names the setting, when the keys of the issuer
	// cannot be had; RateLimited when too many tokens wait for them.
	Verify(ctx context.Context, token string) (Assertion, error)
}

// Assertion is what a token that was verified says.
type Assertion struct {
	Issuer, Subject string
	ExpiresAt       time.Time // with the clock skew that is granted
	Claims          map[string]any
}

// Match says what of a user a claim is compared with.
type Match string

// The matches.
const (
	ByEmail      Match = "email"
	ByUsername   Match = "username"
	ByExternalID Match = "external-id" // what another system calls the user
)

// Matches lists them.
func Matches() []Match { return []Match{ByEmail, ByUsername, ByExternalID} }

// Rules say whom a token of an issuer stands for. Claims are named by their path, with dots between the names of nested ones;
// a name that has dots itself is found too.
type Rules struct {
	Organization         string // its id or name; empty: that of OrganizationClaim
	OrganizationClaim    string
	Match                Match
	Claim                string
	Source               string // of the external ids, with ByExternalID
	AllowUnverifiedEmail bool
	// Roles are tried in their order. Where none fits, the role is that of the person: leader or member.
	Roles []RoleRule
	// ScopesClaim names the scopes that the token asks for; empty: all of Ceiling.
	ScopesClaim string
	Ceiling     []string
}

// RoleRule gives a role to whoever has a value in a claim, alone or among several.
type RoleRule struct {
	Role         actor.Role
	Claim, Value string
}

// ParseRoleRule reads "administrator if groups=switchboard-admins". The role is one that a person can have.
func ParseRoleRule(text string) (RoleRule, error) {
	role, condition, ok := strings.Cut(text, " if ")
	claim, value, given := strings.Cut(condition, "=")
	r := RoleRule{actor.Role(strings.TrimSpace(role)), strings.TrimSpace(claim), strings.TrimSpace(value)}
	switch {
	case !ok || !given || r.Claim == "" || r.Value == "":
		return RoleRule{}, errors.New("must read like: administrator if groups=switchboard-admins")
	case !slices.Contains([]actor.Role{actor.Administrator, actor.Leader, actor.Member}, r.Role):
		return RoleRule{}, fmt.Errorf("must begin with %s, %s or %s", actor.Administrator, actor.Leader, actor.Member)
	}
	return r, nil
}

// SignIn is what access asks of the directory about who signs in elsewhere.
type SignIn interface {
	// OrganizationsNamed returns the organizations of a name, whatever the case, at most limit.
	OrganizationsNamed(ctx context.Context, name string, limit int) ([]directory.Organization, error)
	// UsersWithEmail returns the users who have one of several addresses, by FoldName of it.
	UsersWithEmail(ctx context.Context, organization id.ID, emails []string) (map[string][]directory.User, error)
	// UsersNamed returns the users who exist, by FoldName of their usernames.
	UsersNamed(ctx context.Context, organization id.ID, usernames []string) (map[string]directory.User, error)
	// UserKnownAs returns the user that another system calls by an external id, and whether there is one.
	UserKnownAs(ctx context.Context, organization id.ID, source, externalID string) (id.ID, bool, error)
}

// maxForeign bounds the length of a token that is looked at.
const maxForeign = 16 << 10

// foreign tells whether a secret has the form of a token of somebody else's: three parts with dots between.
func foreign(secret string) bool {
	return len(secret) <= maxForeign && strings.Count(secret, ".") == 2
}

// issuerOf returns what a token says of its issuer, before anything of it is believed.
func issuerOf(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// lookUpForeign returns who holds a token of an issuer. Why one opens nothing is told to the log alone.
func (s *Service) lookUpForeign(ctx context.Context, token string) (holder, error) {
	i, ok := s.issuers[issuerOf(token)]
	if !ok {
		s.log.InfoContext(ctx, "a token was refused", "reason", "its issuer is not one of access.oidc")
		return holder{}, errUnknown()
	}
	said, err := i.Verifier.Verify(ctx, token)
	if err == nil {
		var h holder
		if h, err = s.signIn(ctx, i, said); err == nil {
			return h, nil
		}
	}
	e, told := errors.AsType[*errs.Error](err)
	if !told || e.Code.Kind != errs.Unauthenticated {
		return holder{}, err
	}
	reason := errors.Unwrap(e)
	s.log.InfoContext(ctx, "a token was refused", "issuer", i.Name, "subject", said.Subject, "reason", reason)
	return holder{}, errUnknown().Because(reason)
}

// refused says why a token stands for nobody. What it said is not repeated.
func refused(format string, args ...any) error {
	return errUnknown().Because(fmt.Errorf(format, args...))
}

// signIn finds whom an assertion stands for.
func (s *Service) signIn(ctx context.Context, i Issuer, said Assertion) (holder, error) {
	organization, err := s.organizationOf(ctx, i.Rules, said)
	if err != nil {
		return holder{}, err
	}
	user, err := s.userOf(ctx, i.Rules, organization, said)
	if err != nil {
		return holder{}, err
	}
	if !signsIn(user) {
		return holder{}, refused("the user %s is %s", user.ID, user.State)
	}
	a := actor.Actor{
		// Not of the subject alone: should the issuer's rules find somebody else for it one day, that is another caller.
		KeyID:          id.Derived("oidc", said.Issuer, said.Subject, user.ID.String()),
		OrganizationID: organization, UserID: user.ID, Role: i.Rules.role(said), Scopes: i.Rules.scopes(said, s.catalogue), Via: actor.ViaOIDC,
	}
	a, err = s.person(ctx, a, signsIn)
	return holder{actor: a, until: said.ExpiresAt}, err
}

func (s *Service) organizationOf(ctx context.Context, r Rules, said Assertion) (id.ID, error) {
	name := r.Organization
	if name == "" {
		if name = said.text(r.OrganizationClaim); name == "" {
			return id.Nil, refused("the claim %s names no organization", r.OrganizationClaim)
		}
	}
	if organization, err := id.Parse(name); err == nil {
		return organization, nil
	}
	found, err := s.signIns.OrganizationsNamed(ctx, name, 2)
	if err != nil {
		return id.Nil, err
	}
	if len(found) != 1 {
		return id.Nil, refused("there is no organization of the name that is meant, or more than one")
	}
	return found[0].ID, nil
}

func (s *Service) userOf(ctx context.Context, r Rules, organization id.ID, said Assertion) (directory.User, error) {
	name := said.text(r.Claim)
	if name == "" {
		return directory.User{}, refused("the token has no claim %s", r.Claim)
	}
	switch r.Match {
	case ByUsername:
		found, err := s.signIns.UsersNamed(ctx, organization, []string{name})
		u, ok := found[directory.FoldName(name)]
		if err == nil && !ok {
			err = refused("no user of the organization has the username in %s", r.Claim)
		}
		return u, err
	case ByExternalID:
		return s.userKnownAs(ctx, r, organization, name)
	case ByEmail:
	}
	if !r.AllowUnverifiedEmail && !said.has("email_verified", "true") {
		return directory.User{}, refused("the issuer has not verified the address")
	}
	found, err := s.signIns.UsersWithEmail(ctx, organization, []string{name})
	if err != nil {
		return directory.User{}, err
	}
	users := found[directory.FoldName(name)]
	if len(users) != 1 {
		return directory.User{}, refused("%d users of the organization have the address in %s", len(users), r.Claim)
	}
	return users[0], nil
}

func (s *Service) userKnownAs(ctx context.Context, r Rules, organization id.ID, name string) (directory.User, error) {
	user, ok, err := s.signIns.UserKnownAs(ctx, organization, r.Source, name)
	if err != nil {
		return directory.User{}, err
	}
	found, err := s.directory.Users(ctx, organization, []id.ID{user})
	u, there := found[user]
	if err == nil && (!ok || !there) {
		err = refused("%s calls no user of the organization what is in %s", r.Source, r.Claim)
	}
	return u, err
}

// role is that of the first rule that fits; empty when none does.
func (r Rules) role(said Assertion) actor.Role {
	for _, rule := range r.Roles {
		if said.has(rule.Claim, rule.Value) {
			return rule.Role
		}
	}
	return ""
}

// scopes are those that the token asks for and may have. What else stands in the claim (openid, profile) is somebody else's.
func (r Rules) scopes(said Assertion, c Catalogue) []string {
	if r.ScopesClaim == "" {
		return r.Ceiling
	}
	var asked []string
	for _, value := range said.values(r.ScopesClaim) {
		asked = append(asked, strings.Fields(value)...)
	}
	asked = slices.DeleteFunc(asked, func(scope string) bool { return !c.Known(scope) })
	return actor.Meet(asked, r.Ceiling)
}

// claim returns the value at a path.
func (a Assertion) claim(path string) any {
	return at(a.Claims, path)
}

func at(claims map[string]any, path string) any {
	if v, ok := claims[path]; ok {
		return v
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, ok := claims[path[:i]].(map[string]any); ok {
			if v := at(inner, path[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// text is a claim that is one text; empty for anything else.
func (a Assertion) text(path string) string {
	v, _ := a.claim(path).(string)
	return strings.TrimSpace(v)
}

// values are the texts of a claim that is one or several; true and false are texts too.
func (a Assertion) values(path string) []string {
	list, several := a.claim(path).([]any)
	if !several {
		list = []any{a.claim(path)}
	}
	var out []string
	for _, v := range list {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case bool:
			out = append(out, fmt.Sprint(v))
		}
	}
	return out
}

// has tells whether a claim is a value, or has it among several.
func (a Assertion) has(path, value string) bool { return slices.Contains(a.values(path), value) }
