package sandbox

import (
	"io"
	"net/http"
	"strings"
)

// readBody reads the body of a request up to maxRequest bytes.
func readBody(r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	return body, err == nil && len(body) <= maxRequest
}

// secretHeaders are not shown.
func secretHeader(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Cookie", "Proxy-Authorization":
		return true
	}
	return false
}

// rawOf keeps a request as it came.
func rawOf(r *http.Request, body []byte) Raw {
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[name] = strings.Join(values, ", ")
		if secretHeader(name) {
			headers[name] = "[redacted]"
		}
	}
	return Raw{Method: r.Method, Path: r.URL.RequestURI(), Headers: headers, Body: string(body)}
}
