// Package web is the HTTP side of everything: it binds requests to typed handlers, checks them against the schemas
// that the OpenAPI document shows, writes answers and errors in the spelling of the API that was asked, and does what
// is the same for every request (ids, log, metrics, limits, recovery).
//
// It knows no resource and no rule. The three APIs are dialects in the packages below it; who may call is decided by
// the middleware that is handed in. Schemas and the document are made by huma; binding is done here, because huma's
// takes "1" for true, lets the case of names slide, applies a default over an explicit false, reads a scalar that is
// given twice by half, and can't say which member would not decode.
package web

import (
	"cmp"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/errs"
)

// Options is what a server is made with. The zero value works.
type Options struct {
	Title       string // of the product, in the document and on the pages
	Version     string
	Description string
	// BaseURL is where clients reach the server, for absolute links; empty takes it from each request.
	BaseURL string
	Logger  *slog.Logger          // nil: nothing is logged
	Metrics prometheus.Registerer // nil: nothing is counted
	// Codes are the contexts' error codes, for the catalogue; those of package errs are always in it.
	Codes []errs.Code
	Links []Link // on the landing page, beside the server's own
	// Wrap puts what comes before a handler around it: authentication, rate limit, idempotency. It is called once for
	// each operation. What it adds runs inside recovery and logging, sees the matched route's path values, and reports
	// errors by WriteError.
	Wrap func(op Operation, next http.Handler) http.Handler
	// AllowOrigins lists the origins whose scripts may call the APIs; "*" is every origin, none is the server's own only.
	AllowOrigins []string
	Timeout      time.Duration // of handlers that set none; 0 is 30 s, negative is no limit
}

// Server is an http.Handler made of operations. Register everything before it serves.
type Server struct {
	opt     Options
	mux     *http.ServeMux
	log     *slog.Logger
	metrics *metrics
	// registry holds the schemas of what all dialects read, answers those of what they write: one type may be both, and
	// a member that may be null in an answer is not always taken as null.
	registry, answers huma.Registry
	described         []described
	errNames          map[*Dialect]*huma.Schema
	roots             map[string]*Dialect // of Below
	routes            []Route
	words             words // of the routes
	pages             *pages
	document          func() (document, error)
}

// New returns a server that has only its own pages: the documentation, the catalogue of errors and the landing page.
func New(o Options) *Server {
	o.Title = cmp.Or(o.Title, "Switchboard")
	o.Version = cmp.Or(o.Version, "0")
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	s := &Server{
		opt: o, mux: http.NewServeMux(), log: o.Logger, metrics: newMetrics(o.Metrics),
		errNames: map[*Dialect]*huma.Schema{}, roots: map[string]*Dialect{}, words: words{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.pages = newPages(o.Codes)
	s.registry = newRegistry(nil)
	s.answers = newRegistry(s.registry)
	s.document = sync.OnceValues(s.render)
	s.mux.HandleFunc("/", s.unknown)
	s.mountPages()
	return s
}

// Route is one line of the route table.
type Route struct {
	Method, Path, Dialect, Function string
}

// String returns the line: "GET /v1/groups groups internal/…/groups_group.go:(*Groups).list".
func (r Route) String() string {
	return strings.Join([]string{r.Method, r.Path, r.Dialect, r.Function}, " ")
}

// Routes returns every registered operation, ordered by path and method.
func (s *Server) Routes() []Route {
	out := slices.Clone(s.routes)
	slices.SortFunc(out, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return out
}

// Handle registers an operation that reads the request and writes the answer itself: streams, callbacks of providers,
// files. An error that it returns before it wrote anything is answered in the operation's dialect. It panics when the
// route is taken.
func (s *Server) Handle(op Operation, h func(http.ResponseWriter, *http.Request) error) {
	s.addToDocument(&op, nil, nil, nil)
	s.route(op, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			WriteError(w, r, err)
		}
	})
}

// route puts an operation's handler behind its middleware and onto the mux, with and without a slash at the end.
func (s *Server) route(op Operation, h http.HandlerFunc) {
	var wrapped http.Handler = h
	if s.opt.Wrap != nil {
		wrapped = s.opt.Wrap(op, wrapped)
	}
	handler := s.enter(&op, wrapped)
	for _, pattern := range patterns(op.Method, op.Path) {
		s.mux.Handle(pattern, handler)
	}
	s.words.add(op.Path)
	s.routes = append(s.routes, Route{op.Method, op.Path, op.dialect().Name, op.Function})
	if literal, _, _ := strings.Cut(op.Path, "{"); op.Dialect != nil {
		s.Below(literal, op.Dialect)
	}
}

// patterns returns what the mux needs so that it never redirects.
func patterns(method, path string) []string {
	bare := strings.TrimRight(path, "/")
	switch {
	case bare == "":
		return []string{method + " /{$}"}
	case strings.HasSuffix(bare, "...}"):
		return []string{method + " " + bare}
	}
	return []string{method + " " + bare, method + " " + bare + "/{$}"}
}

// methods are those that an unknown method is measured against.
func methods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// unknown answers what no operation matched: 404, or 405 and OPTIONS when the path is there for another method.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		s.landing(w, r)
		return
	}
	allowed := s.allowed(r)
	switch {
	case allowed == "":
		s.refuse(w, r, noAddress())
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", allowed)
		s.refuse(w, r, errs.CodeMethod.Errorf("this address does not take %s", r.Method))
	}
}

// Below has a dialect say that there is nothing at an address below root ("/scim/v2/"), or not by that method, for clients
// that read nothing but the dialect. Every operation's dialect says so below the resource of the operation; where there is
// none at all the server says it in a neutral form.
func (s *Server) Below(root string, d *Dialect) {
	if root = strings.TrimRight(root, "/"); root != "" {
		s.roots[root] = d
	}
}

// dialectAt is that of the addresses around a path.
func (s *Server) dialectAt(path string) *Dialect {
	for ; path != ""; path = path[:max(0, strings.LastIndexByte(path, '/'))] {
		if d, ok := s.roots[path]; ok {
			return d
		}
	}
	return neutral
}

// refuse answers what no operation does.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, e *errs.Error) {
	d, status := s.dialectAt(r.URL.Path), StatusOf(e.Code.Kind)
	_ = writeJSON(w, contentType(d, r), status, d.Error(r, status, e))
}

func noAddress() *errs.Error { return errs.CodeNotFound.Errorf("there is nothing at this address") }

// allowed lists the methods that the path of r takes; empty when it is no path of ours.
func (s *Server) allowed(r *http.Request) string {
	var out []string
	for _, m := range methods() {
		probe := *r
		probe.Method = m
		if _, pattern := s.mux.Handler(&probe); pattern == "/" || pattern == "" {
			continue
		}
		if out = append(out, m); m == http.MethodGet {
			out = append(out, http.MethodHead)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(append(out, http.MethodOptions), ", ")
}
