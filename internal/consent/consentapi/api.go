// Package consentapi is consents over HTTP, in the courier API. It decodes, calls and encodes; every rule is package
// consent's.
package consentapi

import (
	"switchboard/internal/consent"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoints on a server.
func Mount(s *web.Server, c *consent.Service) {
	(&Consents{c}).Mount(jsonapi.New(s))
}
