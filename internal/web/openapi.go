package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
)

// newDocument begins the OpenAPI document.
func newDocument(o Options) *huma.OpenAPI {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: o.Title, Version: o.Version, Description: o.Description},
		Components: &huma.Components{SecuritySchemes: map[string]*huma.SecurityScheme{
			"bearer": {Type: "http", Scheme: "bearer", Description: "An API key, or an access token from POST /oauth/token."},
			"basic":  {Type: "http", Scheme: "basic", Description: "User name and password, over TLS or from the same machine."},
		}},
		Paths: map[string]*huma.PathItem{},
	}
	if o.BaseURL != "" {
		doc.Servers = []*huma.Server{{URL: o.BaseURL}}
	}
	return doc
}

// described is an operation as the document will tell of it. It is kept until all are known, because what a type is called
// in an answer depends on whether any body is read as it.
type described struct {
	op     Operation
	params []param
	body   *huma.Schema
	out    reflect.Type
}

// addToDocument notes an operation for the document.
func (s *Server) addToDocument(op *Operation, params []param, body *huma.Schema, out reflect.Type) {
	if !op.Hidden {
		s.described = append(s.described, described{*op, params, body, out})
	}
}

// describe adds an operation to a document.
func (s *Server) describe(doc *huma.OpenAPI, d described) {
	op := &d.op
	o := &huma.Operation{
		Method: op.Method, Path: op.Path, OperationID: operationID(op), Tags: []string{op.Resource},
		Summary: cmp.Or(op.Summary, summaryOf(op)), Description: op.Doc, Security: security(op),
		Responses: map[string]*huma.Response{}, Deprecated: op.Deprecated,
		Extensions: map[string]any{"x-api": op.dialect().Name},
	}
	if !op.Public {
		o.Extensions["x-scope"] = op.Scope()
	}
	for _, p := range d.params {
		if !p.hidden {
			o.Parameters = append(o.Parameters, p.document())
		}
	}
	s.documentWildcards(o)
	if d.body != nil {
		o.RequestBody = &huma.RequestBody{Required: !op.BodyOptional, Content: content(s.registry, op.reads(), d.body, o.OperationID+"-body")}
	}
	s.describeAnswers(o, op, d.out)
	doc.AddOperation(o)
}

// describeAnswers lists the statuses of success, which share a body, and lets "default" stand for every error.
func (s *Server) describeAnswers(o *huma.Operation, op *Operation, out reflect.Type) {
	form := s.answerSchema(op, out)
	for _, status := range append([]int{cmp.Or(op.Status, http.StatusOK)}, op.Statuses...) {
		success := &huma.Response{Description: cmp.Or(http.StatusText(status), "Success")}
		if form != nil && status != http.StatusNoContent {
			success.Content = content(s.answers, op.answers(), form, o.OperationID+"-answer")
		}
		o.Responses[strconv.Itoa(status)] = success
	}
	failure := s.errorSchema(op.dialect())
	if op.ErrorSchema != nil {
		failure = &huma.Schema{AnyOf: []*huma.Schema{op.ErrorSchema(s.answers), failure}}
	}
	o.Responses["default"] = &huma.Response{Description: "An error; its code is explained at /errors.", Content: content(s.answers, op.answersOfErrors(), failure, "")}
}

func (p *param) document() *huma.Param {
	in := map[errs.Place]string{errs.InQuery: "query", errs.InPath: "path", errs.InHeader: "header", errs.InBody: ""}[p.in]
	out := &huma.Param{Name: p.name, In: in, Required: p.required, Schema: p.schema, Description: p.schema.Description, Deprecated: p.schema.Deprecated}
	if p.multi && p.in == errs.InQuery {
		explode := true
		out.Style, out.Explode = "form", &explode
	}
	return out
}

// documentWildcards adds the wildcards that no input names: those of operations that read the request themselves.
func (s *Server) documentWildcards(o *huma.Operation) {
	for seg := range strings.SplitSeq(o.Path, "/") {
		if !strings.HasPrefix(seg, "{") {
			continue
		}
		name := strings.TrimSuffix(strings.Trim(seg, "{}"), "...")
		if !slices.ContainsFunc(o.Parameters, func(p *huma.Param) bool { return p.In == "path" && p.Name == name }) {
			o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	o.Path = strings.ReplaceAll(o.Path, "...}", "}")
}

// content is a body in several media types. A shape that has no name gets one, so as not to stand there several times.
func content(r huma.Registry, types []string, form *huma.Schema, name string) map[string]*huma.MediaType {
	if len(types) > 1 && form.Ref == "" && form.Properties != nil {
		r.Map()[name] = form
		form = &huma.Schema{Ref: schemaPrefix + name}
	}
	out := make(map[string]*huma.MediaType, len(types))
	for _, t := range types {
		out[t] = &huma.MediaType{Schema: form}
	}
	return out
}

func (op *Operation) reads() []string {
	if op.Reads != nil {
		return op.Reads
	}
	return slices.Sorted(maps.Keys(op.dialect().Reads))
}

func (op *Operation) answers() []string {
	if op.Answers != nil {
		return op.Answers
	}
	return op.answersOfErrors()
}

func (op *Operation) answersOfErrors() []string {
	if d := op.dialect(); d.Answers != nil {
		return d.Answers
	}
	return []string{"application/json"}
}

func (s *Server) answerSchema(op *Operation, out reflect.Type) *huma.Schema {
	switch {
	case op.AnswerSchema != nil && op.Answers == nil:
		return op.AnswerSchema(s.answers)
	case op.Answers != nil:
		return &huma.Schema{Type: huma.TypeString, Format: "binary"}
	case out == nil || out.Implements(reflect.TypeFor[Answerer]()) || out.Kind() == reflect.Interface:
		return nil
	}
	return s.answers.Schema(out, true, operationID(op)+"-answer")
}

// errorSchema is a reference to the dialect's error body, which stands once among the components.
func (s *Server) errorSchema(d *Dialect) *huma.Schema {
	if _, ok := s.errNames[d]; !ok {
		name := "Error"
		if d != neutral {
			name = d.Name + ".Error"
		}
		s.answers.Map()[name] = d.ErrorSchema(s.answers)
		s.errNames[d] = &huma.Schema{Ref: schemaPrefix + name}
	}
	return s.errNames[d]
}

func security(op *Operation) []map[string][]string {
	if op.Public {
		return []map[string][]string{{}}
	}
	out := []map[string][]string{{"bearer": {}}}
	if op.dialect().Basic {
		out = append(out, map[string][]string{"basic": {}})
	}
	return out
}

// operationID is "get-v1-messaging-channels-id": unique, because routes are.
func operationID(op *Operation) string {
	words := strings.FieldsFunc(op.Path, func(r rune) bool { return strings.ContainsRune("/{}.", r) })
	return strings.Join(append([]string{strings.ToLower(op.Method)}, words...), "-")
}

// summaryOf derives a line from what the operation does: "List messaging channels", "Archive (messaging channels)".
func summaryOf(op *Operation) string {
	things := strings.ReplaceAll(op.Resource, "-", " ")
	last := strings.Trim(op.Path, "/")
	last = last[strings.LastIndexByte(last, '/')+1:]
	if op.Verb == "" || op.Verb == "Action" || last != op.Resource && !strings.HasPrefix(last, "{") {
		if strings.HasPrefix(last, "{") || last == "" {
			return op.Method + " " + op.Path
		}
		words := strings.ReplaceAll(last, "-", " ")
		return strings.ToUpper(words[:1]) + words[1:] + " (" + things + ")"
	}
	if op.Verb == "List" {
		return "List " + things
	}
	return op.Verb + " one of the " + things
}

// document is the OpenAPI document as it is sent.
type document struct{ json, yaml []byte }

// render is called once, when the document is first asked for, and so after everything was registered.
func (s *Server) render() (document, error) {
	doc := newDocument(s.opt)
	for _, d := range s.described {
		s.describe(doc, d)
	}
	asAnswered(s.answers)
	components := newRegistry(nil)
	maps.Copy(components.Map(), s.registry.Map())
	maps.Copy(components.Map(), s.answers.Map())
	doc.Components.Schemas = components
	tags, seen := map[string]bool{}, map[*huma.Schema]bool{}
	for _, form := range components.Map() {
		spellNull(form, seen)
	}
	for _, item := range doc.Paths {
		for _, o := range operations(item) {
			spellNullIn(o, seen)
			for _, t := range o.Tags {
				tags[t] = true
			}
		}
	}
	for _, t := range slices.Sorted(maps.Keys(tags)) {
		doc.Tags = append(doc.Tags, &huma.Tag{Name: t})
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return document{}, fmt.Errorf("encoding the OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", " "); err != nil {
		return document{}, err
	}
	yaml, err := doc.YAML()
	return document{out.Bytes(), yaml}, err
}

func spellNullIn(o *huma.Operation, seen map[*huma.Schema]bool) {
	for _, p := range o.Parameters {
		spellNull(p.Schema, seen)
	}
	bodies := []map[string]*huma.MediaType{}
	if o.RequestBody != nil {
		bodies = append(bodies, o.RequestBody.Content)
	}
	for _, r := range o.Responses {
		bodies = append(bodies, r.Content)
	}
	for _, b := range bodies {
		for _, m := range b {
			spellNull(m.Schema, seen)
		}
	}
}

func operations(i *huma.PathItem) []*huma.Operation {
	return slices.DeleteFunc([]*huma.Operation{i.Get, i.Post, i.Put, i.Patch, i.Delete, i.Head, i.Options, i.Trace},
		func(o *huma.Operation) bool { return o == nil })
}

// OpenAPI returns the document as JSON. Call it after everything was registered; it is made once.
func (s *Server) OpenAPI() ([]byte, error) {
	d, err := s.document()
	return d.json, err
}
