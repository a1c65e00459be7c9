package privacy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/privacy/bundle"
)

// ImportOptions say how an export is brought back.
type ImportOptions struct {
	// OrganizationID refuses exports of another organization; zero takes any.
	OrganizationID id.ID
	// DryRun only compares.
	DryRun bool
	// ForceTombstoned brings back what was purged, and takes its tombstones away.
	ForceTombstoned bool
	// Verify tells whether this server, or another whose key is known, has signed the export.
	Verify Verifier
}

// Imported is what became of an import.
type Imported struct {
	Manifest Manifest `json:"manifest"`
	Outcome
	DryRun bool `json:"dry-run"`
}

// importPage is how many lines are held at a time.
const importPage = 2000

// maxConflicts is how many conflicts are gathered before an import gives up.
const maxConflicts = 100

// Import brings an export back, with the identifiers that everything had. The whole is compared first; when a row is there
// already and differs, nothing is written and Conflicts name what is in the way. An export of one person or group is one
// transaction. One of an organization is many; when it is interrupted, doing it again completes it. Doing it twice is as
// doing it once. What waited to be sent comes back as a record and is not sent.
//
// Denied: not an administrator of the export's organization. Tombstoned. Otherwise an error tells what is wrong with the
// export or, as NotFound, that something refers to a record which is neither there nor in it.
func (s *Service) Import(ctx context.Context, path string, o ImportOptions) (Imported, error) {
	r, err := bundle.Open(path)
	if err != nil {
		return Imported{}, err
	}
	out, err := s.importFrom(ctx, r, o)
	return out, errors.Join(err, r.Close())
}

// ReadManifest returns what an export says of itself, once its signature and every hash are found to hold.
func ReadManifest(ctx context.Context, path string, verify Verifier) (Manifest, error) {
	r, err := bundle.Open(path)
	if err != nil {
		return Manifest{}, err
	}
	m, err := manifest(ctx, r, verify)
	return m, errors.Join(err, r.Close())
}

func manifest(ctx context.Context, r *bundle.Reader, verify Verifier) (Manifest, error) {
	var m Manifest
	if err := readSigned(ctx, r, manifestName, verify, manifestFormat, &m); err != nil {
		if _, missing := r.Read(indexName, maxManifest); missing == nil {
			err = errors.New("this is an export of everything; import it with --everything")
		}
		return Manifest{}, err
	}
	for _, f := range m.Files {
		if err := r.Check(f); err != nil {
			return Manifest{}, err
		}
	}
	return m, nil
}

// maxManifest bounds a manifest.
const maxManifest = 64 << 20

// readSigned reads a signed document of an export into v.
func readSigned(ctx context.Context, r *bundle.Reader, name string, verify Verifier, format string, v any) error {
	raw, err := r.Read(name, maxManifest)
	if err != nil {
		return fmt.Errorf("the export is not whole: %w", err)
	}
	var signed Signed
	if err := json.Unmarshal(raw, &signed); err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	if err := signed.open(ctx, verify, format, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (s *Service) importFrom(ctx context.Context, r *bundle.Reader, o ImportOptions) (Imported, error) {
	m, err := manifest(ctx, r, o.Verify)
	if err != nil {
		return Imported{}, err
	}
	organization := m.Subject.OrganizationID
	if !o.OrganizationID.IsZero() && o.OrganizationID != organization {
		return Imported{}, fmt.Errorf("the export is of organization %s", organization)
	}
	a, err := require(ctx, purgeScope, "write")
	if err != nil {
		return Imported{}, err
	}
	if a.OrganizationID != organization {
		return Imported{}, errs.Forbidden("only an administrator of the organization brings its data back")
	}
	out := Imported{Manifest: m, DryRun: o.DryRun}
	if out.Outcome, err = s.compare(ctx, r, m, o); err != nil || len(out.Conflicts) > 0 || o.DryRun {
		return out, err
	}
	write := s.write
	if m.Subject.Kind != Organization {
		write = func(ctx context.Context, r *bundle.Reader, m Manifest, o ImportOptions) error {
			return s.Tx.Do(ctx, func(ctx context.Context) error { return s.write(ctx, r, m, o) })
		}
	}
	return out, write(ctx, r, m, o)
}

// compare goes through the whole export without writing.
func (s *Service) compare(ctx context.Context, r *bundle.Reader, m Manifest, o ImportOptions) (Outcome, error) {
	var out Outcome
	err := pages(ctx, r, m, func(lines []Line) error {
		if err := s.untombstoned(ctx, m, lines, o); err != nil {
			return err
		}
		one, err := s.Data.Compare(ctx, lines)
		if err != nil {
			return err
		}
		if out.add(one); len(out.Conflicts) >= maxConflicts {
			return errTooMany
		}
		return nil
	})
	if errors.Is(err, errTooMany) {
		err = nil
	}
	return out, err
}

var errTooMany = errors.New("there are too many conflicts to list")

func (s *Service) write(ctx context.Context, r *bundle.Reader, m Manifest, o ImportOptions) error {
	if o.ForceTombstoned {
		if err := s.raise(ctx, r, m); err != nil {
			return err
		}
	}
	err := pages(ctx, r, m, func(lines []Line) error {
		done, err := s.Data.Import(ctx, lines)
		if err == nil && len(done.Conflicts) > 0 {
			err = errs.CodeConflict.Errorf("%s was changed while the import was under way", done.Conflicts[0])
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := pages(ctx, r, m, func(lines []Line) error { return s.Data.Link(ctx, lines) }); err != nil {
		return err
	}
	return s.Events.Record(ctx, event.Change{OrganizationID: m.Subject.OrganizationID, Type: EventImported, Subject: m.Subject.ID})
}

// raise takes the tombstones of what an export brings back away.
func (s *Service) raise(ctx context.Context, r *bundle.Reader, m Manifest) error {
	return pages(ctx, r, m, func(lines []Line) error {
		ids, err := identities(m, lines)
		if err != nil {
			return err
		}
		return s.Store.DeleteTombstones(ctx, ids)
	})
}

// untombstoned refuses lines of what was purged.
func (s *Service) untombstoned(ctx context.Context, m Manifest, lines []Line, o ImportOptions) error {
	ids, err := identities(m, lines)
	if err != nil || o.ForceTombstoned {
		return err
	}
	stones, err := s.Store.FindTombstones(ctx, ids)
	if err == nil && len(stones) > 0 {
		err = Tombstoned.Errorf("%s %s was purged at %s by purge %s; --force-tombstoned brings it back", stones[0].Kind, stones[0].ID,
			stones[0].PurgedAt.Format("2006-01-02 15:04"), stones[0].PurgeID).With("id", stones[0].PurgeID)
	}
	return err
}

// identities returns the subjects that lines make, and those of the manifest. It refuses lines of another organization, as
// an export that somebody has put together could have.
func identities(m Manifest, lines []Line) ([]id.ID, error) {
	ids := []id.ID{m.Subject.OrganizationID}
	for _, s := range m.Subjects {
		ids = append(ids, s.ID)
	}
	for _, l := range lines {
		var row struct {
			ID           id.ID  `json:"id"`
			Organization *id.ID `json:"organization_id"`
		}
		if err := json.Unmarshal(l.JSON, &row); err != nil {
			return nil, fmt.Errorf("a row of %s cannot be read: %w", l.Table, err)
		}
		if row.Organization != nil && !row.Organization.IsZero() && *row.Organization != m.Subject.OrganizationID {
			return nil, fmt.Errorf("a row of %s belongs to another organization than the export", l.Table)
		}
		if !row.ID.IsZero() {
			ids = append(ids, row.ID)
		}
	}
	return ids, nil
}

// pages hands on the lines of an export in its order, some at a time; those of one table together.
func pages(ctx context.Context, r *bundle.Reader, m Manifest, fn func([]Line) error) error {
	for _, f := range m.Files {
		table, records := tableOf(f.Path)
		if !records {
			continue
		}
		if err := pagesOf(ctx, r, f.Path, table, fn); err != nil {
			return err
		}
	}
	return nil
}

func pagesOf(ctx context.Context, r *bundle.Reader, name, table string, fn func([]Line) error) error {
	f, err := r.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	var lines []Line
	for {
		raw, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(raw) > 0 {
			lines = append(lines, Line{Table: table, JSON: slices.Clip(raw)})
		}
		if len(lines) == importPage || err != nil && len(lines) > 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := fn(lines); err != nil {
				return err
			}
			lines = nil
		}
		if err != nil {
			return nil
		}
	}
}
