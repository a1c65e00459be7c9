package sandbox

import (
	_ "embed"
	"net/http"
)

//go:embed page.html
var pageHTML []byte

// page is the outbox for people: fake phones and inboxes. It holds everything that it needs and asks nobody else.
func (s *Sandbox) page(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(pageHTML)
}
