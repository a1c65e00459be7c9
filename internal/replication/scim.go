package replication

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/scim"
)

// The codes of what is pushed.
var (
	InvalidSCIM = errs.Code{
		Name: "InvalidScimRequest", Kind: errs.Malformed,
		Doc: "A SCIM document, filter or path cannot be taken as it is; scimType and detail tell why.",
	}
	NobodysToken = errs.Code{
		Name: "NobodysToken", Kind: errs.NotOffered,
		Doc: "/scim/v2/Me is the user whose token a request has; this key or token is no user's. Use /scim/v2/Users.",
	}
	VersionMismatch = errs.Code{
		Name: "VersionMismatch", Kind: errs.Stale,
		Doc: "The record has changed since the version that If-Match names. Read it again.",
	}
)

// maxDocument bounds what is kept of one pushed record, in bytes.
const maxDocument = 64 << 10

// refused turns what the protocol finds wrong, and wrong values, into an error of ours. Others it returns as they are.
func refused(err error) error {
	if e, ok := errors.AsType[*scim.Error](err); ok {
		return InvalidSCIM.Errorf("%s", e.Detail).With("scimType", string(e.Type))
	}
	if e, ok := asError(err); ok && e.Code.Kind == errs.Invalid {
		parts := make([]string, len(e.Fields))
		for i, f := range e.Fields {
			parts[i] = f.Path + " " + f.Message
		}
		return InvalidSCIM.Errorf("%s", strings.Join(parts, "; ")).With("scimType", string(scim.InvalidValue))
	}
	return err
}

func invalid(kind scim.ErrorType, detail string) error {
	return &scim.Error{Type: kind, Detail: detail}
}

// Resource is a user or a group as identity providers see it. Locations are below the address of the server's SCIM root.
type Resource struct {
	Object  scim.Object
	Version string // the entity tag
}

// Is tells whether a condition, as a request's header has it, names this version of the resource. Several tags stand between
// commas; the tags are weak, so the mark for that counts for nothing.
func (r Resource) Is(condition string) bool {
	if strings.TrimSpace(condition) == "*" {
		return true
	}
	for tag := range strings.SplitSeq(condition, ",") {
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == strings.TrimPrefix(r.Version, "W/") {
			return true
		}
	}
	return false
}

// matches checks the condition of a request to change the resource; empty is none.
func (r Resource) matches(condition string) error {
	if condition == "" || r.Is(condition) {
		return nil
	}
	return VersionMismatch.Errorf("the record is no longer the version %s", condition)
}

// Listing is a part of a list.
type Listing struct {
	Total, Start int // Start counts from 1
	Resources    []scim.Object
}

// Query asks for a part of a list.
type Query struct {
	Filter       string
	Start, Count int // from 1; a Count below 0 is the default
	Choice       scim.Choice
}

func (q *Query) tidy() {
	q.Start = max(q.Start, 1)
	if q.Count < 0 {
		q.Count = 100
	}
	q.Count = min(q.Count, scim.MaxResults)
}

// version makes an entity tag of everything that a resource shows.
func version(parts ...any) string {
	raw, _ := json.Marshal(parts) //nolint:errchkjson // decoded JSON and times
	sum := sha256.Sum256(raw)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// text reads a member that is to be a text; nil when it is absent or null.
func text(o scim.Object, name string) (*string, error) {
	switch v := scim.Get(o, name).(type) {
	case nil:
		return nil, nil //nolint:nilnil // nothing is said of it
	case string:
		return &v, nil
	default:
		return nil, invalid(scim.InvalidValue, name+" must be a text")
	}
}

// PersonOf reads what a SCIM user says. What it does not speak of, or speaks of with null, is nil; the external id is the one
// that the resource has as externalId. An error tells what is wrong with which attribute.
func PersonOf(o scim.Object) (Person, error) {
	var (
		p    Person
		errs []error
	)
	read := func(from scim.Object, name string) *string {
		v, err := text(from, name)
		errs = append(errs, err)
		return v
	}
	name, _ := scim.Get(o, "name").(scim.Object)
	p.Username, p.PreferredName, p.Locale, p.TZ = read(o, "userName"), read(o, "displayName"), read(o, "locale"), read(o, "timezone")
	p.FirstName, p.LastName = read(name, "givenName"), read(name, "familyName")
	p.ExternalID = value(read(o, "externalId"))
	if p.PreferredName == nil && p.FirstName == nil && p.LastName == nil {
		p.PreferredName = read(name, "formatted")
	}
	p.Email = read(contact(o, "emails", "work"), "value")
	if p.Phone = read(contact(o, "phoneNumbers", "mobile"), "value"); p.Phone != nil {
		*p.Phone = strings.TrimPrefix(*p.Phone, "tel:")
	}
	if v := scim.Get(o, "active"); v != nil {
		active, ok := scim.Bool(v)
		if !ok {
			errs = append(errs, invalid(scim.InvalidValue, "active must be true or false"))
		}
		state := string(directory.Archived)
		if active {
			state = string(directory.Active)
		}
		p.State = &state
	}
	kind := directory.AccountType(strings.ToLower(value(read(o, "userType"))))
	if kind == directory.Provider || kind == directory.Participant {
		p.AccountType = new(string(kind))
	}
	return p, errors.Join(errs...)
}

// contact returns the address that is used of several: the primary one, else one of the type, else the first.
func contact(o scim.Object, name, kind string) scim.Object {
	all := scim.Objects(scim.Get(o, name))
	for _, c := range all {
		if primary, _ := scim.Bool(scim.Get(c, "primary")); primary {
			return c
		}
	}
	for _, c := range all {
		if t, _ := scim.Text(c, "type"); strings.EqualFold(t, kind) {
			return c
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// kept is what is stored of a pushed document: all but what is ours, the members of a group, and a password, which nobody
// here may know.
func keptOf(o scim.Object) (json.RawMessage, error) {
	out := scim.Object{}
	for k, v := range o {
		switch strings.ToLower(k) {
		case "id", "meta", "schemas", "groups", "members", "password":
		default:
			if v != nil {
				out[k] = v
			}
		}
	}
	raw, err := json.Marshal(out)
	if err == nil && len(raw) > maxDocument {
		return nil, invalid(scim.InvalidValue, "the resource is larger than is kept here")
	}
	return raw, err
}

// showUser is a user as it is: what its identity provider said, with what the directory has in its place.
func showUser(base string, pushed pushedUser) Resource {
	u, i, l := pushed.user, pushed.person, pushed.link
	o := said[scim.Object](l)
	if o == nil {
		o = scim.Object{}
	}
	p, _ := PersonOf(o) // what was stored had been read before
	put(o, "userName", u.Username)
	put(o, "externalId", l.ExternalID)
	put(o, "displayName", i.PreferredName)
	name, _ := scim.Get(o, "name").(scim.Object)
	if name == nil {
		name = scim.Object{}
	}
	put(name, "givenName", u.FirstName)
	put(name, "familyName", u.LastName)
	if len(name) > 0 {
		o["name"] = name
	}
	if directory.FoldName(value(p.Email)) != directory.FoldName(u.Email) {
		putContact(o, "emails", "work", u.Email)
	}
	if phone, _ := directory.ParsePhone(value(p.Phone), u.Locale); phone != u.Phone {
		putContact(o, "phoneNumbers", "mobile", u.Phone)
	}
	locale, zone := "", ""
	if u.LocaleExplicit {
		locale = strings.ReplaceAll(u.Locale, "_", "-")
	}
	if u.TZExplicit {
		zone = u.TZ
	}
	put(o, "locale", locale)
	put(o, "timezone", zone)
	o["active"] = u.State != directory.Archived
	o["groups"] = showGroups(base, pushed.groups)
	v := version(o, u.ID)
	return finish(o, scim.UserSchema, "User", u.ID, base+"/Users/", u.CreatedAt, later(u.ModifiedAt, i.ModifiedAt, l.SyncedAt), v)
}

// showGroups lists the groups that a user is in. Groups have no groups, so that all are direct.
func showGroups(base string, groups []directory.Group) []any {
	out := make([]any, len(groups))
	for n, g := range groups {
		o := scim.Object{"value": g.ID.String(), "type": "direct", "$ref": base + "/Groups/" + g.ID.String()}
		put(o, "display", g.Name)
		out[n] = o
	}
	return out
}

func later(times ...time.Time) time.Time {
	var out time.Time
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}

// finish adds what is the server's to a resource. Its schemas are the core one and those of the extensions that it has.
func finish(o scim.Object, core, kind string, record id.ID, path string, created, modified time.Time, version string) Resource {
	o["schemas"], o["id"] = append([]any{core}, scim.Extensions(o)...), record.String()
	o["meta"] = scim.Object{
		"resourceType": kind, "created": created.UTC().Format(time.RFC3339Nano), "lastModified": modified.UTC().Format(time.RFC3339Nano),
		"location": path + record.String(), "version": version,
	}
	return Resource{o, version}
}

// put sets a text, or takes it away when it is empty.
func put(o scim.Object, name, v string) {
	for k := range o {
		if strings.EqualFold(k, name) {
			delete(o, k)
		}
	}
	if v != "" {
		o[name] = v
	}
}

func putContact(o scim.Object, name, kind, v string) {
	put(o, name, "")
	if v != "" {
		o[name] = []any{scim.Object{"value": v, "type": kind, "primary": true}}
	}
}

// pushed is ctx for what an identity provider may do, and the organization.
func pushed(ctx context.Context, action string) (context.Context, id.ID, error) {
	a, err := mayUse(ctx, scopeSCIM, action)
	return inDirectory(ctx, a), a.OrganizationID, err
}

// MayPush tells whether the actor may use SCIM at all.
func (s *Service) MayPush(ctx context.Context) error {
	_, err := mayUse(ctx, scopeSCIM, "read")
	return err
}
