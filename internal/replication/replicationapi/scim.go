package replicationapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/replication"
	"switchboard/internal/scim"
	"switchboard/internal/web"
	"switchboard/internal/web/strictjson"
)

// SCIM is the SCIM 2.0 server. It reads requests itself: the protocol has its own media type, its own errors, names without
// regard to case, and parameters that are passed over when they are not known.
type SCIM struct {
	replication *replication.Service
	publicURL   string // empty: from each request
}

const root = "/scim/v2"

// maxPush is how large a pushed document may be: a group with 50,000 members.
const maxPush = 16 << 20

// Mount registers the endpoints.
func (h *SCIM) Mount(s *web.Server) {
	d := &web.Dialect{
		Name: "scim", Reads: map[string]web.Reader{scim.MediaType: web.ReadJSON, "application/json": web.ReadJSON},
		Answer: func(*http.Request) string { return scim.MediaType }, Answers: []string{scim.MediaType},
		Error:       scimError,
		ErrorSchema: scimErrorSchema,
	}
	s.Below(root+"/", d)
	m := scimMount{h, s, d}
	describe[scimConfig](m, "GET /scim/v2/ServiceProviderConfig", "What of SCIM is spoken here", (*call).config)
	describe[scimListing](m, "GET /scim/v2/ResourceTypes", "List the kinds of resources", (*call).resourceTypes)
	describe[scimResource](m, "GET /scim/v2/ResourceTypes/{id}", "Get a kind of resources", (*call).resourceTypes)
	describe[scimListing](m, "GET /scim/v2/Schemas", "List the schemas", (*call).schemas)
	describe[scimResource](m, "GET /scim/v2/Schemas/{id}", "Get a schema", (*call).schemas)

	handle[scimPage, scimListing](m, "GET /scim/v2/Users", "List users", (*call).listUsers)
	handle[scimWritten[scimUser], scimResource](m, "POST /scim/v2/Users", "Create a user", (*call).createUser, web.Status(http.StatusCreated))
	handle[scimSearch, scimListing](m, "POST /scim/v2/Users/.search", "List users, by a body", (*call).listUsers, web.ReadOnly())
	handle[scimOne, scimResource](m, "GET /scim/v2/Users/{id}", "Get a user", (*call).getUser)
	handle[scimWritten[scimUser], scimResource](m, "PUT /scim/v2/Users/{id}", "Replace a user", (*call).replaceUser)
	handle[scimPatch, scimResource](m, "PATCH /scim/v2/Users/{id}", "Change a user", (*call).patchUser)
	handle[scimNothing, scimNothing](m, "DELETE /scim/v2/Users/{id}", "Delete a user", (*call).deleteUser, web.Status(http.StatusNoContent))

	handle[scimOne, scimResource](m, "GET /scim/v2/Me", "Get the user whose token this is", (*call).getMe, web.Doc("501 where the key or token is no user's."))
	handle[scimSearch, scimListing](m, "POST /scim/v2/.search", "List users and groups, by a body", (*call).search, web.ReadOnly(),
		web.Doc("Users come before groups."))

	handle[scimPage, scimListing](m, "GET /scim/v2/Groups", "List groups", (*call).listGroups)
	handle[scimWritten[scimGroup], scimResource](m, "POST /scim/v2/Groups", "Create a group", (*call).createGroup, web.Status(http.StatusCreated))
	handle[scimSearch, scimListing](m, "POST /scim/v2/Groups/.search", "List groups, by a body", (*call).listGroups, web.ReadOnly())
	handle[scimOne, scimResource](m, "GET /scim/v2/Groups/{id}", "Get a group", (*call).getGroup)
	handle[scimWritten[scimGroup], scimResource](m, "PUT /scim/v2/Groups/{id}", "Replace a group", (*call).replaceGroup)
	handle[scimPatch, scimResource](m, "PATCH /scim/v2/Groups/{id}", "Change a group", (*call).patchGroup, web.Status(http.StatusNoContent),
		web.Doc("Answers 200 with the group when the parameter attributes is given."))
	handle[scimNothing, scimNothing](m, "DELETE /scim/v2/Groups/{id}", "Delete a group", (*call).deleteGroup, web.Status(http.StatusNoContent))
}

// scimMount is what an endpoint is registered with.
type scimMount struct {
	h *SCIM
	s *web.Server
	d *web.Dialect
}

func describe[Out any](m scimMount, route, summary string, fn func(*call) error) {
	handle[scimNothing, Out](m, route, summary, fn)
}

// handle registers an endpoint; In and Out describe it in the OpenAPI document.
func handle[In, Out any](m scimMount, route, summary string, fn func(*call) error, opts ...web.Option) {
	op := web.NewOperation(m.d, route, "", http.StatusOK, fn, append(opts, web.Summary(summary+" (SCIM)"), web.MaxBody(maxPush))...)
	web.RegisterRaw[In, Out](m.s, op, func(w http.ResponseWriter, r *http.Request) error {
		return fn(&call{SCIM: m.h, Context: r.Context(), w: w, r: r, base: m.h.base(r)})
	})
}

// base is the address of the SCIM root, for locations.
func (h *SCIM) base(r *http.Request) string {
	if h.publicURL != "" {
		return strings.TrimRight(h.publicURL, "/") + root
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + root
}

// scimError is the body of an error, as RFC 7644, section 3.12, has it.
func scimError(_ *http.Request, status int, e *errs.Error) any {
	out := scim.Object{"schemas": []string{scim.ErrorMessage}, "status": strconv.Itoa(status), "detail": web.Sentence(e)}
	switch kind := e.Meta["scimType"]; {
	case kind != nil:
		out["scimType"] = kind
	case e.Code.Name == directory.DuplicateUsername.Name, e.Code.Name == replication.DuplicateExternalID.Name:
		out["scimType"] = scim.Uniqueness
	case e.Code.Name == errs.CodeMalformed.Name:
		out["scimType"] = scim.InvalidSyntax
	}
	return out
}

func scimErrorSchema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"schemas", "status"}, Properties: map[string]*huma.Schema{
		"schemas": {Type: huma.TypeArray, Items: text}, "status": text, "scimType": text, "detail": text,
	}}
}

// call is one request.
type call struct {
	*SCIM
	context.Context //nolint:containedctx // it lives as long as the request
	w               http.ResponseWriter
	r               *http.Request
	base            string
}

func (c *call) answer(status int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return web.Blob{ContentType: scim.MediaType, Data: raw}.WriteAnswer(c.w, c.r, status)
}

// show answers with a resource and its version, or with nothing when the caller has that version.
func (c *call) show(status int, r replication.Resource, err error) error {
	if err != nil {
		return err
	}
	choice, err := c.choice()
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", r.Version)
	if condition := c.r.Header.Get("If-None-Match"); c.reads() && condition != "" && r.Is(condition) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if status == http.StatusCreated {
		meta, _ := r.Object["meta"].(scim.Object)
		location, _ := meta["location"].(string)
		c.w.Header().Set("Location", location)
	}
	return c.answer(status, choice.Of(r.Object))
}

func (c *call) reads() bool { return c.r.Method == http.MethodGet || c.r.Method == http.MethodHead }

// key is the identifier of the path. What is no identifier names no record.
func (c *call) key() (id.ID, error) {
	i, err := id.Parse(c.r.PathValue("id"))
	if err != nil {
		return id.Nil, errs.MissingRecord("resource")
	}
	return i, nil
}

func (c *call) condition() string { return c.r.Header.Get("If-Match") }

// body reads the document of a request.
func (c *call) body() (scim.Object, error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || kind != scim.MediaType && kind != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return nil, errs.CodeUnsupported.Errorf("a body must be of the type %s", scim.MediaType)
	}
	raw, err := io.ReadAll(io.LimitReader(c.r.Body, maxPush+1))
	if err != nil {
		return nil, errs.CodeMalformed.Errorf("the body could not be read to its end").Because(err)
	}
	if len(raw) > maxPush {
		return nil, errs.CodeTooLarge.Errorf("the body is larger than %d bytes", maxPush)
	}
	if _, err := strictjson.Parse(raw); err != nil {
		return nil, errs.CodeMalformed.Errorf("the body is not valid JSON: %v", err)
	}
	var o scim.Object // with its nulls, which a PATCH means
	if err := json.Unmarshal(raw, &o); err != nil || o == nil {
		return nil, errs.CodeMalformed.Errorf("the body must be a JSON object")
	}
	return o, nil
}

// choice reads which attributes are wanted.
func (c *call) choice() (scim.Choice, error) {
	q := c.r.URL.Query()
	choice, err := scim.Choose(q.Get("attributes"), q.Get("excludedAttributes"))
	return choice, badRequest(err)
}

func badRequest(err error) error {
	if e, ok := errors.AsType[*scim.Error](err); ok {
		return replication.InvalidSCIM.Errorf("%s", e.Detail).With("scimType", string(e.Type))
	}
	return err
}

// query reads what list is wanted, from the address or, of a search, from the body.
func (c *call) query() (q replication.Query, err error) {
	text := map[string]string{}
	for _, name := range []string{"filter", "startIndex", "count", "attributes", "excludedAttributes"} {
		text[name] = c.r.URL.Query().Get(name)
	}
	if c.r.Method == http.MethodPost {
		o, err := c.body()
		if err != nil {
			return q, err
		}
		for name := range text {
			text[name] = searched(scim.Get(o, name))
		}
	}
	q.Filter, q.Start, q.Count = text["filter"], 1, -1
	if q.Start, err = number(text["startIndex"], "startIndex", 1); err != nil {
		return q, err
	}
	if text["count"] != "" {
		if q.Count, err = number(text["count"], "count", 0); err != nil {
			return q, err
		}
		q.Count = max(q.Count, 0)
	}
	q.Choice, err = scim.Choose(text["attributes"], text["excludedAttributes"])
	return q, badRequest(err)
}

// searched writes a member of a search as it would stand in an address.
func searched(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, 0, len(v))
		for _, part := range v {
			parts = append(parts, searched(part))
		}
		return strings.Join(parts, ",")
	}
	return ""
}

func number(text, name string, otherwise int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > 1<<31 {
		return 0, replication.InvalidSCIM.Errorf("%s must be a whole number", name).With("scimType", string(scim.InvalidValue))
	}
	return n, nil
}

func (c *call) list(read func(context.Context, string, replication.Query) (replication.Listing, error)) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	l, err := read(c, c.base, q)
	if err != nil {
		return err
	}
	if l.Resources == nil {
		l.Resources = []scim.Object{}
	}
	return c.answer(http.StatusOK, scim.Object{
		"schemas": []string{scim.ListMessage}, "totalResults": l.Total, "startIndex": l.Start, "itemsPerPage": len(l.Resources), "Resources": l.Resources,
	})
}

// patch reads the operations of a PATCH.
func (c *call) patch() ([]scim.Op, error) {
	o, err := c.body()
	if err != nil {
		return nil, err
	}
	ops, err := scim.ParsePatch(o)
	return ops, badRequest(err)
}

func (c *call) listUsers() error { return c.list(c.replication.SCIMUsers) }

func (c *call) search() error { return c.list(c.replication.SCIMSearch) }

func (c *call) createUser() error {
	o, err := c.body()
	if err != nil {
		return err
	}
	r, err := c.replication.CreateSCIMUser(c, c.base, o)
	return c.show(http.StatusCreated, r, err)
}

func (c *call) getUser() error {
	i, err := c.key()
	if err != nil {
		return err
	}
	r, err := c.replication.SCIMUser(c, c.base, i)
	return c.show(http.StatusOK, r, err)
}

func (c *call) getMe() error {
	r, err := c.replication.SCIMMe(c, c.base)
	return c.show(http.StatusOK, r, err)
}

func (c *call) replaceUser() error {
	i, err := c.key()
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	r, err := c.replication.ReplaceSCIMUser(c, c.base, i, c.condition(), o)
	return c.show(http.StatusOK, r, err)
}

func (c *call) patchUser() error {
	i, err := c.key()
	if err != nil {
		return err
	}
	ops, err := c.patch()
	if err != nil {
		return err
	}
	r, err := c.replication.PatchSCIMUser(c, c.base, i, c.condition(), ops)
	return c.show(http.StatusOK, r, err)
}

func (c *call) deleteUser() error {
	i, err := c.key()
	if err == nil {
		err = c.replication.DeleteSCIMUser(c, i, c.condition())
	}
	return c.gone(err)
}

func (c *call) gone(err error) error {
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (c *call) listGroups() error { return c.list(c.replication.SCIMGroups) }

func (c *call) createGroup() error {
	o, err := c.body()
	if err != nil {
		return err
	}
	r, err := c.replication.CreateSCIMGroup(c, c.base, o)
	return c.show(http.StatusCreated, r, err)
}

func (c *call) getGroup() error {
	i, err := c.key()
	if err != nil {
		return err
	}
	choice, err := c.choice()
	if err != nil {
		return err
	}
	r, err := c.replication.SCIMGroup(c, c.base, i, choice.Wants("members"))
	return c.show(http.StatusOK, r, err)
}

func (c *call) replaceGroup() error {
	i, err := c.key()
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	choice, err := c.choice()
	if err != nil {
		return err
	}
	r, err := c.replication.ReplaceSCIMGroup(c, c.base, i, c.condition(), o, choice.Wants("members"))
	return c.show(http.StatusOK, r, err)
}

// patchGroup answers without a body, for the group may have 50,000 members, unless attributes are asked for.
func (c *call) patchGroup() error {
	i, err := c.key()
	if err != nil {
		return err
	}
	ops, err := c.patch()
	if err != nil {
		return err
	}
	choice, err := c.choice()
	if err != nil {
		return err
	}
	asked := c.r.URL.Query().Get("attributes") != ""
	r, err := c.replication.PatchSCIMGroup(c, c.base, i, c.condition(), ops, asked && choice.Wants("members"))
	if asked {
		return c.show(http.StatusOK, r, err)
	}
	if err == nil {
		c.w.Header().Set("ETag", r.Version)
	}
	return c.gone(err)
}

func (c *call) deleteGroup() error {
	i, err := c.key()
	if err == nil {
		err = c.replication.DeleteSCIMGroup(c, i, c.condition())
	}
	return c.gone(err)
}

func (c *call) config() error {
	if err := c.replication.MayPush(c); err != nil {
		return err
	}
	return c.answer(http.StatusOK, scim.Config(c.base))
}

func (c *call) resourceTypes() error { return c.described(scim.ResourceTypes(c.base)) }

func (c *call) schemas() error { return c.described(scim.Schemas(c.base)) }

// described answers with all documents, or with the one that the path names.
func (c *call) described(all []scim.Object) error {
	if err := c.replication.MayPush(c); err != nil {
		return err
	}
	if c.r.URL.Query().Has("filter") { // so that nobody takes all for what was asked for
		return errs.CodeDenied.Errorf("these documents cannot be filtered: read all, or one by its id")
	}
	name := c.r.PathValue("id")
	if name == "" {
		return c.answer(http.StatusOK, scim.Object{
			"schemas": []string{scim.ListMessage}, "totalResults": len(all), "startIndex": 1, "itemsPerPage": len(all), "Resources": all,
		})
	}
	for _, o := range all {
		if text, _ := scim.Text(o, "id"); strings.EqualFold(text, name) {
			return c.answer(http.StatusOK, o)
		}
	}
	return errs.MissingRecord("resource")
}
