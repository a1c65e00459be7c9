// Package jsonapi is the dialect of the courier API: JSON:API documents in kebab-case, pages by limit and offset, and
// errors with a pointer or a parameter each. Handlers deal in attributes; the package adds and takes off the envelope.
//
// It is the part of JSON:API that courier has: no relationships, includes or links.
package jsonapi

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/web"
)

const (
	plainType = "application/json"
	vndType   = "application/vnd.api+json"
)

// Router registers operations of the courier API.
type Router struct {
	server  *web.Server
	dialect *web.Dialect
}

// New returns a router on a server. Several on one server are the same dialect as long as they come from one call.
func New(s *web.Server) *Router {
	return &Router{server: s, dialect: &web.Dialect{
		Name:        "courier",
		Reads:       map[string]web.Reader{plainType: web.ReadJSON, vndType: web.ReadJSON},
		Answer:      answerType,
		Answers:     []string{plainType, vndType},
		Error:       errorBody,
		ErrorSchema: errorSchema,
	}}
}

// Server returns the server that the router registers on.
func (r *Router) Server() *web.Server { return r.server }

// Dialect returns the dialect, for operations that are registered on the server itself.
func (r *Router) Dialect() *web.Dialect { return r.dialect }

// answerType is JSON:API's own media type only for those who ask for it by name and do not rather have plain JSON.
func answerType(r *http.Request) string {
	wanted := map[string]float64{}
	for _, accept := range r.Header["Accept"] {
		for one := range strings.SplitSeq(accept, ",") {
			name, quality := acceptable(one)
			wanted[name] = max(wanted[name], quality)
		}
	}
	if own := wanted[vndType]; own > 0 && own >= wanted[plainType] {
		return vndType
	}
	return plainType
}

// acceptable reads one element of an Accept header: a media type, and how much it is wanted. What cannot be read is not.
func acceptable(element string) (name string, quality float64) {
	name, params, err := mime.ParseMediaType(element)
	if err != nil {
		return "", 0
	}
	q, given := params["q"]
	if !given {
		return name, 1
	}
	if quality, err = strconv.ParseFloat(q, 64); err != nil {
		return "", 0
	}
	return name, quality
}

type errorDocument struct {
	Errors []errorObject `json:"errors"`
}

type errorObject struct {
	Status int            `json:"status"`
	Code   string         `json:"code"`
	Detail string         `json:"detail"`
	Source *errorSource   `json:"source,omitempty"`
	Meta   map[string]any `json:"meta,omitempty"`
}

type errorSource struct {
	Pointer   *string `json:"pointer,omitempty"` // "" is a pointer too: to the whole body
	Parameter string  `json:"parameter,omitempty"`
}

func errorBody(r *http.Request, status int, e *errs.Error) any {
	if len(e.Fields) == 0 {
		return errorDocument{[]errorObject{{Status: status, Code: e.Code.Name, Detail: e.Message, Meta: e.Meta}}}
	}
	prefix := ""
	if op := web.Matched(r.Context()); op != nil {
		prefix = op.Pointer
	}
	out := make([]errorObject, len(e.Fields))
	for i, f := range e.Fields {
		out[i] = errorObject{Status: status, Code: f.Code.Name, Detail: detail(e, f, prefix), Source: source(f, prefix), Meta: e.Meta}
	}
	return errorDocument{out}
}

// detail repeats the name, so that the text can be shown alone, unless the text is a sentence of its own.
func detail(e *errs.Error, f errs.Field, prefix string) string {
	if f.Message == e.Message {
		return f.Message
	}
	if f.In != errs.InBody {
		return strings.TrimSpace(f.Path + " " + f.Message)
	}
	if len(web.Segments(f.Path)) == 0 {
		return f.Message
	}
	return nameOf(web.Segments(web.Pointer(prefix, f.Path, kebab))) + " " + f.Message
}

// nameOf is what a person calls the place that a pointer leads to: the last step; for what stands in a list, all from the
// list on ("quiet-hours/0/day"), because an index says nothing alone.
func nameOf(steps []string) string {
	list := slices.IndexFunc(steps, web.IsIndex)
	switch {
	case list < 0:
		return steps[len(steps)-1]
	case list == 0: // of a body that is a list
		return "element " + strings.Join(steps, "/")
	}
	return strings.Join(steps[list-1:], "/")
}

func source(f errs.Field, prefix string) *errorSource {
	if f.In != errs.InBody {
		return &errorSource{Parameter: f.Path}
	}
	pointer := web.Pointer(prefix, f.Path, kebab)
	return &errorSource{Pointer: &pointer}
}

// kebab spells a step of a domain path as a member: individual_group_id as individual-group-id. What has capitals is
// no name of ours (en_US) and stays.
func kebab(step string) string {
	if strings.ToLower(step) != step {
		return step
	}
	return strings.ReplaceAll(step, "_", "-")
}

func errorSchema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	object := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"status", "code", "detail"},
		Properties: map[string]*huma.Schema{
			"status": {Type: huma.TypeInteger, Description: "The HTTP status."},
			"code":   {Type: huma.TypeString, Description: "A stable name; /errors/<code> explains it."},
			"detail": text,
			"source": {Type: huma.TypeObject, Properties: map[string]*huma.Schema{"pointer": text, "parameter": text}},
			"meta":   {Type: huma.TypeObject},
		},
	}
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"errors"},
		Properties: map[string]*huma.Schema{"errors": {Type: huma.TypeArray, Items: object}},
	}
}
