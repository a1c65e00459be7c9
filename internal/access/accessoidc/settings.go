package accessoidc

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/errs"
	"switchboard/internal/setting"
)

// config is the settings of one issuer.
type config struct {
	Issuer               string        `key:"issuer,required" doc:"Its address, exactly as its tokens name it in \"iss\"; https, or http on this machine. Its keys are found from there."`
	Audiences            []string      `key:"audiences,required" doc:"Whom its tokens must be for (\"aud\"): one of these."`
	Clients              []string      `key:"clients" doc:"Applications that its tokens may be issued to (\"azp\" or \"client_id\"). Default: any that the audience allows."`
	Algorithms           []string      `key:"algorithms" default:"RS256,ES256" doc:"How its tokens may be signed: RS, PS or ES with 256, 384 or 512, and EdDSA."`
	ClockSkew            time.Duration `key:"clock_skew" default:"1m" doc:"By how much its clock may differ from this one; at most 5m."`
	AccessTokensOnly     bool          `key:"access_tokens_only" default:"false" doc:"Take tokens of type at+jwt (RFC 9068) alone and no ID tokens; set it where the issuer makes such."`
	Organization         string        `key:"organization" doc:"Name or id of the organization whose users sign in by it."`
	OrganizationClaim    string        `key:"organization_claim" doc:"Claim that names the organization, for an issuer that is trusted with every one of them; instead of organization."`
	Match                string        `key:"match" default:"email" doc:"What a user is found by: email, username, or external-id, which is what another system calls the user."`
	Claim                string        `key:"claim" doc:"Claim that is compared with it. Default: email, preferred_username or sub."`
	Source               string        `key:"source" doc:"The system whose external ids are meant, with match: external-id; a replicator by its name, or scim."`
	AllowUnverifiedEmail bool          `key:"allow_unverified_email" default:"false" doc:"Believe addresses that the issuer does not call verified. Set it only where people cannot choose them at the issuer, or one can sign in as another."`
	Roles                []string      `key:"roles" doc:"Rules such as \"administrator if groups=switchboard-admins\"; the first that fits gives the role. Default: leader for who leads a group, else member."`
	ScopesClaim          string        `key:"scopes_claim" doc:"Claim with the scopes that a token asks for, such as scope. Default: every one of scopes."`
	Scopes               []string      `key:"scopes" default:"*" doc:"The most that its tokens allow, beside the role."`
}

// Settings lists the settings of an issuer, for the reference page.
func Settings() []setting.Setting { return setting.Describe(config{}) }

// algorithms are those by which who can check a token cannot make one.
func algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

const maxSkew = 5 * time.Minute

// Check implements setting.Checker.
func (c *config) Check(f *errs.Fields) {
	if !issuerURL(c.Issuer) {
		f.Add("issuer", "must be an https address (or http on this machine) without a query")
	}
	for _, a := range c.Algorithms {
		if !slices.Contains(algorithms(), a) {
			f.Add("algorithms", "must be some of %s", strings.Join(algorithms(), ", "))
		}
	}
	if len(c.Algorithms) == 0 {
		f.Require("algorithms")
	}
	if c.ClockSkew < 0 || c.ClockSkew > maxSkew {
		f.Add("clock_skew", "must be between 0s and %s", maxSkew)
	}
	if (c.Organization == "") == (c.OrganizationClaim == "") {
		f.Add("organization", "or organization_claim must be set, and not both")
	}
	errs.OneOf(f, "match", access.Match(c.Match), access.Matches()...)
	if (c.Match == string(access.ByExternalID)) != (c.Source != "") {
		f.Add("source", "must be set with match: external-id, and not otherwise")
	}
	for _, r := range c.Roles {
		if _, err := access.ParseRoleRule(r); err != nil {
			f.Add("roles", "%v", err)
		}
	}
	for _, s := range c.Scopes {
		if !access.ValidScope(s) {
			f.Add("scopes", "must look like resource:action, with * for any")
		}
	}
}

func issuerURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return false
	}
	return secure(u)
}

// secure tells whether nobody on the way can change what an address answers.
func secure(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// rules are the settings as access has them; they were checked.
func (c *config) rules() access.Rules {
	r := access.Rules{
		Organization: c.Organization, OrganizationClaim: c.OrganizationClaim, Match: access.Match(c.Match), Claim: c.Claim,
		Source: c.Source, AllowUnverifiedEmail: c.AllowUnverifiedEmail, ScopesClaim: c.ScopesClaim, Ceiling: c.Scopes,
	}
	if r.Claim == "" {
		r.Claim = map[access.Match]string{access.ByEmail: "email", access.ByUsername: "preferred_username", access.ByExternalID: "sub"}[r.Match]
	}
	for _, text := range c.Roles {
		if rule, err := access.ParseRoleRule(text); err == nil {
			r.Roles = append(r.Roles, rule)
		}
	}
	return r
}
