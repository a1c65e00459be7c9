package web

import (
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// DefaultMaxBody is the limit of a request body, in bytes, where an operation sets no other.
const DefaultMaxBody = 1 << 20

// Operation is one method on one path, as a dialect registers it and as middleware reads it. Options change it while
// it is being registered; after that it is read-only.
type Operation struct {
	Method string
	Path   string // as written where it is registered: "/v1/messaging-channels/{id}/"
	// Dialect is the API that the operation belongs to; it spells the errors. nil is the neutral dialect.
	Dialect *Dialect
	// Resource is what the operation is about, as scopes name it: the first segment of the path that is no version
	// ("messaging-channels", "groups", "notifications").
	Resource string
	Write    bool  // changes something; every method but GET and HEAD, unless ReadOnly was given
	Public   bool  // needs no key
	Status   int   // of a success
	Statuses []int // further ones with the same body, by WithStatus; for the document
	MaxBody  int64
	Timeout  time.Duration // how long a handler may take; 0 is the server's default, negative is no limit
	Summary  string
	Doc      string // Markdown
	Hidden   bool   // left out of the OpenAPI document
	// Deprecated marks the operation in the document.
	Deprecated bool
	// Function is the handler, as "internal/messaging/messagingapi/courier_bookmarks.go:(*Bookmarks).create".
	Function string

	// The rest is how a dialect shapes an operation; handlers have no use for it.

	Verb    string // what the operation does, for its summary: "List", "Get", "Create", …
	Type    string // the type member of JSON:API documents
	Pointer string // where in a body the domain's fields stand: "/data/attributes", or "" for bodies without envelope
	// BodySchema and AnswerSchema stand in for the schemas that would be made of the Go types.
	BodySchema   func(huma.Registry) *huma.Schema
	AnswerSchema func(huma.Registry) *huma.Schema
	// ErrorSchema is that of errors of its own, beside those of the dialect.
	ErrorSchema  func(huma.Registry) *huma.Schema
	BodyOptional bool             // an absent body is read as {}
	Ranges       map[string]Range // narrows integer query parameters, by name
	Reads        []string         // media types of the body, where not the dialect's own; only for the document
	Answers      []string         // media types of the answer, likewise
}

// Range replaces the bounds of an integer query parameter. A Default below Min means that there is none.
type Range struct{ Min, Max, Default int }

// An Option changes an operation while it is being registered.
type Option func(*Operation)

// Public lets everyone in, with or without a key.
func Public() Option { return func(op *Operation) { op.Public = true } }

// ReadOnly marks a POST that changes nothing, such as a preview: it needs only the scope to read.
func ReadOnly() Option { return func(op *Operation) { op.Write = false } }

// Scope names the resource that the caller's key must cover, where it is not the one of the path.
func Scope(resource string) Option { return func(op *Operation) { op.Resource = resource } }

// Status sets the status of a success.
func Status(code int) Option { return func(op *Operation) { op.Status = code } }

// Also documents further statuses that are answered with the same body, such as by WithStatus.
func Also(codes ...int) Option { return func(op *Operation) { op.Statuses = codes } }

// MaxBody sets the limit of the request body in bytes.
func MaxBody(n int64) Option { return func(op *Operation) { op.MaxBody = n } }

// Timeout sets how long the handler may take; negative is no limit, for streams.
func Timeout(d time.Duration) Option { return func(op *Operation) { op.Timeout = d } }

// Summary sets the line that stands for the operation in the documentation.
func Summary(line string) Option { return func(op *Operation) { op.Summary = line } }

// Doc sets the text about the operation, in Markdown.
func Doc(text string) Option { return func(op *Operation) { op.Doc = text } }

// Hidden keeps the operation out of the OpenAPI document.
func Hidden() Option { return func(op *Operation) { op.Hidden = true } }

// Deprecated marks the operation as one not to begin using.
func Deprecated() Option { return func(op *Operation) { op.Deprecated = true } }

// Answers names the media types of the answer for the documentation, where they are not the dialect's.
func Answers(types ...string) Option { return func(op *Operation) { op.Answers = types } }

// Returns documents the answer of a handler that returns any, such as one that answers with one of two statuses.
func Returns[T any]() Option {
	return func(op *Operation) {
		op.AnswerSchema = func(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }
	}
}

// ReturnsNull documents an answer that is the JSON null.
func ReturnsNull() Option {
	return func(op *Operation) {
		op.AnswerSchema = func(huma.Registry) *huma.Schema { return &huma.Schema{Type: "null"} }
	}
}

// Fails documents errors that are not spelled as the dialect's, which the operation may answer besides.
func Fails[T any]() Option {
	return func(op *Operation) {
		op.ErrorSchema = func(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }
	}
}

// Reads names the media types of the body for the documentation, where they are not the dialect's.
func Reads(types ...string) Option { return func(op *Operation) { op.Reads = types } }

// Limits replaces the bounds of an integer query parameter, such as a page size.
func Limits(parameter string, r Range) Option {
	return func(op *Operation) {
		if op.Ranges == nil {
			op.Ranges = map[string]Range{}
		}
		op.Ranges[parameter] = r
	}
}

// NewOperation begins an operation from its route ("GET /v1/groups/{id}"). handler is the function to name in the
// route table. It panics on a route that is no method and path.
func NewOperation(d *Dialect, route, verb string, status int, handler any, opts ...Option) Operation {
	method, path, ok := strings.Cut(route, " ")
	if !ok || !strings.HasPrefix(path, "/") || strings.ToUpper(method) != method {
		panic("web: route " + route + " is not a method and a path")
	}
	op := Operation{
		Method: method, Path: path, Dialect: d, Resource: resourceOf(path), Status: status, Verb: verb,
		Write: method != http.MethodGet && method != http.MethodHead, MaxBody: DefaultMaxBody,
		Function: functionName(handler),
	}
	op.Type = op.Resource
	for _, o := range opts {
		o(&op)
	}
	return op
}

// Route is the operation as its route literal.
func (op *Operation) Route() string { return op.Method + " " + op.Path }

// Scope is what a key must cover for the operation: "messaging-messages:read".
func (op *Operation) Scope() string {
	if op.Write {
		return op.Resource + ":write"
	}
	return op.Resource + ":read"
}

// resourceOf returns the first segment that is neither a version nor a wildcard.
func resourceOf(path string) string {
	for seg := range strings.SplitSeq(path, "/") {
		version := len(seg) > 1 && seg[0] == 'v' && strings.Trim(seg[1:], "0123456789") == ""
		if seg != "" && !version && seg[0] != '{' {
			return seg
		}
	}
	return ""
}

// lastWildcard returns the name of the last wildcard of a path, and "" when there is none.
func lastWildcard(path string) string {
	start, end := strings.LastIndexByte(path, '{'), strings.LastIndexByte(path, '}')
	if start < 0 || end < start {
		return ""
	}
	return strings.TrimSuffix(path[start+1:end], "...")
}

const modulePrefix = "switchboard/"

// functionName names a function by the file and its name inside the package. A method value has no file of its own,
// so the file is that of the registration, which the URL stands in.
func functionName(handler any) string {
	if name, ok := handler.(string); ok {
		return name
	}
	v := reflect.ValueOf(handler)
	if v.Kind() != reflect.Func {
		return ""
	}
	f := runtime.FuncForPC(v.Pointer())
	file, _ := f.FileLine(f.Entry())
	if file == "<autogenerated>" {
		file = registrationFile()
	}
	pkg, name := splitFunction(f.Name())
	return strings.TrimSuffix(strings.TrimPrefix(pkg, modulePrefix), "_test") + file[strings.LastIndexByte(file, '/'):] + ":" + strings.TrimSuffix(name, "-fm")
}

// splitFunction cuts "switchboard/internal/x.(*T).m" after the package path.
func splitFunction(name string) (pkg, function string) {
	slash := strings.LastIndexByte(name, '/') + 1
	if bracket := strings.IndexByte(name, '['); bracket >= 0 && bracket < slash {
		slash = strings.LastIndexByte(name[:bracket], '/') + 1
	}
	dot := strings.IndexByte(name[slash:], '.')
	return name[:slash+dot], name[slash+dot+1:]
}

// registrationFile is the file of the nearest caller outside the packages that register for others.
func registrationFile() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		switch pkg, _ := splitFunction(frame.Function); strings.TrimPrefix(pkg, modulePrefix) {
		case "internal/web", "internal/web/jsonapi", "internal/web/plainjson", "internal/web/cursorjson":
		default:
			return frame.File
		}
		if !more {
			return "/"
		}
	}
}
