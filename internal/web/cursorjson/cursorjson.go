// Package cursorjson is the dialect of the groups API: snake_case objects, pages next to a cursor, identifiers in
// their short form, instants as Unix seconds, and bodies as JSON or as either kind of form.
package cursorjson

import (
	"cmp"
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/page"
	"switchboard/internal/web"
)

// Router registers operations of the groups API.
type Router struct {
	server  *web.Server
	dialect *web.Dialect
}

// New returns a router on a server. Several on one server are the same dialect as long as they come from one call.
func New(s *web.Server) *Router {
	return &Router{server: s, dialect: &web.Dialect{
		Name: "groups",
		Reads: map[string]web.Reader{
			"application/json":                  web.ReadJSON,
			"application/x-www-form-urlencoded": readForm,
			"multipart/form-data":               readMultipart,
		},
		Error:       func(r *http.Request, status int, e *errs.Error) any { return errorBody(s, r, status, e) },
		ErrorSchema: errorSchema,
		Basic:       true,
	}}
}

// Server returns the server that the router registers on.
func (r *Router) Server() *web.Server { return r.server }

// Dialect returns the dialect, for operations that are registered on the server itself.
func (r *Router) Dialect() *web.Dialect { return r.dialect }

type errorAnswer struct {
	Type             string `json:"type"`
	Message          string `json:"message"`
	DocumentationURL string `json:"documentation_url"`
}

func errorBody(s *web.Server, r *http.Request, status int, e *errs.Error) any {
	out := errorAnswer{Type: "invalid_request", Message: web.Sentence(e)}
	if status >= http.StatusInternalServerError {
		out.Type = "api_error"
	}
	code := e.Code
	if len(e.Fields) > 0 {
		code = e.Fields[0].Code
	}
	out.DocumentationURL = s.BaseURL(r) + "/errors/" + code.Name
	return out
}

func errorSchema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"type", "message", "documentation_url"},
		Properties: map[string]*huma.Schema{
			"type":    {Type: huma.TypeString, Enum: []any{"invalid_request", "api_error"}},
			"message": text, "documentation_url": text,
		},
	}
}

// Page is the page that a list is asked for, to be embedded in its parameters.
type Page struct {
	Limit         int `query:"limit" minimum:"1" maximum:"100" default:"10" doc:"How many to answer"`
	StartingAfter ID  `query:"starting_after" doc:"The page that follows this record"`
	EndingBefore  ID  `query:"ending_before" doc:"The page that ends just before this record"`
	// Endding is how clients of old spell EndingBefore.
	Endding ID `query:"endding_before" hidden:"true"`
}

// Cursor is the page in the domain's words.
func (p *Page) Cursor() page.Cursor {
	return page.Cursor{Limit: p.Limit, After: p.StartingAfter.ID(), Before: cmp.Or(p.EndingBefore, p.Endding).ID()}
}

type pager interface{ check() error }

func (p *Page) check() error {
	before := cmp.Or(p.EndingBefore, p.Endding)
	if !before.IsZero() && !p.StartingAfter.IsZero() {
		return errs.InvalidParameter("ending_before", "cannot be given together with starting_after")
	}
	return nil
}

// UnknownCursor is the error of a list whose cursor names no record that the caller may see.
func UnknownCursor(c page.Cursor) error {
	if c.After.IsZero() {
		return errs.InvalidParameter("ending_before", "names no record of this list")
	}
	return errs.InvalidParameter("starting_after", "names no record of this list")
}

type listAnswer[O any] struct {
	HasMore bool `json:"has_more"`
	Data    []O  `json:"data"`
}

// List registers a GET that answers a page. I is a struct of query parameters that embeds Page.
func List[I, O any](r *Router, route string, h func(context.Context, *I) (page.List[O], error), opts ...web.Option) {
	op := web.NewOperation(r.dialect, route, "List", 200, h, opts...)
	op.AnswerSchema = func(reg huma.Registry) *huma.Schema {
		return &huma.Schema{
			Type: huma.TypeObject, Required: []string{"has_more", "data"},
			Properties: map[string]*huma.Schema{
				"has_more": {Type: huma.TypeBoolean},
				"data":     {Type: huma.TypeArray, Items: reg.Schema(reflect.TypeFor[O](), true, "")},
			},
		}
	}
	web.Register(r.server, op, func(ctx context.Context, in *I) (listAnswer[O], error) {
		if p, ok := any(in).(pager); ok {
			if err := p.check(); err != nil {
				return listAnswer[O]{}, err
			}
		}
		l, err := h(ctx, in)
		if l.Items == nil {
			l.Items = []O{}
		}
		return listAnswer[O]{HasMore: l.More, Data: l.Items}, err
	})
}

// ByID is the input of a GET of one record, to be embedded where it takes parameters.
type ByID struct {
	ID ID `path:"id"`
}

// Get registers a GET of one record. I is ByID or a struct that embeds it.
func Get[I, O any](r *Router, route string, h func(context.Context, *I) (O, error), opts ...web.Option) {
	web.Register(r.server, web.NewOperation(r.dialect, route, "Get", 200, h, opts...), h)
}

// Create registers a POST whose body is B, answered with 201.
func Create[B, O any](r *Router, route string, h func(context.Context, B) (O, error), opts ...web.Option) {
	type input struct{ Body B }
	op := web.NewOperation(r.dialect, route, "Create", 201, h, opts...)
	web.Register(r.server, op, func(ctx context.Context, in *input) (O, error) { return h(ctx, in.Body) })
}

// Update registers a PUT whose body is B, answered with 200. Members that tell null from absent are web.Opt.
func Update[B, O any](r *Router, route string, h func(context.Context, ID, B) (O, error), opts ...web.Option) {
	type input struct {
		ID   ID `path:"*"`
		Body B
	}
	op := web.NewOperation(r.dialect, route, "Update", 200, h, opts...)
	op.BodyOptional = true
	web.Register(r.server, op, func(ctx context.Context, in *input) (O, error) { return h(ctx, in.ID, in.Body) })
}

// Delete registers a DELETE, answered with 204 and no body.
func Delete(r *Router, route string, h func(context.Context, ID) error, opts ...web.Option) {
	type input struct {
		ID ID `path:"*"`
	}
	op := web.NewOperation(r.dialect, route, "Delete", 204, h, opts...)
	web.Register(r.server, op, func(ctx context.Context, in *input) (web.Nothing, error) {
		return web.Nothing{}, h(ctx, in.ID)
	})
}

// Do registers anything else: I is a struct of path, query and header parameters, and Body when there is one. It is
// answered with 200 unless web.Status says otherwise.
func Do[I, O any](r *Router, route string, h func(context.Context, *I) (O, error), opts ...web.Option) {
	web.Register(r.server, web.NewOperation(r.dialect, route, "", 200, h, opts...), h)
}

// Handle registers an operation that reads the request and writes the answer itself; its errors are the groups API's.
func Handle(r *Router, route string, h func(http.ResponseWriter, *http.Request) error, opts ...web.Option) {
	r.server.Handle(web.NewOperation(r.dialect, route, "", 200, h, opts...), h)
}
