// Package replicationapi is replication over HTTP: replicators in the courier API, and the SCIM 2.0 server.
//
// It decodes, calls and encodes; every rule is package replication's, and the protocol package scim's.
package replicationapi

import (
	"switchboard/internal/replication"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoints on a server.
func Mount(s *web.Server, r *replication.Service) {
	(&Replicators{r}).Mount(jsonapi.New(s))
}
