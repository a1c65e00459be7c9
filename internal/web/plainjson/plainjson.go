// Package plainjson is the dialect of the notification groups API: bare JSON in snake_case, no envelopes, identifiers
// behind a prefix, errors as {"message"} and, for values, {"message", "errors": {"field.path": ["text"]}}.
package plainjson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/web"
)

// Router registers operations of the notification groups API.
type Router struct {
	server  *web.Server
	dialect *web.Dialect
}

// New returns a router on a server. Several on one server are the same dialect as long as they come from one call.
func New(s *web.Server) *Router {
	return &Router{server: s, dialect: &web.Dialect{
		Name:        "notifications",
		Reads:       map[string]web.Reader{"application/json": web.ReadJSON},
		Error:       errorBody,
		ErrorSchema: errorSchema,
	}}
}

// Server returns the server that the router registers on.
func (r *Router) Server() *web.Server { return r.server }

// Dialect returns the dialect, for operations that are registered on the server itself.
func (r *Router) Dialect() *web.Dialect { return r.dialect }

type errorAnswer struct {
	Message string              `json:"message"`
	Errors  map[string][]string `json:"errors,omitempty"`
}

func errorBody(_ *http.Request, status int, e *errs.Error) any {
	if status != http.StatusUnprocessableEntity || len(e.Fields) == 0 {
		return errorAnswer{Message: web.Sentence(e)}
	}
	out := errorAnswer{Message: e.Message, Errors: map[string][]string{}}
	for _, f := range e.Fields {
		path := web.DottedPath(f)
		out.Errors[path] = append(out.Errors[path], f.Message)
	}
	return out
}

func errorSchema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"message"},
		Properties: map[string]*huma.Schema{
			"message": text,
			"errors": {
				Type: huma.TypeObject, Description: "With 422: what is wrong, by the path of the value.",
				AdditionalProperties: &huma.Schema{Type: huma.TypeArray, Items: text},
			},
		},
	}
}

// Time is an instant, as web.Time spells it.
type Time = web.Time

// At is an instant for the wire.
func At(t time.Time) Time { return Time{Time: t} }

// Prefix names what an identifier is of; a context declares an empty struct for each kind.
type Prefix interface{ Prefix() string }

// ID is an identifier that is written behind a prefix ("usr_0190…") and read with or without it. On the legacy paths
// it is answered bare. The zero ID is null.
type ID[P Prefix] struct {
	ID   id.ID
	Bare bool
}

// Of is an identifier in its prefixed form.
func Of[P Prefix](i id.ID) ID[P] { return ID[P]{ID: i} }

// IsZero tells whether there is no identifier; encoding/json's omitzero uses it.
func (i ID[P]) IsZero() bool { return i.ID.IsZero() }

// String returns the spelling on the wire.
func (i ID[P]) String() string {
	if i.Bare {
		return i.ID.String()
	}
	var p P
	return i.ID.Prefixed(p.Prefix())
}

// MarshalJSON writes the identifier, or null.
func (i ID[P]) MarshalJSON() ([]byte, error) {
	if i.ID.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(i.String())
}

// UnmarshalText reads either spelling.
func (i *ID[P]) UnmarshalText(text []byte) error {
	var p P
	parsed, err := id.ParsePrefixed(p.Prefix(), string(text))
	if err != nil || parsed.IsZero() { // the zero UUID would be read as none
		return errors.New("not an identifier (" + p.Prefix() + "_ and a UUID, or the UUID alone)")
	}
	i.ID = parsed
	return nil
}

// UnmarshalJSON reads either spelling, or null.
func (i *ID[P]) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	return i.UnmarshalText(bytes.Trim(data, `"`))
}

// Schema is that of the identifier.
func (ID[P]) Schema(huma.Registry) *huma.Schema {
	var p P
	return &huma.Schema{Type: huma.TypeString, Description: "A UUID, with or without the prefix " + p.Prefix() + "_."}
}

// List registers a GET that answers a bare array. I is a struct of query parameters.
func List[I, O any](r *Router, route string, h func(context.Context, *I) ([]O, error), opts ...web.Option) {
	op := web.NewOperation(r.dialect, route, "List", 200, h, opts...)
	web.Register(r.server, op, func(ctx context.Context, in *I) ([]O, error) {
		out, err := h(ctx, in)
		if out == nil {
			out = []O{}
		}
		return out, err
	})
}

// Get registers a GET of one record. I is a struct with the path's wildcards and query parameters.
func Get[I, O any](r *Router, route string, h func(context.Context, *I) (O, error), opts ...web.Option) {
	web.Register(r.server, web.NewOperation(r.dialect, route, "Get", 200, h, opts...), h)
}

// Create registers a POST whose body is B, answered with 201.
func Create[B, O any](r *Router, route string, h func(context.Context, B) (O, error), opts ...web.Option) {
	type input struct{ Body B }
	op := web.NewOperation(r.dialect, route, "Create", 201, h, opts...)
	web.Register(r.server, op, func(ctx context.Context, in *input) (O, error) { return h(ctx, in.Body) })
}

// Update registers a PUT whose body is B, answered with 200. K is the type of the path's last wildcard.
func Update[K, B, O any](r *Router, route string, h func(context.Context, K, B) (O, error), opts ...web.Option) {
	type input struct {
		Key  K `path:"*"`
		Body B
	}
	op := web.NewOperation(r.dialect, route, "Update", 200, h, opts...)
	web.Register(r.server, op, func(ctx context.Context, in *input) (O, error) { return h(ctx, in.Key, in.Body) })
}

// Delete registers a DELETE, answered with 204. K is the type of the path's last wildcard.
func Delete[K any](r *Router, route string, h func(context.Context, K) error, opts ...web.Option) {
	type input struct {
		Key K `path:"*"`
	}
	op := web.NewOperation(r.dialect, route, "Delete", 204, h, opts...)
	web.Register(r.server, op, func(ctx context.Context, in *input) (web.Nothing, error) {
		return web.Nothing{}, h(ctx, in.Key)
	})
}

// Action registers a POST on one record, answered with 200 unless web.Status says otherwise; no body is read as {}.
func Action[K, B, O any](r *Router, route string, h func(context.Context, K, B) (O, error), opts ...web.Option) {
	type input struct {
		Key  K `path:"*"`
		Body B
	}
	op := web.NewOperation(r.dialect, route, "Action", 200, h, opts...)
	op.BodyOptional = true
	web.Register(r.server, op, func(ctx context.Context, in *input) (O, error) { return h(ctx, in.Key, in.Body) })
}

// Do registers anything else: I is a struct of path, query and header parameters, and Body when there is one. It is
// answered with 200 unless web.Status says otherwise.
func Do[I, O any](r *Router, route string, h func(context.Context, *I) (O, error), opts ...web.Option) {
	web.Register(r.server, web.NewOperation(r.dialect, route, "", 200, h, opts...), h)
}

// Handle registers an operation that reads the request and writes the answer itself; its errors are the notification groups API's.
func Handle(r *Router, route string, h func(http.ResponseWriter, *http.Request) error, opts ...web.Option) {
	r.server.Handle(web.NewOperation(r.dialect, route, "", 200, h, opts...), h)
}
