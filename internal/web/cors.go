package web

import (
	"net/http"
	"slices"
)

// allowOrigin admits scripts of other origins, as far as the configuration does. Credentials are bearer tokens, never
// cookies, so an origin that is let in gains nothing that the token's holder did not give it.
func (s *Server) allowOrigin(h http.Header, r *http.Request) {
	if len(s.opt.AllowOrigins) == 0 {
		return
	}
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	all := slices.Contains(s.opt.AllowOrigins, "*")
	if origin == "" || !all && !slices.Contains(s.opt.AllowOrigins, origin) {
		return
	}
	if all {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, X-Request-Id")
		h.Set("Access-Control-Max-Age", "600")
	}
}
