package audit

import (
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/id"
)

var (
	hashedRow = Event{
		Seq: 7, ID: numbered(1), OrganizationID: numbered(2), KeyID: numbered(3), UserID: numbered(4), IndividualID: numbered(5), Subject: numbered(6),
		Role: actor.Member, Via: actor.ViaKey, Action: "test.thing.done", At: time.Date(2026, 11, 22, 12, 0, 0, 1000, time.UTC), RequestID: "r-1",
		RemoteAddr: "192.0.2.1", Detail: `{"after":{"text":"x"},"before":null}`, Salt: []byte("salt"),
	}
	hashedBlock = Block{Number: 3, First: 11, Size: 2, At: time.Date(2026, 11, 22, 12, 0, 0, 1000, time.UTC), Root: Hash{1}, Previous: Hash{2}}
)

func numbered(n byte) id.ID { return id.ID{15: n} }

// TestHashes_stay keeps what a row, the leaves of a block and a block hash to: what was chained, signed and exported before must be verified by
// every later version.
func TestHashes_stay(t *testing.T) {
	t.Parallel()
	for what, tc := range map[string]struct {
		got  Hash
		want string
	}{
		"row":    {hashedRow.Leaf(), "5420e98127588735a7556a916d27d7660a7120575230fa1b967dff8965cf020f"},
		"leaves": {root([]Hash{{1}, {2}}), "2acd919d55c5af2963058b1fb626007b12d278ddc18cb44a82bc22c3e1ab1509"},
		"block":  {hashedBlock.sum(), "013f35ee482f83de4417e62511eed401f32d6dda801d2dc4b88551f4654b0734"},
	} {
		if tc.got.String() != tc.want {
			t.Errorf("%s: the hash is %s, and was %s", what, tc.got, tc.want)
		}
	}
}

// TestHashes_cover changes everything that a hash is to cover, the block before included, which is what makes a chain of them.
func TestHashes_cover(t *testing.T) {
	t.Parallel()
	seen := map[Hash]string{hashedRow.Leaf(): "nothing of a row", hashedBlock.sum(): "nothing of a block"}
	other := func(what string, h Hash) {
		t.Helper()
		if same, known := seen[h]; known {
			t.Errorf("a change of %s hashes as one of %s", what, same)
		}
		seen[h] = what
	}
	for what, change := range map[string]func(e *Event){
		"the seq": func(e *Event) { e.Seq++ }, "the id": func(e *Event) { e.ID[0]++ }, "the organization": func(e *Event) { e.OrganizationID[0]++ },
		"the key": func(e *Event) { e.KeyID[0]++ }, "the user": func(e *Event) { e.UserID[0]++ }, "as whom": func(e *Event) { e.IndividualID[0]++ },
		"the subject": func(e *Event) { e.Subject[0]++ }, "the role": func(e *Event) { e.Role = actor.Administrator }, "the way": func(e *Event) { e.Via = "" },
		"the action": func(e *Event) { e.Action += "x" }, "the time": func(e *Event) { e.At = e.At.Add(time.Microsecond) },
		"the request": func(e *Event) { e.RequestID += "x" }, "the address": func(e *Event) { e.RemoteAddr += "x" },
		"the border of two texts": func(e *Event) { e.RequestID, e.RemoteAddr = e.RequestID+"1", e.RemoteAddr[1:] },
		"the detail":              func(e *Event) { e.Detail += " " }, "the salt": func(e *Event) { e.Salt = []byte("Salt") },
		"the hash of a detail": func(e *Event) { e.PurgeID, e.DetailHash = numbered(9), []byte("another") },
	} {
		e := hashedRow
		change(&e)
		other(what, e.Leaf())
	}
	for what, change := range map[string]func(b *Block){
		"the number": func(b *Block) { b.Number++ }, "the first place": func(b *Block) { b.First++ }, "the size": func(b *Block) { b.Size++ },
		"the time of a block": func(b *Block) { b.At = b.At.Add(time.Microsecond) }, "the root": func(b *Block) { b.Root[31]++ },
		"the block before": func(b *Block) { b.Previous[31]++ },
	} {
		b := hashedBlock
		change(&b)
		other(what, b.sum())
	}
	purged := hashedRow
	purged.Detail, purged.Salt, purged.DetailHash, purged.PurgeID, purged.Place = "{}", nil, hashedRow.DetailSum(), numbered(9), 12
	if purged.Leaf() != hashedRow.Leaf() {
		t.Error("a purge and a place change the hash of a row")
	}
}
