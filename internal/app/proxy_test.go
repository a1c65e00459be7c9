package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestBehindProxy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		header []string
		want   string
	}{
		{"no header", nil, "192.0.2.1:1234"},
		{"one address", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"what the caller made up comes first", []string{"10.0.0.1, 203.0.113.7"}, "203.0.113.7:0"},
		{"two headers", []string{"10.0.0.1", "203.0.113.8"}, "203.0.113.8:0"},
		{"IPv6", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"nonsense", []string{"unknown"}, "192.0.2.1:1234"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = "192.0.2.1:1234"
			for _, v := range tc.header {
				r.Header.Add("X-Forwarded-For", v)
			}
			got := ""
			behindProxy(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(httptest.NewRecorder(), r)
			if got != tc.want {
				t.Errorf("RemoteAddr = %s, want %s", got, tc.want)
			}
		})
	}
}
