package jsonapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
)

// Resource is one record as it is answered. A is a struct with kebab-case names.
type Resource[A any] struct {
	ID id.ID
	// Key stands in for ID where identifiers are no UUIDs. With neither, the record is answered without one.
	Key string
	// Type is the type member; empty means that of the operation.
	Type       string
	Attributes A
}

// Time is an instant, as web.Time spells it.
type Time = web.Time

// At is an instant for the wire.
func At(t time.Time) Time { return Time{Time: t} }

// Ref is a record that is named by its identifier only: {"id": "…"}.
type Ref struct {
	ID id.ID `json:"id" nullable:"false"`
}

// RefTo returns a reference, or nil for the zero identifier, which is encoded as null.
func RefTo(i id.ID) *Ref {
	if i.IsZero() {
		return nil
	}
	return &Ref{i}
}

// Document is a document that a handler makes itself, for its own meta. Elsewhere a handler returns the Resource.
type Document[A any] struct {
	Data Resource[A]
	Meta any // nil: {}
}

// Collection is several resources that an operation other than a list answers, such as the logs of a record.
type Collection[A any] struct {
	Items         []Resource[A]
	Limit, Offset int // zero Limit: all there are
	Total         int
}

// wire is a resource as it is encoded.
type wire[A any] struct {
	ID         string `json:"id,omitempty"`
	Type       string `json:"type"`
	Attributes A      `json:"attributes"`
}

func (r Resource[A]) wire(typ string) wire[A] {
	w := wire[A]{ID: r.Key, Type: r.Type, Attributes: r.Attributes}
	if w.ID == "" && !r.ID.IsZero() {
		w.ID = r.ID.String()
	}
	if w.Type == "" {
		w.Type = typ
	}
	return w
}

type envelope struct {
	Data any `json:"data"`
	Meta any `json:"meta"`
}

type pageMeta struct {
	Limit  int `json:"page[limit]"`
	Offset int `json:"page[offset]"`
	Total  int `json:"page[total]"`
}

var noMeta = struct{}{}

// enveloper is what becomes a document when it is returned.
type enveloper interface {
	envelope(typ string) any
	schema(r huma.Registry, typ string) *huma.Schema
}

func (r Resource[A]) envelope(typ string) any { return envelope{r.wire(typ), noMeta} }

func (d Document[A]) envelope(typ string) any {
	if d.Meta == nil {
		d.Meta = noMeta
	}
	return envelope{d.Data.wire(typ), d.Meta}
}

func (c Collection[A]) envelope(typ string) any {
	meta := pageMeta{c.Limit, c.Offset, max(c.Total, len(c.Items))}
	if c.Limit == 0 {
		meta.Limit = len(c.Items)
	}
	return listOf(page.List[Resource[A]]{Items: c.Items}, typ, meta)
}

func (Collection[A]) schema(r huma.Registry, typ string) *huma.Schema {
	return listSchema(r, reflect.TypeFor[A](), typ)
}

func (Resource[A]) schema(r huma.Registry, typ string) *huma.Schema {
	return answerSchema(resourceSchema(r, reflect.TypeFor[A](), typ))
}

func (Document[A]) schema(r huma.Registry, typ string) *huma.Schema {
	return Resource[A]{}.schema(r, typ)
}

func listOf[A any](l page.List[Resource[A]], typ string, meta pageMeta) any {
	data := make([]wire[A], len(l.Items))
	for i, item := range l.Items {
		data[i] = item.wire(typ)
	}
	return envelope{data, meta}
}

func listSchema(r huma.Registry, attributes reflect.Type, typ string) *huma.Schema {
	number := &huma.Schema{Type: huma.TypeInteger}
	s := answerSchema(&huma.Schema{Type: huma.TypeArray, Items: resourceSchema(r, attributes, typ)})
	s.Properties["meta"] = &huma.Schema{
		Type: huma.TypeObject, Required: []string{"page[limit]", "page[offset]", "page[total]"},
		Properties: map[string]*huma.Schema{"page[limit]": number, "page[offset]": number, "page[total]": number},
	}
	return s
}

func resourceSchema(r huma.Registry, attributes reflect.Type, typ string) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"attributes", "type"},
		Properties: map[string]*huma.Schema{
			"id":         {Type: huma.TypeString},
			"type":       {Type: huma.TypeString, Examples: []any{typ}},
			"attributes": r.Schema(attributes, true, typ+"-attributes"),
		},
	}
}

func answerSchema(data *huma.Schema) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"data", "meta"},
		Properties: map[string]*huma.Schema{"data": data, "meta": {Type: huma.TypeObject}},
	}
}

// writeDocument is the body of a create or an update.
type writeDocument[A any] struct {
	Data struct {
		ID         string `json:"id"`
		Type       string `json:"type"`
		Attributes A      `json:"attributes"`
	} `json:"data"`
	Meta json.RawMessage `json:"meta"`
}

// writeSchema is the schema of the body of a create, or of an update when withID.
func writeSchema(attributes reflect.Type, typ string, withID bool) func(huma.Registry) *huma.Schema {
	return func(r huma.Registry) *huma.Schema {
		data := &huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"attributes", "type"},
			Properties: map[string]*huma.Schema{
				"type":       {Type: huma.TypeString, Enum: []any{typ}},
				"attributes": r.Schema(attributes, true, typ+"-attributes"),
			},
		}
		if withID {
			data.Properties["id"] = &huma.Schema{Type: huma.TypeString}
			data.Required = append(data.Required, "id")
		}
		return &huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"data"},
			Properties: map[string]*huma.Schema{"data": data, "meta": {Type: huma.TypeObject}},
		}
	}
}

// ByID is the input of operations on one record, to be embedded where they take parameters.
type ByID struct {
	ID id.ID `path:"id" doc:"Resource identifier"`
}

// Type sets the type member of the documents of an operation, where it is not the first segment of the path.
func Type(name string) web.Option { return func(op *web.Operation) { op.Type = name } }

// PageLimit sets the bounds of page[limit] for one list; a fallback below least makes the parameter have none, and
// the handler is then given most.
func PageLimit(least, most, fallback int) web.Option {
	return web.Limits("page[limit]", web.Range{Min: least, Max: most, Default: fallback})
}

// List registers a GET that answers a page of resources. I is a struct of query parameters that embeds Page; one that
// does not gives lists without paging.
func List[I, A any](r *Router, route string, h func(context.Context, *I) (page.List[Resource[A]], error), opts ...web.Option) {
	op := web.NewOperation(r.dialect, route, "List", 200, h, opts...)
	op.AnswerSchema = func(reg huma.Registry) *huma.Schema {
		return listSchema(reg, reflect.TypeFor[A](), op.Type)
	}
	typ, most := op.Type, 0
	if limits, ok := op.Ranges["page[limit]"]; ok && limits.Default < limits.Min {
		most = limits.Max
	}
	web.Register(r.server, op, func(ctx context.Context, in *I) (any, error) {
		p, paged := any(in).(pager)
		if paged && most > 0 {
			p.limit(most)
		}
		l, err := h(ctx, in)
		if err != nil {
			return nil, err
		}
		meta := pageMeta{Limit: len(l.Items), Total: max(l.Total, len(l.Items))}
		if paged {
			want := p.want()
			meta = pageMeta{Limit: want.Limit, Offset: want.Offset, Total: l.Total}
		}
		return listOf(l, typ, meta), nil
	})
}

// Get registers a GET that answers one resource. I is ByID or a struct that embeds it.
func Get[I, O any](r *Router, route string, h func(context.Context, *I) (O, error), opts ...web.Option) {
	Do(r, route, h, append([]web.Option{func(op *web.Operation) { op.Verb = "Get" }}, opts...)...)
}

// Create registers a POST of a document {data: {type, attributes}}, answered with 201. The handler is given the
// attributes, decoded and checked; members are required unless they say otherwise.
func Create[A, O any](r *Router, route string, h func(context.Context, A) (O, error), opts ...web.Option) {
	type input struct{ Body writeDocument[A] }
	op := web.NewOperation(r.dialect, route, "Create", 201, h, opts...)
	op.Pointer = "/data/attributes"
	op.BodySchema = writeSchema(reflect.TypeFor[A](), op.Type, false)
	register(r, op, func(ctx context.Context, in *input) (O, error) { return h(ctx, in.Body.Data.Attributes) })
}

// Update registers a PATCH of a document {data: {type, id, attributes}} whose id is that of the path. The handler is
// given both. Attributes that tell null from absent are web.Opt; A may also be a slice (JSON-Patch-like operations).
func Update[A, O any](r *Router, route string, h func(context.Context, id.ID, A) (O, error), opts ...web.Option) {
	type input struct {
		ID   id.ID `path:"*" doc:"Resource identifier"`
		Body writeDocument[A]
	}
	op := web.NewOperation(r.dialect, route, "Update", 200, h, opts...)
	op.Pointer = "/data/attributes"
	op.BodySchema = writeSchema(reflect.TypeFor[A](), op.Type, true)
	register(r, op, func(ctx context.Context, in *input) (O, error) {
		if given, err := id.Parse(in.Body.Data.ID); err != nil || given != in.ID {
			var none O
			return none, errs.InvalidField("/data/id", "must be the identifier of the path")
		}
		return h(ctx, in.ID, in.Body.Data.Attributes)
	})
}

// Delete registers a DELETE of one record, answered with 204.
func Delete(r *Router, route string, h func(context.Context, id.ID) error, opts ...web.Option) {
	type input struct {
		ID id.ID `path:"*" doc:"Resource identifier"`
	}
	op := web.NewOperation(r.dialect, route, "Delete", 204, h, opts...)
	web.Register(r.server, op, func(ctx context.Context, in *input) (web.Nothing, error) {
		return web.Nothing{}, h(ctx, in.ID)
	})
}

// Action registers a POST on one record with a plain body, answered with 201 unless web.Status says otherwise. B is a
// struct; no body is read as {}. O is a Resource, a Document or any value, which is then answered without envelope.
func Action[B, O any](r *Router, route string, h func(context.Context, id.ID, B) (O, error), opts ...web.Option) {
	type input struct {
		ID   id.ID `path:"*" doc:"Resource identifier"`
		Body B
	}
	op := web.NewOperation(r.dialect, route, "Action", 201, h, opts...)
	op.BodyOptional = true
	register(r, op, func(ctx context.Context, in *input) (O, error) { return h(ctx, in.ID, in.Body) })
}

// Do registers anything else: I is a struct of path, query and header parameters, and Body when there is a plain one.
// O is answered as by Action, with 200, or 201 for a POST.
func Do[I, O any](r *Router, route string, h func(context.Context, *I) (O, error), opts ...web.Option) {
	op := web.NewOperation(r.dialect, route, "", 200, h, statusOfPost(opts)...)
	register(r, op, h)
}

func statusOfPost(opts []web.Option) []web.Option {
	return append([]web.Option{func(op *web.Operation) {
		if op.Method == "POST" {
			op.Status = 201
		}
	}}, opts...)
}

// Returns documents the answer of a handler that returns any; T is what it may return.
func Returns[T any]() web.Option {
	return func(op *web.Operation) {
		op.AnswerSchema = func(reg huma.Registry) *huma.Schema { return schemaOf(reg, reflect.TypeFor[T](), op.Type) }
	}
}

// Handle registers an operation that reads the request and writes the answer itself; its errors are courier's.
func Handle(r *Router, route string, h func(http.ResponseWriter, *http.Request) error, opts ...web.Option) {
	r.server.Handle(web.NewOperation(r.dialect, route, "", 200, h, statusOfPost(opts)...), h)
}

// register puts the envelope around what is one.
func register[I, O any](r *Router, op web.Operation, h func(context.Context, *I) (O, error)) {
	typ := op.Type
	if op.AnswerSchema == nil {
		op.AnswerSchema = func(reg huma.Registry) *huma.Schema { return schemaOf(reg, reflect.TypeFor[O](), typ) }
	}
	web.Register(r.server, op, func(ctx context.Context, in *I) (any, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, err
		}
		return enclose(out, typ), nil
	})
}

// schemaOf describes an answer; nil when its type says nothing.
func schemaOf(reg huma.Registry, out reflect.Type, typ string) *huma.Schema {
	if out.Kind() == reflect.Interface {
		return nil
	}
	switch v := reflect.Zero(out).Interface().(type) {
	case enveloper:
		return v.schema(reg, typ)
	case web.Answerer:
		return nil
	}
	return reg.Schema(out, true, typ+"-answer")
}

// enclose puts the envelope around a value, or around the one that is answered with another status.
func enclose(v any, typ string) any {
	switch v := v.(type) {
	case enveloper:
		return v.envelope(typ)
	case web.WithStatus:
		v.Value = enclose(v.Value, typ)
		return v
	}
	return v
}
