// Package notifyapi is notification groups, topics, schedules and events over HTTP, on the new paths and on the legacy
// ones: one service, two spellings of identifiers.
//
// It decodes, calls and encodes; every rule is package notify's. What the wire calls an event is a notify.Alert. What has
// no value is answered as null.
package notifyapi

import (
	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
)

// Mount registers the endpoints on a server.
func Mount(s *web.Server, n *notify.Service) {
	r := plainjson.New(s)
	(&Groups{n}).Mount(r)
	(&Legacy{n}).Mount(r)
	(&Topics{n}).Mount(r)
	(&Schedules{n}).Mount(r)
	(&Events{n}).Mount(r)
}

// What identifiers are of.
type (
	ofGroup    struct{}
	ofSchedule struct{}
	ofTopic    struct{}
	ofSite     struct{}
	ofUser     struct{}
	ofEvent    struct{}
	ofDelivery struct{}
	ofTest     struct{}
)

// Prefix implements plainjson.Prefix.
func (ofGroup) Prefix() string { return "ntfgrp" }

// Prefix implements plainjson.Prefix.
func (ofSchedule) Prefix() string { return "sch" }

// Prefix implements plainjson.Prefix.
func (ofTopic) Prefix() string { return "top" }

// Prefix implements plainjson.Prefix.
func (ofSite) Prefix() string { return "site" }

// Prefix implements plainjson.Prefix.
func (ofUser) Prefix() string { return "usr" }

// Prefix implements plainjson.Prefix.
func (ofEvent) Prefix() string { return "evt" }

// Prefix implements plainjson.Prefix.
func (ofDelivery) Prefix() string { return "dlv" }

// Prefix implements plainjson.Prefix.
func (ofTest) Prefix() string { return "tst" }

type (
	groupID    = plainjson.ID[ofGroup]
	scheduleID = plainjson.ID[ofSchedule]
	topicID    = plainjson.ID[ofTopic]
	siteID     = plainjson.ID[ofSite]
	userID     = plainjson.ID[ofUser]
	eventID    = plainjson.ID[ofEvent]
	deliveryID = plainjson.ID[ofDelivery]
	testID     = plainjson.ID[ofTest]
)

// encodeIDs spells identifiers, bare on the legacy paths.
func encodeIDs[P plainjson.Prefix](ids []id.ID, bare bool) []plainjson.ID[P] {
	out := make([]plainjson.ID[P], len(ids))
	for n, i := range ids {
		out[n] = plainjson.ID[P]{ID: i, Bare: bare}
	}
	return out
}

func decodeIDs[P plainjson.Prefix](ids []plainjson.ID[P]) []id.ID {
	out := make([]id.ID, len(ids))
	for n, i := range ids {
		out[n] = i.ID
	}
	return out
}

// topicRef is a topic named by its id, with or without prefix, or by its key.
type topicRef struct{ notify.TopicRef }

// UnmarshalText reads either. Text that is neither is a key that no topic has.
func (r *topicRef) UnmarshalText(text []byte) error {
	r.TopicRef = notify.TopicRef{Key: string(text)}
	if i, err := id.ParsePrefixed(ofTopic{}.Prefix(), r.Key); err == nil {
		r.TopicRef = notify.TopicRef{ID: i}
	}
	return nil
}

// Schema is that of either spelling.
func (topicRef) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "The id of a topic, with or without the prefix top_, or its key."}
}

// orNull is null for an empty text.
func orNull[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

// given is the value of a member that cannot be cleared: null counts as absent.
func given[T any](o web.Opt[T]) *T {
	if o.Null {
		return nil
	}
	return o.Ptr()
}
