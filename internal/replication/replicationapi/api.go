// Package replicationapi is replication over HTTP: replicators in the courier API, and the SCIM 2.0 server.
//
// It decodes, calls and encodes; every rule is package replication's, and the protocol package scim's.
package replicationapi

import (
	"switchboard/internal/replication"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoints on a server. publicURL is where identity providers reach it; empty takes that from each
// request.
func Mount(s *web.Server, r *replication.Service, publicURL string) {
	(&Replicators{r}).Mount(jsonapi.New(s))
	(&SCIM{r, publicURL}).Mount(s)
}
