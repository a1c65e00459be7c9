// Package scim is the protocol by which identity providers keep directories in step, SCIM 2.0 (RFC 7643 and 7644), as far
// as it is about documents: filters, paths, PATCH, the choice of attributes, the schemas that a server shows.
//
// It works on decoded JSON and knows neither HTTP nor what a resource is kept in. It takes what identity providers
// really send, which is more than the standard has: names of operations and attributes in any case, booleans as texts,
// PATCH values with paths for names. The parser is ours: the one library there is leaves escapes in texts as they stand
// and has no limit to nesting.
package scim

import (
	"maps"
	"slices"
	"strings"
)

// The schemas.
const (
	UserSchema         = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupSchema        = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseSchema   = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	ResourceTypeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	SchemaSchema       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	ConfigSchema       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"

	ListMessage   = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SearchMessage = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	PatchMessage  = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	ErrorMessage  = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// MediaType is that of every document.
const MediaType = "application/scim+json"

// ErrorType is what RFC 7644 calls the kind of an error, in the member scimType.
type ErrorType string

// The kinds that are used here.
const (
	InvalidFilter ErrorType = "invalidFilter" // cannot be read, or is not one that is answered
	TooMany       ErrorType = "tooMany"       // would look at more records than a request may
	Uniqueness    ErrorType = "uniqueness"    // a value is taken
	Mutability    ErrorType = "mutability"    // a value cannot be changed
	InvalidSyntax ErrorType = "invalidSyntax" // the document has the wrong form
	InvalidPath   ErrorType = "invalidPath"   // the path of a PATCH cannot be read
	NoTarget      ErrorType = "noTarget"      // the path of a PATCH names nothing
	InvalidValue  ErrorType = "invalidValue"  // a value is missing or not of the right kind
)

// Error is what is wrong with a document, a filter or a path.
type Error struct {
	Type   ErrorType
	Detail string
}

// Error returns the detail.
func (e *Error) Error() string { return e.Detail }

// Object is a JSON object. Names are compared without regard to case.
type Object = map[string]any

// Get returns a member of an object, whatever the case of its name; nil when there is none.
func Get(o Object, name string) any {
	v, _ := find(o, name)
	return v
}

// find returns a member and the name that it has.
func find(o Object, name string) (value any, key string) {
	if v, ok := o[name]; ok {
		return v, name
	}
	for _, k := range slices.Sorted(maps.Keys(o)) {
		if strings.EqualFold(k, name) {
			return o[k], k
		}
	}
	return nil, name
}

// Text returns a member that is a text; ok is false when it is absent or something else.
func Text(o Object, name string) (text string, ok bool) {
	text, ok = Get(o, name).(string)
	return text, ok
}

// Bool reads a truth value, also one that is written as a text.
func Bool(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

// Extensions returns the names of the extensions that a resource has, in order.
func Extensions(o Object) []any {
	var out []any
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if _, object := o[name].(Object); object && strings.HasPrefix(strings.ToLower(name), "urn:") {
			out = append(out, name)
		}
	}
	return out
}

// Objects returns the elements of a multi-valued attribute. One that is given bare, as an object or a text, counts as the
// only element.
func Objects(v any) []Object {
	var out []Object
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			out = append(out, Objects(element)...)
		}
	case Object:
		out = append(out, v)
	case string:
		out = append(out, Object{"value": v})
	}
	return out
}

// Clone copies a tree of decoded JSON.
func Clone(v any) any {
	switch v := v.(type) {
	case Object:
		out := make(Object, len(v))
		for k, member := range v {
			out[k] = Clone(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = Clone(element)
		}
		return out
	}
	return v
}

// multiValued are the attributes that are lists, in lower case.
func multiValued(name string) bool {
	switch strings.ToLower(name) {
	case "emails", "phonenumbers", "ims", "photos", "addresses", "groups", "entitlements", "roles", "x509certificates", "members":
		return true
	}
	return false
}
