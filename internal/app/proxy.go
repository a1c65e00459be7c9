package app

import (
	"net"
	"net/http"
	"strings"
)

// behindProxy takes the caller's address from the last entry of X-Forwarded-For, which is the one that our own proxy wrote;
// those before it are whatever the caller sent. Without the header the address stays the connection's.
func behindProxy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values := r.Header.Values("X-Forwarded-For")
		if len(values) > 0 {
			entries := strings.Split(values[len(values)-1], ",")
			if ip := net.ParseIP(strings.TrimSpace(entries[len(entries)-1])); ip != nil {
				r = r.Clone(r.Context())
				r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
			}
		}
		next.ServeHTTP(w, r)
	})
}
