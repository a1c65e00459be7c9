package web

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
)

// Checked is an input that has more to say about itself than its schema, such as two parameters that exclude each
// other. Check runs after binding; its error is answered as the handler's would be.
type Checked interface{ Check() error }

// Register adds an operation whose input is bound from the request and whose answer is encoded.
//
// In is a struct. Fields tagged path, query or header are parameters (path:"*" is the last wildcard of the route);
// pointers, Opt, slices and types with UnmarshalText are understood, and huma's tags (required, default, enum, minimum,
// maximum, maxLength, pattern, doc, hidden, …) apply. A field named Body is the decoded body, or the bytes of it when
// it is a RawBody. Members of a body are required unless they have omitempty, omitzero or required:"false".
//
// It panics when the input cannot be bound or the route is taken: that is a mistake in the program.
func Register[In, Out any](s *Server, op Operation, h func(context.Context, *In) (Out, error)) {
	b := newBinder(s, &op, reflect.TypeFor[In]())
	s.addToDocument(&op, b.params, b.bodySchema, reflect.TypeFor[Out]())
	s.route(op, func(w http.ResponseWriter, r *http.Request) {
		in := new(In)
		if err := b.bind(r, reflect.ValueOf(in).Elem()); err != nil {
			WriteError(w, r, err)
			return
		}
		if c, ok := any(in).(Checked); ok {
			if err := c.Check(); err != nil {
				WriteError(w, r, err)
				return
			}
		}
		out, err := h(r.Context(), in)
		if err == nil {
			err = write(w, r, op.Status, out)
		}
		if err != nil {
			WriteError(w, r, err)
		}
	})
}

// RegisterRaw adds an operation that is documented as Register would, by the types of its input and answer, but reads
// the request and writes the answer itself.
func RegisterRaw[In, Out any](s *Server, op Operation, h func(http.ResponseWriter, *http.Request) error) {
	b := newBinder(s, &op, reflect.TypeFor[In]())
	s.addToDocument(&op, b.params, b.bodySchema, reflect.TypeFor[Out]())
	s.route(op, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			WriteError(w, r, err)
		}
	})
}

// binder fills an input from a request. It is made once for each operation.
type binder struct {
	op         *Operation
	params     []param
	byName     map[string]int // query parameters
	body       *bodyPlan
	bodySchema *huma.Schema
}

func newBinder(s *Server, op *Operation, in reflect.Type) *binder {
	if in.Kind() != reflect.Struct {
		panic("web: the input of " + op.Route() + " is no struct")
	}
	b := &binder{op: op, byName: map[string]int{}}
	b.params = findParams(s.registry, op, in, nil)
	for i, p := range b.params {
		if p.in == errs.InQuery {
			b.byName[p.name] = i
			if p.multi {
				b.byName[p.name+"[]"] = i
			}
		}
	}
	if f, ok := in.FieldByName("Body"); ok {
		b.body, b.bodySchema = newBodyPlan(s, op, f)
	}
	return b
}

// bind fills in. All that is wrong with parameters and body is reported at once, as far as the body can be read.
func (b *binder) bind(r *http.Request, in reflect.Value) error {
	fields, err := b.bindParams(r, in)
	if err != nil {
		return err
	}
	code := errs.CodeParameter
	if b.body != nil {
		wrong, err := b.body.bind(r, b.op, in)
		if err != nil {
			return err
		}
		if len(wrong) > 0 {
			code = errs.CodeInvalid
			fields = append(fields, wrong...)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	message := "the request has parameters that are not valid"
	if code.Kind == errs.Invalid {
		message = "the request has values that are not valid"
	}
	return &errs.Error{Code: code, Message: message, Fields: fields}
}
