// Package errs is what goes wrong, said once for every API.
//
// A service returns an *Error: a kind (what class of trouble it is), a stable public code, a sentence for a person,
// and the fields that are to blame. It never names an HTTP status or a JSON pointer; each dialect turns kinds into
// statuses and fields into its own spelling. An error of any other type is internal: its text is logged with the
// request id and never leaves the server.
package errs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is the class of an error; a dialect maps each to one status.
type Kind uint8

// The kinds. The zero Kind is Internal, so that what nobody classified is never blamed on the caller.
const (
	Internal        Kind = iota // our fault; the text stays here
	Malformed                   // cannot be read at all, or a query parameter is wrong
	Unauthenticated             // nobody, or nobody any more
	Denied                      // known, and not allowed
	NotFound                    // no such thing for this caller
	NoMethod                    // there, and not to be had by that verb
	Conflict                    // does not fit the present state
	TooLarge                    // body over the limit
	Unsupported                 // media type that is not read here
	Invalid                     // readable and wrong
	RateLimited                 // too often; RetryAfter says when
	Unavailable                 // something this needs is missing or down
	Stale                       // the caller has seen an older version of the record
	NotOffered                  // there in the protocol, and not for this caller
)

// A Code is one entry of the public catalogue. Its name never changes once released; clients switch on it.
type Code struct {
	Name string // UpperCamelCase, unique over the whole product
	Kind Kind
	Doc  string // what it means and what to do next, for the page about it
}

// The codes that belong to no context. A context lists its own beside its rules.
var (
	CodeInternal        = Code{"InternalError", Internal, "Something failed inside the server. The request id in the answer finds it in the log; trying again later may help."}
	CodeMalformed       = Code{"MalformedRequest", Malformed, "The body or the address could not be read: broken JSON or form, invalid UTF-8, a NUL character."}
	CodeParameter       = Code{"InvalidParameter", Malformed, "A query or path parameter is unknown, missing, of the wrong type or out of range; source.parameter names it."}
	CodeUnauthenticated = Code{"Unauthenticated", Unauthenticated, "No key was sent, or it is unknown, expired or revoked. Create one with `switchboard token create`."}
	CodeDenied          = Code{"Denied", Denied, "The key is valid, but its role or scopes do not allow this, or it may not act for that individual."}
	CodeNotFound        = Code{"NotFound", NotFound, "No such address, or no such record in this organization. Records of other organizations are answered the same way."}
	CodeMethod          = Code{"MethodNotAllowed", NoMethod, "There is something at this address, but not for this HTTP method. The header Allow lists those that it takes."}
	CodeConflict        = Code{"Conflict", Conflict, "The request does not fit the present state of the record."}
	CodeDuplicate       = Code{"Duplicate", Conflict, "A record with the same unique value exists already."}
	CodeTooLarge        = Code{"BodyTooLarge", TooLarge, "The body is larger than this operation reads."}
	CodeUnsupported     = Code{"UnsupportedMediaType", Unsupported, "The Content-Type is not one that this operation reads."}
	CodeInvalid         = Code{"InvalidValue", Invalid, "A value is of the wrong type, too long, out of range or refers to nothing; the field is named."}
	CodeRequired        = Code{"RequiredValue", Invalid, "A value that must be given is missing; null counts as missing."}
	CodeUnknown         = Code{"UnknownAttribute", Invalid, "The body has a member that this operation does not know."}
	CodeRateLimited     = Code{"RateLimited", RateLimited, "Too many requests with this key; Retry-After says how many seconds to wait."}
	CodeUnavailable     = Code{"Unavailable", Unavailable, "Something that this operation needs is not configured or not reachable; the text says which."}
)

// Common lists the codes above, for the catalogue page.
func Common() []Code {
	return []Code{
		CodeInternal, CodeMalformed, CodeParameter, CodeUnauthenticated, CodeDenied, CodeNotFound, CodeMethod, CodeConflict,
		CodeDuplicate, CodeTooLarge, CodeUnsupported, CodeInvalid, CodeRequired, CodeUnknown, CodeRateLimited, CodeUnavailable,
	}
}

// Place is where in a request a field stands.
type Place uint8

// The places of a field.
const (
	InBody Place = iota
	InQuery
	InPath
	InHeader
)

// Field names one wrong value.
type Field struct {
	In Place
	// Path is the value's place in the domain's spelling: snake_case names, dots and indexes
	// ("notifiables[2].channel"). The empty path is the whole body. Values of parameters keep the
	// parameter's name as the caller wrote it.
	Path    string
	Code    Code
	Message string
}

// Error is a failure that the caller may learn of.
type Error struct {
	Code       Code
	Message    string         // one sentence, for a person
	Fields     []Field        // what is to blame, when it is a value
	Meta       map[string]any // machine-readable detail, such as the id of the record in the way
	RetryAfter time.Duration  // for RateLimited and Unavailable; zero means unknown
	cause      error
}

// Error returns the message and the fields.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Path, f.Message)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap returns the cause, which is for the log and not for the caller.
func (e *Error) Unwrap() error { return e.cause }

// Errorf returns an error with this code.
func (c Code) Errorf(format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// With adds machine-readable detail.
func (e *Error) With(key string, value any) *Error {
	if e.Meta == nil {
		e.Meta = map[string]any{}
	}
	e.Meta[key] = value
	return e
}

// At blames one value of the body.
func (e *Error) At(path string) *Error {
	e.Fields = append(e.Fields, Field{Path: path, Code: e.Code, Message: e.Message})
	return e
}

// AtParameter blames one query parameter, by the name that the caller wrote.
func (e *Error) AtParameter(name string) *Error {
	e.Fields = append(e.Fields, Field{In: InQuery, Path: name, Code: e.Code, Message: e.Message})
	return e
}

// Because keeps the cause for the log.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// After says when trying again may help.
func (e *Error) After(d time.Duration) *Error {
	e.RetryAfter = d
	return e
}

// MissingRecord says that there is no such record, naming its kind ("channel") and nothing else.
func MissingRecord(what string) *Error {
	return CodeNotFound.Errorf("no such %s", what)
}

// Forbidden says why an actor may not do something.
func Forbidden(format string, args ...any) *Error {
	return CodeDenied.Errorf(format, args...)
}

// InvalidField is Fields with one entry.
func InvalidField(path, format string, args ...any) error {
	var f Fields
	f.Add(path, format, args...)
	return f.Err()
}

// InvalidParameter blames one query parameter.
func InvalidParameter(name, format string, args ...any) error {
	return &Error{
		Code: CodeParameter, Message: "a parameter is not valid",
		Fields: []Field{{In: InQuery, Path: name, Code: CodeParameter, Message: fmt.Sprintf(format, args...)}},
	}
}

// Fields gathers what is wrong with a body, so that the caller hears of all of it at once. The zero value is ready.
type Fields []Field

// Add records a wrong value.
func (f *Fields) Add(path, format string, args ...any) {
	*f = append(*f, Field{Path: path, Code: CodeInvalid, Message: fmt.Sprintf(format, args...)})
}

// Require records that a value is missing.
func (f *Fields) Require(path string) {
	*f = append(*f, Field{Path: path, Code: CodeRequired, Message: "is required"})
}

// Text checks the length of a text in characters and records it when it is outside min..max.
func (f *Fields) Text(path, value string, minLen, maxLen int) {
	n := len([]rune(value))
	switch {
	case n < minLen && n == 0:
		f.Require(path)
	case n < minLen:
		f.Add(path, "must have at least %d characters", minLen)
	case n > maxLen:
		f.Add(path, "must have at most %d characters", maxLen)
	}
}

// OneOf checks that value is one of those allowed.
func OneOf[T ~string](f *Fields, path string, value T, allowed ...T) {
	if !slices.Contains(allowed, value) {
		f.Add(path, "must be one of %s", joinStrings(allowed))
	}
}

func joinStrings[T ~string](values []T) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

// Err returns nil when nothing was recorded.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Code: CodeInvalid, Message: "the request has values that are not valid", Fields: f}
}

// KindOf returns the kind of err; Internal for anything that is no *Error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code.Kind
	}
	return Internal
}

// Is tells whether err has this code.
func Is(err error, code Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code.Name == code.Name
}
