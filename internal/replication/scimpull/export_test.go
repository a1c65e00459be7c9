package scimpull

import (
	"net/http"

	"switchboard/internal/clock"
	"switchboard/internal/replication"
)

// OpenOver is Open with another wire and clock.
func OpenOver(s Settings, wire http.RoundTripper, now clock.Clock) replication.Opener {
	o := Open(s).(*opener) //nolint:forcetypeassert // it is one
	o.client.http.Transport, o.now = wire, now
	return o
}

// DecodeList decodes a page and everything on it, and returns how many records it has.
func DecodeList(raw []byte) (records, wrong int, err error) {
	l, err := decodeList(raw)
	for _, raw := range l.resources {
		for _, make := range []func(resource) error{
			func(r resource) error { o, err := r.object(); return second(person(r.id, o))(err) },
			func(r resource) error { o, err := r.object(); return second(team(r.id, o))(err) },
		} {
			if make(resource{raw: raw, id: identifier(raw)}) != nil {
				wrong++
			}
			records++
		}
	}
	return records, wrong, err
}

// second returns the first error of two.
func second(_ replication.Record, err error) func(error) error {
	return func(before error) error {
		if before != nil {
			return before
		}
		return err
	}
}
