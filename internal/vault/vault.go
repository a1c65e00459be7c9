// Package vault keeps the server's secrets: it seals what stores write so that a copy of the database shows nothing of it,
// and holds the key that the server signs reports with.
//
// The keys that seal are a ring in a file beside the database, never in it. The database knows of each key only its id and a
// proof that a node holds it, so that a node with another file is stopped before it writes what the others cannot read.
//
// It does not hash the secrets of callers (package access does), and it does not protect a database from whoever runs the
// server: the file is readable for them.
package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/tx"
)

// What goes wrong with sealed values. All are internal: a caller can do nothing about them.
var (
	ErrNoKey  = errors.New("this node does not hold the key")
	ErrBroken = errors.New("the sealed text is damaged, or was moved from elsewhere")
)

// KeyRecord is what the database knows of a key.
type KeyRecord struct {
	ID        KeyID
	Proof     string // a sealed constant
	CreatedAt time.Time
	RetiredAt time.Time // since then another key seals; zero: this one does
}

// Value is a sealed value with its row.
type Value struct {
	Place Place
	Key   []string // of the row: Column.Key in its order
	Text  string
}

// Store keeps what the database knows of keys, and reads and replaces sealed values of any column.
type Store interface {
	// Lock makes this transaction the only one that changes keys. It must be called in a transaction and holds until its end.
	Lock(ctx context.Context) error
	// Keys returns the keys, oldest first.
	Keys(ctx context.Context) ([]KeyRecord, error)
	// UseKey stores a key as the one that seals and retires the others as of its making. In a transaction of the caller's.
	UseKey(ctx context.Context, k KeyRecord) error
	// DropKey forgets a key.
	DropKey(ctx context.Context, key KeyID) error

	// Values returns values of a column that a key has not sealed, in the order of the rows' keys and after one of them;
	// from the first for nil.
	Values(ctx context.Context, c Column, notBy KeyID, after []string, limit int) ([]Value, error)
	// Replace stores a text in place of a value, unless the value changed since it was read.
	Replace(ctx context.Context, v Value, text string) error
	// Count tells how many values of a column each key has sealed; "" stands for those that are not sealed.
	Count(ctx context.Context, c Column) (map[KeyID]int64, error)
	// Covered lists the columns, by name, of which everything is sealed.
	Covered(ctx context.Context) ([]string, error)
	// Cover adds a column to them; again changes nothing.
	Cover(ctx context.Context, column string) error

	// SigningKeys returns the keys for signing, newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// DigestKey returns the secret of digests, if there is one.
	DigestKey(ctx context.Context) (k DigestKey, found bool, err error)
	// PutDigestKey stores it. Duplicate: there is one.
	PutDigestKey(ctx context.Context, k DigestKey) error

	// UseSigningKey stores a key as the one that signs, retires the others and erases their private halves. In a
	// transaction of the caller's.
	UseSigningKey(ctx context.Context, k SigningKey) error
}

// Options are what a vault is made of.
type Options struct {
	Store  Store
	Tx     tx.Runner
	Clock  clock.Clock
	Logger *slog.Logger
	// Events records the acts on keys, as ones of the installation.
	Events event.Recorder
	// KeyFile is the file of the ring. Generate allows to make it when the database has no key either.
	KeyFile  string
	Generate bool
	// Columns are all that is sealed.
	Columns []Column
}

// Service is the vault of a server. It is a Sealer.
type Service struct {
	Box
	store    Store
	tx       tx.Runner
	now      clock.Clock
	log      *slog.Logger
	events   event.Recorder
	file     keyFile
	generate bool
	columns  []Column

	mu      sync.Mutex // guards file, and lets one Refresh run at a time
	signers atomic.Pointer[[]signer]
	digest  atomic.Pointer[[]byte]
}

// New returns a vault that is locked: nothing is sealed or opened before Unlock.
func New(o Options) *Service {
	return &Service{
		store: o.Store, tx: o.Tx, now: o.Clock, log: o.Logger, events: o.Events, file: keyFile{path: o.KeyFile}, generate: o.Generate,
		columns: append(slices.Clone(o.Columns), signingColumn, digestColumn),
	}
}

// Unlock reads the ring, holds it to what the database knows, and seals what stands in the columns unsealed, from before
// they were declared. On an empty database it makes the ring, when that is allowed, the signing key and the secret of digests.
//
// Errors say what to do: a file that cannot be read, a ring that lacks a key of the database.
func (s *Service) Unlock(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ring, records, err := s.read(ctx)
	if err != nil {
		return err
	}
	if err := s.adopt(ring, records); err != nil {
		return err
	}
	if first, ok := ring.first(); !ok || !slices.ContainsFunc(records, func(r KeyRecord) bool { return r.ID == first.ID }) {
		if err := s.introduce(ctx); err != nil {
			return err
		}
	}
	if err := s.cover(ctx); err != nil {
		return err
	}
	if err := s.openDigest(ctx); err != nil {
		return err
	}
	return s.openSigners(ctx)
}

// read returns the ring of the file, empty when there is no file, and what the database knows.
func (s *Service) read(ctx context.Context) (Ring, []KeyRecord, error) {
	ring, _, err := s.file.read()
	if err != nil {
		return Ring{}, nil, err
	}
	records, err := s.store.Keys(ctx)
	return ring, records, err
}

// introduce makes the file's first key, of which the database knows nothing, the one that seals; without a file it makes that
// first. It is written before the commit, so that no crash leaves the database with a key that nobody has.
func (s *Service) introduce(ctx context.Context) error {
	return s.change(ctx, func(ctx context.Context, ring Ring, records []KeyRecord) error {
		if len(ring.keys) == 0 {
			var err error
			if ring, err = s.generated(records); err != nil {
				return err
			}
		}
		first, _ := ring.first()
		return s.use(ctx, first)
	})
}

// change lets fn change the ring with nobody else at it, and takes what came of it into use.
func (s *Service) change(ctx context.Context, fn func(ctx context.Context, ring Ring, records []KeyRecord) error) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.Lock(ctx); err != nil {
			return err
		}
		ring, records, err := s.read(ctx)
		if err != nil {
			return err
		}
		if err := s.adopt(ring, records); err != nil {
			return err
		}
		return fn(ctx, ring, records)
	})
	if err != nil {
		return err
	}
	return s.reload(ctx)
}

// reload takes up the key file and what the database knows.
func (s *Service) reload(ctx context.Context) error {
	ring, records, err := s.read(ctx)
	if err != nil {
		return err
	}
	return s.adopt(ring, records)
}

func (s *Service) generated(records []KeyRecord) (Ring, error) {
	if len(records) > 0 || !s.generate {
		return Ring{}, s.missing(records)
	}
	if err := s.file.create(NewRing(NewKey())); err != nil {
		return Ring{}, err
	}
	ring, _, err := s.file.read() // a server with another database may have made it in this moment
	if err != nil {
		return Ring{}, err
	}
	s.log.Info("made the key file; keep a copy of it apart from the database", "file", s.file.path)
	return ring, nil
}

// use tells the database of the key that seals from now on, with its proof.
func (s *Service) use(ctx context.Context, k Key) error {
	proof, err := k.seal(proofPlace(k.ID), proofText)
	if err != nil {
		return err
	}
	return s.store.UseKey(ctx, KeyRecord{ID: k.ID, Proof: proof, CreatedAt: s.now()})
}

const proofText = "switchboard"

func proofPlace(key KeyID) Place {
	return Column{Table: "vault_keys", Name: "proof", Key: []string{"id"}, Global: true}.At(id.Nil, string(key))
}

// adopt takes a ring into use if it opens the proof of every key that the database knows. The database says which one seals, so
// that all nodes do alike whatever the order of their files.
func (s *Service) adopt(ring Ring, records []KeyRecord) error {
	box := NewBox(ring)
	for _, r := range records {
		if text, err := box.Open(proofPlace(r.ID), r.Proof); err != nil || text != proofText {
			return s.missing([]KeyRecord{r})
		}
		if r.RetiredAt.IsZero() {
			ring = ring.sealing(r.ID)
		}
	}
	s.ring.Store(&ring)
	return nil
}

// missing is why a node without the key of the database does not start.
func (s *Service) missing(records []KeyRecord) error {
	if len(records) == 0 {
		return fmt.Errorf("there is no key file at %s (secrets.key_file)", s.file.path)
	}
	return fmt.Errorf("the database has secrets that are sealed with key %s, which the key file %s does not hold: copy the file of a "+
		"node that runs, or from the backup, to that path, or name it with secrets.key_file (docs/secrets.md)", records[0].ID, s.file.path)
}

// Refresh takes up a key file that has changed and keys that other nodes have made current. It is called every few seconds,
// and is cheap.
func (s *Service) Refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reload(ctx); err != nil {
		return err
	}
	return s.openSigners(ctx)
}

// Open implements Sealer. Meeting a key that it does not know, it reads the key file again.
func (s *Service) Open(at Place, sealed string) (string, error) {
	plain, err := s.Box.Open(at, sealed)
	if errors.Is(err, ErrNoKey) {
		s.reread()
		return s.Box.Open(at, sealed) // even if the file is as it was: somebody else may have reread it just before
	}
	return plain, err
}

// reread takes up the key file when it has changed. It does not ask the database: a store is in the middle of reading.
func (s *Service) reread() {
	s.mu.Lock()
	defer s.mu.Unlock()
	ring, changed, err := s.file.read()
	if err != nil || !changed {
		return
	}
	ring = ring.sealing(s.Ring().current)
	s.ring.Store(&ring)
}
