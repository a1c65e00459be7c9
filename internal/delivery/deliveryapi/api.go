// Package deliveryapi is the ledger over HTTP: deliveries in the courier API, and the address at which providers report.
//
// It decodes, calls and encodes; every rule is package delivery's.
package deliveryapi

import (
	"switchboard/internal/delivery"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoints on a server.
func Mount(s *web.Server, d *delivery.Service) {
	(&Deliveries{d}).Mount(jsonapi.New(s))
	(&Callbacks{d}).Mount(s)
}

// orNull is null for an empty text.
func orNull[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}
