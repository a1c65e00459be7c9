package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// batch is how many values are sealed anew in one transaction: few enough that nobody waits for it.
const batch = 200

// grace is how long a retired key is kept at least: every node has long heard by then that another one seals.
const grace = time.Hour

// Progress is how far the sealing of a column with the current key is.
type Progress struct {
	Column string
	Sealed int64 // anew, so far
}

// Stage makes a key that opens and does not seal yet, and writes it into the key file. It is for nodes that have copies of the
// file: once every one has the new copy, Rotate begins to seal with it.
//
// Errors: one that says so when there is such a key already.
func (s *Service) Stage(ctx context.Context) (KeyID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	staged := NewKey()
	staged.Next = true
	err := s.change(ctx, func(ctx context.Context, ring Ring, _ []KeyRecord) error {
		for _, k := range ring.keys {
			if k.Next {
				return fmt.Errorf("key %s is staged already; bring the file to every node and rotate", k.ID)
			}
		}
		if err := s.audit(ctx, ActionKeyStaged, "", string(staged.ID)); err != nil {
			return err
		}
		return s.file.write(NewRing(append(ring.Keys(), staged)...))
	})
	return staged.ID, err
}

// Rotate makes the staged key, or a new one, the key that seals, and seals everything anew with it. Others may read and write
// meanwhile. What interrupts it, a crash too, loses nothing: Reseal goes on from there.
//
// report, which may be nil, hears of each batch.
func (s *Service) Rotate(ctx context.Context, report func(Progress)) (KeyID, error) {
	current, err := s.promote(ctx)
	if err != nil {
		return "", err
	}
	return current, s.Reseal(ctx, report)
}

func (s *Service) promote(ctx context.Context) (KeyID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var current Key
	err := s.change(ctx, func(ctx context.Context, ring Ring, _ []KeyRecord) error {
		before := s.Ring().current // the database's word, which the file need not agree with
		ring = ring.promoted()
		current, _ = ring.Current()
		if err := s.audit(ctx, ActionKeyRotated, string(before), string(current.ID)); err != nil {
			return err
		}
		if err := s.file.write(ring); err != nil { // before the commit, as in introduce
			return err
		}
		return s.use(ctx, current)
	})
	return current.ID, err
}

// maxPasses bounds how often the columns are gone over again because other nodes sealed with the old key meanwhile.
const maxPasses = 3

// Reseal seals with the current key whatever is not sealed with it.
//
// A value that cannot be opened is passed over; the error, at the end, tells how many there are and where the first is.
func (s *Service) Reseal(ctx context.Context, report func(Progress)) error {
	if report == nil {
		report = func(Progress) {}
	}
	for range maxPasses {
		var all int64
		for _, c := range s.columns {
			n, err := s.reseal(ctx, c, report)
			if err != nil {
				return err
			}
			all += n
		}
		if all == 0 {
			break
		}
	}
	return nil
}

// cover seals the columns that are not known to be sealed as a whole.
func (s *Service) cover(ctx context.Context) error {
	covered, err := s.store.Covered(ctx)
	if err != nil {
		return err
	}
	for _, c := range s.columns {
		if slices.Contains(covered, c.String()) {
			continue
		}
		n, err := s.reseal(ctx, c, func(Progress) {})
		if err != nil {
			return err
		}
		if n > 0 {
			s.log.Info("sealed what stood in a column unsealed", "column", c.String(), "values", n)
		}
		if err := s.store.Cover(ctx, c.String()); err != nil {
			return err
		}
	}
	return nil
}

// reseal goes over a column once and returns how many values it sealed.
func (s *Service) reseal(ctx context.Context, c Column, report func(Progress)) (sealed int64, err error) {
	current, ok := s.Ring().Current()
	if !ok {
		return 0, ErrNoKey
	}
	var (
		after  []string
		broken []error
	)
	for {
		values, err := s.store.Values(ctx, c, current.ID, after, batch)
		if err != nil {
			return sealed, err
		}
		if len(values) == 0 {
			break
		}
		after = values[len(values)-1].Key
		failed := len(broken)
		if err := s.tx.Do(ctx, func(ctx context.Context) error {
			broken = broken[:failed]
			for _, v := range values {
				err := s.replace(ctx, current, v)
				if errors.Is(err, ErrBroken) || errors.Is(err, ErrNoKey) {
					broken = append(broken, fmt.Errorf("%s of %s: %w", c, strings.Join(v.Key, " "), err))
				} else if err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return sealed, err
		}
		sealed += int64(len(values) - len(broken) + failed)
		report(Progress{c.String(), sealed})
	}
	if len(broken) > 0 {
		return sealed, fmt.Errorf("%d values cannot be opened and were left as they are; the first is %w", len(broken), broken[0])
	}
	return sealed, nil
}

func (s *Service) replace(ctx context.Context, current Key, v Value) error {
	plain := v.Text
	if strings.HasPrefix(plain, sealedPrefix) {
		var err error
		if plain, err = s.Box.Open(v.Place, v.Text); err != nil {
			return err
		}
	}
	text, err := current.seal(v.Place, plain)
	if err != nil {
		return err
	}
	return s.store.Replace(ctx, v, text)
}

// KeyStatus is a key as an operator sees it.
type KeyStatus struct {
	ID        KeyID
	State     string // "current", "retired", "next" (staged), "unused" (in the file alone)
	Values    int64  // sealed with it
	CreatedAt time.Time
	RetiredAt time.Time
}

// Status is what is sealed with what.
type Status struct {
	KeyFile  string
	Keys     []KeyStatus
	Unsealed int64
	// Columns has, by the name of a column, how many values each key has sealed.
	Columns map[string]map[KeyID]int64
}

// Status counts. It reads every sealed column.
func (s *Service) Status(ctx context.Context) (Status, error) {
	s.mu.Lock()
	ring, records, err := s.read(ctx)
	s.mu.Unlock()
	if err != nil {
		return Status{}, err
	}
	out := Status{KeyFile: s.file.path, Columns: map[string]map[KeyID]int64{}}
	sum := map[KeyID]int64{}
	for _, c := range s.columns {
		counts, err := s.store.Count(ctx, c)
		if err != nil {
			return Status{}, err
		}
		out.Columns[c.String()] = counts
		for key, n := range counts {
			sum[key] += n
		}
	}
	out.Unsealed = sum[""]
	delete(sum, "")
	out.Keys = statuses(ring, records, sum)
	return out, nil
}

// statuses lists the keys of the ring, then those that only the database or its values name.
func statuses(ring Ring, records []KeyRecord, values map[KeyID]int64) []KeyStatus {
	known := map[KeyID]KeyRecord{}
	for _, r := range records {
		known[r.ID] = r
	}
	var out []KeyStatus
	add := func(key KeyID, state string) {
		r, recorded := known[key]
		switch {
		case recorded && r.RetiredAt.IsZero():
			state = "current"
		case recorded:
			state = "retired"
		}
		out = append(out, KeyStatus{ID: key, State: state, Values: values[key], CreatedAt: r.CreatedAt, RetiredAt: r.RetiredAt})
		delete(known, key)
		delete(values, key)
	}
	for _, k := range ring.keys {
		state := "unused"
		if k.Next {
			state = "next"
		}
		add(k.ID, state)
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		add(key, "")
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		add(key, "lost")
	}
	return out
}

// Prune drops the keys that have sealed nothing any more and were retired an hour ago or more, and returns them.
func (s *Service) Prune(ctx context.Context) ([]KeyID, error) {
	status, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	gone := map[KeyID]bool{}
	for _, k := range status.Keys {
		if k.Values == 0 && (k.State == "unused" || k.State == "retired" && s.now().Sub(k.RetiredAt) >= grace) {
			gone[k.ID] = true
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	if err := s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.Lock(ctx); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(gone)) {
			if err := errors.Join(s.store.DropKey(ctx, key), s.audit(ctx, ActionKeyDropped, string(key), "")); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(gone)), s.shorten(ctx, gone)
}

// shorten takes keys out of the file once the database has forgotten them: a key that it knows and the file lacks would keep
// nodes from starting.
func (s *Service) shorten(ctx context.Context, gone map[KeyID]bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.change(ctx, func(_ context.Context, ring Ring, records []KeyRecord) error {
		return s.file.write(ring.without(func(k Key) bool {
			return gone[k.ID] && !slices.ContainsFunc(records, func(r KeyRecord) bool { return r.ID == k.ID })
		}))
	})
}
