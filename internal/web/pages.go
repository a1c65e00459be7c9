package web

import (
	"net/http"
	"strings"
)

func (s *Server) mountPages() {}

func (s *Server) landing(w http.ResponseWriter, r *http.Request) {}

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
