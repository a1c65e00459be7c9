package access_test

import (
	"testing"

	"switchboard/internal/access"
)

// TestRequest_Hash tells requests apart in which the same bytes stand in another place.
func TestRequest_Hash(t *testing.T) {
	t.Parallel()
	seen := map[string]access.Request{}
	for _, r := range []access.Request{
		{}, {Query: "a=1"}, {Body: []byte("a=1")}, {Query: "a", Body: []byte("=1")}, {Query: "a=1", Body: []byte("a=1")}, {Query: "a=1a=1"},
	} {
		if other, known := seen[r.Hash()]; known {
			t.Errorf("%q, %q and %q, %q are the same", r.Query, r.Body, other.Query, other.Body)
		}
		seen[r.Hash()] = r
	}
}
