package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"switchboard/internal/id"
)

// Request is what an idempotency key was sent with.
type Request struct {
	OrganizationID id.ID
	KeyID          id.ID  // the caller's key; the same idempotency key of another caller is another key
	Route          string // "POST /v1/messages"
	IdempotencyKey string
	Body           []byte
	Query          string
}

// Hash tells requests apart.
func (r Request) Hash() string {
	h := sha256.New()
	h.Write([]byte(r.Query))
	h.Write([]byte{0})
	h.Write(r.Body)
	return hex.EncodeToString(h.Sum(nil))
}

func (r Request) lockName() string {
	return r.OrganizationID.String() + r.KeyID.String() + r.Route + "\x00" + r.IdempotencyKey
}

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

// KeepAnswers is how long an idempotency key is remembered.
const KeepAnswers = 24 * time.Hour

// errNotStored carries an answer that changed nothing out of its transaction.
var errNotStored = errors.New("the answer is not one to keep")

// Once answers a request whose caller may repeat it. The first time it runs serve inside a transaction, in which the
// answer is stored as well: what serve changed and the memory of it become true together, so that a crash at any moment
// leaves either both or nothing. A repetition within KeepAnswers gets the stored answer and replayed = true. Answers of 400 and
// above change nothing and are not kept, so the request may be mended and sent again under the same key.
//
// Errors: CodeIdempotencyReused when the key came with another request, CodeIdempotencyRunning when the first one is not
// finished. serve may run again when the database asks for it, and must then start afresh.
func (s *Service) Once(ctx context.Context, r Request, serve func(ctx context.Context) (Answer, error)) (a Answer, replayed bool, err error) {
	release, ok := s.running.begin(r.lockName())
	if !ok {
		return Answer{}, false, CodeIdempotencyRunning.Errorf("the first request with this Idempotency-Key is still running")
	}
	defer release()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		mine, err := s.store.LockAnswer(ctx, r)
		if err != nil {
			return err
		}
		if !mine {
			return CodeIdempotencyRunning.Errorf("the first request with this Idempotency-Key is still running")
		}
		now := s.now()
		stored, hash, found, err := s.store.FindAnswer(ctx, r, now.Add(-KeepAnswers))
		switch {
		case err != nil:
			return err
		case found && hash != r.Hash():
			return CodeIdempotencyReused.Errorf("this Idempotency-Key was sent with another request before")
		case found:
			a, replayed = stored, true
			return nil
		}
		if a, err = serve(ctx); err != nil {
			return err
		}
		if a.Status >= 400 {
			return errNotStored
		}
		return s.store.PutAnswer(ctx, r, a, now)
	})
	if errors.Is(err, errNotStored) {
		err = nil
	}
	return a, replayed, err
}

// Prune forgets answers and tokens that are too old to matter.
func (s *Service) Prune(ctx context.Context) (int64, error) {
	now := s.now()
	return s.store.Prune(ctx, now.Add(-KeepAnswers), now)
}

// running is the idempotency keys at work in this process. SQLite would make a second request wait for the writer and
// then find the answer; saying 409 at once is what PostgreSQL's lock does, and the same on both.
type running struct {
	mu   sync.Mutex
	keys map[string]bool
}

func (r *running) begin(name string) (release func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[name] {
		return nil, false
	}
	r.keys[name] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.keys, name)
	}, true
}
