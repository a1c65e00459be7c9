package web

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Opt is a member of a body that tells absent, null and a value apart, for updates where null clears and absence
// leaves alone. Declare it with omitzero, which also makes it optional: `json:"name,omitzero"`. Tags such as maxLength
// apply to the value; a default tag does not work here.
type Opt[T any] struct {
	Set   bool // the member was there
	Null  bool // it was null; Value is zero
	Value T
}

// Some is an Opt that holds a value.
func Some[T any](v T) Opt[T] { return Opt[T]{Set: true, Value: v} }

// Null is an Opt that is set to null.
func Null[T any]() Opt[T] { return Opt[T]{Set: true, Null: true} }

// Get returns the value and whether there is one: neither absent nor null.
func (o Opt[T]) Get() (T, bool) { return o.Value, o.Set && !o.Null }

// Or returns the value, or what stands for it when there is none.
func (o Opt[T]) Or(fallback T) T {
	if o.Set && !o.Null {
		return o.Value
	}
	return fallback
}

// Ptr returns nil when the member was absent, and otherwise a pointer to the value, which is zero for null. It fits
// domain types whose patch fields are pointers.
func (o Opt[T]) Ptr() *T {
	if !o.Set {
		return nil
	}
	return &o.Value
}

// IsZero tells whether the member was absent; encoding/json's omitzero uses it.
func (o Opt[T]) IsZero() bool { return !o.Set }

// UnmarshalJSON reads a member that is there, be it null.
func (o *Opt[T]) UnmarshalJSON(data []byte) error {
	*o = Opt[T]{Set: true}
	if bytes.Equal(data, []byte("null")) {
		o.Null = true
		return nil
	}
	return json.Unmarshal(data, &o.Value)
}

// MarshalJSON writes the value, and null when there is none.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.Set || o.Null {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// Schema is that of the value, or null where a plain type can say so.
func (o Opt[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	if s.Ref == "" && s.Type != "" && s.Type != huma.TypeObject {
		s.Nullable = true
	}
	return &s
}

// inner is the type of the value, for finding the member that would not decode.
func (o Opt[T]) inner() reflect.Type { return reflect.TypeFor[T]() }

// target lets a query parameter be optional: the value to bind into, after which Set is to be true.
func (o *Opt[T]) target() (value reflect.Value, set *bool) {
	return reflect.ValueOf(&o.Value).Elem(), &o.Set
}
