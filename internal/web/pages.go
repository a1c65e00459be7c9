package web

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"switchboard/internal/errs"
	"switchboard/internal/reason"
)

//go:embed assets/page.html
var pageHTML string

//go:embed assets/style.css
var styleCSS string

//go:embed assets/docs.js
var docsJS string

// A Link is one more thing that the landing page leads to, such as the console.
type Link struct{ Title, URL, Text string }

// pages are the HTML pages of the server itself. They need nothing from elsewhere and admit nothing else.
type pages struct {
	template *template.Template
	policy   string
	codes    []errs.Code
}

func newPages(extra []errs.Code) *pages {
	codes := append(errs.Common(), extra...)
	slices.SortFunc(codes, func(a, b errs.Code) int { return cmp.Compare(a.Name, b.Name) })
	p := &pages{template: template.Must(template.New("page").Parse(pageHTML)), codes: codes}
	p.policy = "default-src 'none'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"style-src '" + digest(styleCSS) + "'; script-src '" + digest(docsJS) + "'"
	for i := 1; i < len(codes); i++ {
		if codes[i].Name == codes[i-1].Name && codes[i] != codes[i-1] {
			panic("web: two error codes are named " + codes[i].Name)
		}
	}
	p.codes = slices.CompactFunc(codes, func(a, b errs.Code) bool { return a.Name == b.Name })
	return p
}

// digest is how a content security policy names an inline element.
func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// pageData is what the template shows; Kind picks the part.
type pageData struct {
	Kind    string
	Title   string
	Product string
	Version string
	Style   template.CSS
	Script  template.JS
	Links   []Link
	Codes   []codeRow
	Reasons []reasonRow
}

type codeRow struct {
	Name   string `json:"code"`
	Status int    `json:"status"`
	Doc    string `json:"meaning"`
}

type reasonRow struct {
	Name reason.Reason `json:"reason"`
	Text string        `json:"meaning"`
}

func (s *Server) page(w http.ResponseWriter, d pageData) error {
	d.Product, d.Version, d.Style = s.opt.Title, s.opt.Version, template.CSS(styleCSS)
	var buf bytes.Buffer
	if err := s.pages.template.Execute(&buf, d); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.pages.policy)
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	h.Set("Vary", "Accept")
	_, err := w.Write(buf.Bytes())
	return err
}

func (s *Server) mountPages() {
	mount := func(route, function string, h func(http.ResponseWriter, *http.Request) error) {
		s.Handle(NewOperation(nil, route, "", http.StatusOK, "internal/web/pages.go:(*Server)."+function, Public(), Hidden()), h)
	}
	mount("GET /openapi.json", "openAPIJSON", s.openAPIJSON)
	mount("GET /openapi.yaml", "openAPIYAML", s.openAPIYAML)
	mount("GET /docs", "docs", s.docs)
	mount("GET /errors", "errors", s.errors)
	mount("GET /errors/{code}", "errorPage", s.errorPage)
	mount("GET /reasons", "reasons", s.reasons)
	mount("GET /reasons/{reason}", "reasonPage", s.reasonPage)
}

func (s *Server) openAPIJSON(w http.ResponseWriter, r *http.Request) error {
	d, err := s.document()
	if err != nil {
		return err
	}
	return Blob{ContentType: "application/json", Data: d.json}.WriteAnswer(w, r, http.StatusOK)
}

func (s *Server) openAPIYAML(w http.ResponseWriter, r *http.Request) error {
	d, err := s.document()
	if err != nil {
		return err
	}
	return Blob{ContentType: "application/yaml", Data: d.yaml}.WriteAnswer(w, r, http.StatusOK)
}

func (s *Server) docs(w http.ResponseWriter, _ *http.Request) error {
	return s.page(w, pageData{Kind: "docs", Title: "API reference", Script: template.JS(docsJS)})
}

func (s *Server) errors(w http.ResponseWriter, r *http.Request) error {
	rows := make([]codeRow, len(s.pages.codes))
	for i, c := range s.pages.codes {
		rows[i] = rowOf(c)
	}
	if wantsHTML(r) {
		return s.page(w, pageData{Kind: "errors", Title: "Errors", Codes: rows})
	}
	return writeJSON(w, "application/json", http.StatusOK, map[string]any{"errors": rows})
}

func (s *Server) errorPage(w http.ResponseWriter, r *http.Request) error {
	i, ok := slices.BinarySearchFunc(s.pages.codes, r.PathValue("code"), func(c errs.Code, name string) int { return cmp.Compare(c.Name, name) })
	if !ok {
		return errs.MissingRecord("error code")
	}
	row := rowOf(s.pages.codes[i])
	if wantsHTML(r) {
		return s.page(w, pageData{Kind: "error", Title: row.Name, Codes: []codeRow{row}})
	}
	return writeJSON(w, "application/json", http.StatusOK, row)
}

// reasons is the list of why a delivery was held or not made.
func (s *Server) reasons(w http.ResponseWriter, r *http.Request) error {
	all := reason.All()
	rows := make([]reasonRow, len(all))
	for i, one := range all {
		rows[i] = reasonRow{one, one.Text()}
	}
	if wantsHTML(r) {
		return s.page(w, pageData{Kind: "reasons", Title: "Reasons", Reasons: rows})
	}
	return writeJSON(w, "application/json", http.StatusOK, map[string]any{"reasons": rows})
}

func (s *Server) reasonPage(w http.ResponseWriter, r *http.Request) error {
	one := reason.Reason(r.PathValue("reason"))
	if !one.Valid() {
		return errs.MissingRecord("reason")
	}
	row := reasonRow{one, one.Text()}
	if wantsHTML(r) {
		return s.page(w, pageData{Kind: "reason", Title: string(one), Reasons: []reasonRow{row}})
	}
	return writeJSON(w, "application/json", http.StatusOK, row)
}

func rowOf(c errs.Code) codeRow { return codeRow{c.Name, StatusOf(c.Kind), c.Doc} }

// landing answers GET / to a browser, and to everyone while no operation is registered there.
func (s *Server) landing(w http.ResponseWriter, r *http.Request) {
	var err error
	if wantsHTML(r) {
		err = s.page(w, pageData{Kind: "landing", Title: s.opt.Title, Links: s.opt.Links})
	} else {
		err = writeJSON(w, "application/json", http.StatusOK, map[string]string{
			"name": s.opt.Title, "version": s.opt.Version, "documentation": s.BaseURL(r) + "/docs",
		})
	}
	if err != nil {
		WriteError(w, r, err)
	}
}

// wantsHTML tells a browser, which asks for text/html by name, from a client of the API.
func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// BaseURL is where clients reach the server: as configured, or else as the request did.
func (s *Server) BaseURL(r *http.Request) string {
	if s.opt.BaseURL != "" {
		return strings.TrimRight(s.opt.BaseURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
