package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/web/schema"
)

// RawBody is a body that the handler reads itself, of any media type.
type RawBody struct {
	ContentType string // as sent
	Data        []byte
}

// Schema is that of bytes.
func (RawBody) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "binary"}
}

// bodyPlan is how the body of an operation is read.
type bodyPlan struct {
	index    []int
	raw      bool
	check    *schema.Checker
	defaults *defaults
}

func newBodyPlan(s *Server, op *Operation, f reflect.StructField) (*bodyPlan, *huma.Schema) {
	var form *huma.Schema
	if op.BodySchema != nil {
		form = op.BodySchema(s.registry)
	} else {
		form = s.registry.Schema(f.Type, true, operationID(op)+"-body")
	}
	return &bodyPlan{
		index: f.Index, raw: f.Type == reflect.TypeFor[RawBody](),
		check: schema.Compile(s.registry, form), defaults: findDefaults(f.Type),
	}, form
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// bind reads, checks and decodes the body. An error is final; fields may be joined by others.
func (p *bodyPlan) bind(r *http.Request, op *Operation, in reflect.Value) (errs.Fields, error) {
	buf := bodies.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= keepBuffer {
			buf.Reset()
			bodies.Put(buf)
		}
	}()
	if err := readBody(buf, r, op.MaxBody); err != nil {
		return nil, err
	}
	dst := in.FieldByIndex(p.index)
	if p.raw {
		dst.Set(reflect.ValueOf(RawBody{ContentType: r.Header.Get("Content-Type"), Data: bytes.Clone(buf.Bytes())}))
		return nil, nil
	}
	tree, asJSON, err := p.parse(r, op, buf.Bytes())
	if err != nil {
		return nil, err
	}
	if wrong := p.check.Check(tree); len(wrong) > 0 {
		return wrong, nil
	}
	if err := json.Unmarshal(asJSON, dst.Addr().Interface()); err != nil {
		return undecoded(dst.Type(), tree, err), nil
	}
	p.defaults.apply(dst, tree)
	return nil, nil
}

func (p *bodyPlan) parse(r *http.Request, op *Operation, body []byte) (tree any, asJSON []byte, err error) {
	if len(body) == 0 {
		if !op.BodyOptional {
			return nil, nil, errs.CodeMalformed.Errorf("the request has no body")
		}
		return map[string]any{}, []byte("{}"), nil
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, nil, errs.CodeUnsupported.Errorf("a body with a content encoding is not read here")
	}
	read, params, err := reader(op.dialect(), r.Header.Get("Content-Type"))
	if err != nil {
		return nil, nil, err
	}
	tree, asJSON, err = read(body, params, p.check)
	if err == nil && tree == nil && op.BodyOptional {
		return map[string]any{}, []byte("{}"), nil
	}
	return tree, asJSON, err
}

// reader picks what reads a media type. A body without one is JSON.
func reader(d *Dialect, contentType string) (Reader, map[string]string, error) {
	if contentType == "" || contentType == "application/json" {
		return ReadJSON, nil, nil
	}
	name, params, err := mime.ParseMediaType(contentType)
	read, ok := d.Reads[name]
	if cs, given := params["charset"]; err != nil || !ok || given && !strings.EqualFold(cs, "utf-8") {
		return nil, nil, errs.CodeUnsupported.Errorf("a body of type %q is not read here", strings.ToValidUTF8(contentType, "�"))
	}
	return read, params, nil
}

// readBody reads at most limit bytes.
func readBody(buf *bytes.Buffer, r *http.Request, limit int64) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	if r.ContentLength > limit {
		return errs.CodeTooLarge.Errorf("the body is larger than %d bytes", limit)
	}
	n, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	if n > limit {
		return errs.CodeTooLarge.Errorf("the body is larger than %d bytes", limit)
	}
	if e := tooLarge(err); e != nil {
		return e
	}
	if e, ok := errors.AsType[*errs.Error](err); ok { // from middleware that reads along
		return e
	}
	if err != nil {
		return errs.CodeMalformed.Errorf("the body could not be read to its end").Because(err)
	}
	return nil
}
