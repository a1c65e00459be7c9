package apptest

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Promises are what an OpenAPI document says of answers. Every answer of a test server is held to them, whatever the test
// is about: its status, when it is no error, must be listed, and its body must fit, without members that are not
// named and without null where none is announced. They are safe for concurrent use.
type Promises struct {
	routes *http.ServeMux // finds the operation that a request is for
	paths  map[string]map[string]promised

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
	broken   map[string]string // an example of each
}

type promised struct {
	Responses map[string]struct{ Content map[string]json.RawMessage }
}

const documentURL = "file:///openapi.json"

// NewPromises reads a document.
func NewPromises(openapi []byte) (*Promises, error) {
	var doc struct {
		Paths map[string]map[string]promised
	}
	if err := json.Unmarshal(openapi, &doc); err != nil {
		return nil, err
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi))
	if err != nil {
		return nil, err
	}
	shut(tree)
	p := &Promises{
		routes: http.NewServeMux(), paths: doc.Paths, compiler: jsonschema.NewCompiler(),
		schemas: map[string]*jsonschema.Schema{}, broken: map[string]string{},
	}
	p.compiler.AssertFormat()
	for path, methods := range doc.Paths {
		for method := range methods {
			for _, pattern := range []string{strings.TrimSuffix(path, "/"), strings.TrimSuffix(path, "/") + "/{$}"} {
				if pattern != "" {
					p.routes.HandleFunc(strings.ToUpper(method)+" "+pattern, http.NotFound)
				}
			}
		}
	}
	return p, p.compiler.AddResource(documentURL, tree)
}

// shut refuses the members that a schema does not name. Clients are told to take them, for a later version may have more;
// this version has none that it does not tell of.
func shut(node any) {
	switch v := node.(type) {
	case map[string]any:
		if _, told := v["additionalProperties"]; v["properties"] != nil && !told {
			v["additionalProperties"] = false
		}
		for _, member := range v {
			shut(member)
		}
	case []any:
		for _, member := range v {
			shut(member)
		}
	}
}

// Hold compares the answer to a request with the document. What is no operation of the document is not looked at.
func (p *Promises) Hold(r *http.Request, status int, header http.Header, body []byte) {
	_, pattern := p.routes.Handler(r)
	method, path, ok := strings.Cut(pattern, " ")
	if !ok || r.Method != method {
		return
	}
	path = strings.TrimSuffix(path, "{$}")
	methods := p.paths[path]
	if methods == nil {
		if path = strings.TrimSuffix(path, "/"); p.paths[path] == nil {
			path += "/"
		}
		methods = p.paths[path]
	}
	for _, wrong := range p.differences(path, strings.ToLower(method), methods[strings.ToLower(method)], status, header, body) {
		p.mu.Lock()
		p.broken[method+" "+path+" answers "+strconv.Itoa(status)+": "+wrong] = string(body[:min(len(body), 1500)])
		p.mu.Unlock()
	}
}

// Broken lists what was found so far, each once and with the elements of lists taken together.
func (p *Promises) Broken() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.broken))
}

func (p *Promises) differences(path, method string, o promised, status int, header http.Header, body []byte) []string {
	listed := strconv.Itoa(status)
	answer, ok := o.Responses[listed]
	if !ok && status < 400 {
		return []string{"which is not listed"}
	}
	if !ok {
		listed = "default"
		answer = o.Responses[listed]
	}
	if len(body) == 0 {
		if len(answer.Content) > 0 {
			return []string{"without a body"}
		}
		return nil
	}
	if path == "/" && strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		return nil // a browser was shown the front page, which is not of the API
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return []string{"with the content type " + header.Get("Content-Type")}
	}
	if _, ok := answer.Content[kind]; !ok {
		return []string{"with a body of the type " + kind + ", which is not listed"}
	}
	if kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return nil
	}
	return p.unlike([]string{"paths", path, method, "responses", listed, "content", kind, "schema"}, body)
}

// unlike tells how a body differs from the schema at a place of the document.
func (p *Promises) unlike(place []string, body []byte) []string {
	s, err := p.schema(place)
	if err != nil {
		return []string{err.Error()}
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return []string{"with a body that is not JSON: " + err.Error()}
	}
	failure, ok := s.Validate(v).(*jsonschema.ValidationError) //nolint:errorlint // it returns nothing else
	if !ok {
		return nil
	}
	return leaves(failure)
}

func (p *Promises) schema(place []string) (*jsonschema.Schema, error) {
	steps := make([]string, len(place))
	for i, step := range place {
		steps[i] = url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	at := documentURL + "#/" + strings.Join(steps, "/")
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.schemas[at]; s != nil {
		return s, nil
	}
	s, err := p.compiler.Compile(at)
	p.schemas[at] = s
	return s, err
}

// leaves are the innermost causes of a failure, which name the values that are wrong.
func leaves(e *jsonschema.ValidationError) []string {
	if len(e.Causes) == 0 {
		place := slices.Clone(e.InstanceLocation)
		for i, step := range place {
			if _, err := strconv.Atoi(step); err == nil {
				place[i] = "[]"
			}
		}
		return []string{"/" + strings.Join(place, "/") + ": " + e.ErrorKind.LocalizedString(message.NewPrinter(language.English))}
	}
	var out []string
	for _, cause := range e.Causes {
		out = append(out, leaves(cause)...)
	}
	return out
}

// promises reads the server's document when it is first asked for.
func (s *Server) promises() (*Promises, error) {
	w := httptest.NewRecorder()
	s.App.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	return NewPromises(w.Body.Bytes())
}

// held answers as h does, and holds each answer to the document.
func held(h http.Handler, promises func() (*Promises, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &notes{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(noted, r)
		if p, err := promises(); err == nil {
			p.Hold(r, noted.status, w.Header(), noted.body.Bytes())
		}
	})
}

// notes is a writer that remembers what it wrote.
type notes struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (n *notes) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

func (n *notes) Write(b []byte) (int, error) {
	n.body.Write(b)
	return n.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (n *notes) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// report fails the test for what the server promised and did not keep.
func (p *Promises) report(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, wrong := range slices.Sorted(maps.Keys(p.broken)) {
		t.Errorf("not as the OpenAPI document says: %s\n\t%s", wrong, p.broken[wrong])
	}
}
