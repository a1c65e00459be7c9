package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/privacy/bundle"
)

// Index says what an export of everything holds: an export of each organization, in a folder of its own. It is the last file to be
// written.
type Index struct {
	Format        string    `json:"format"`
	MadeAt        time.Time `json:"made-at"`
	Organizations []Part    `json:"organizations"`
}

// Part is the export of one organization. Its manifest has the hashes of its other files.
type Part struct {
	ID       id.ID            `json:"id"`
	Folder   string           `json:"folder"`
	Manifest bundle.File      `json:"manifest"`
	Counts   map[string]int64 `json:"counts"` // rows of each table
}

const indexName = "installation.json"

// Everything is what was written of a whole installation.
type Everything struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"` // of a tar
	Index  Index  `json:"index"`
}

// installer lets the operator of the whole installation through, who is an administrator of no organization.
func installer(ctx context.Context, action string) (actor.Actor, error) {
	a, err := require(ctx, purgeScope, action)
	if err == nil && a.OrganizationID != actor.Installation() {
		err = errs.Forbidden("only the operator of the installation has to do with all of it")
	}
	return a, err
}

// actingIn is ctx with the operator as an administrator of one organization.
func actingIn(ctx context.Context, a actor.Actor, organization id.ID) context.Context {
	a.OrganizationID = organization
	return actor.With(ctx, a)
}

// ExportEverything writes all that is stored of each organization to path, as Export does for one; each part is such an export too.
// progress, when given, is told of every table. It holds a page of rows at a time, and leaves nothing at path when it fails or ctx ends.
//
// Denied: not the operator. NotFound: there is no organization, or nothing is stored of one. It is audited in each organization.
func (s *Service) ExportEverything(ctx context.Context, organizations []id.ID, path string, progress func(organization id.ID, table string, rows int64)) (_ Everything, err error) {
	a, err := installer(ctx, "read")
	if err != nil {
		return Everything{}, err
	}
	if len(organizations) == 0 {
		return Everything{}, ErrNothing
	}
	w, err := bundle.Create(path)
	if err != nil {
		return Everything{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Abandon())
		}
	}()
	x := Index{Format: indexFormat, MadeAt: s.Clock()}
	for _, organization := range organizations {
		told := func(table string, rows int64) {
			if progress != nil {
				progress(organization, table, rows)
			}
		}
		part, err := s.exportPart(actingIn(ctx, a, organization), w, organization, told)
		if err != nil {
			return Everything{}, fmt.Errorf("organization %s: %w", organization, err)
		}
		x.Organizations = append(x.Organizations, part)
	}
	if _, err := s.addSigned(ctx, w, indexName, actor.Installation(), x); err != nil {
		return Everything{}, err
	}
	whole, err := w.Commit()
	return Everything{Path: path, SHA256: whole.SHA256, Index: x}, err
}

func (s *Service) exportPart(ctx context.Context, w *bundle.Writer, organization id.ID, progress func(string, int64)) (Part, error) {
	subjects, err := s.Data.Find(ctx, organization, Organization, organization)
	if err == nil && len(subjects) == 0 {
		err = ErrNothing
	}
	if err != nil {
		return Part{}, err
	}
	// Before, not after: an export that nobody knows of is worse than an audited one that failed.
	if err := s.Events.Audit(ctx, event.Change{OrganizationID: organization, Type: dataExported, Subject: organization}); err != nil {
		return Part{}, err
	}
	part := Part{ID: organization, Folder: "organizations/" + organization.String()}
	below := w.Below(part.Folder)
	m, file, err := s.fill(ctx, below, Subject{Organization, organization, organization}, subjects, progress)
	part.Counts, part.Manifest = m.Counts, file
	w.Join(part.Folder, below)
	return part, err
}

// ImportEverything brings an export of everything back, as Import does for one organization. All of it is compared before anything is
// written. When it is interrupted, doing it again completes it. progress, when given, is told of each organization that is done.
//
// Denied: not the operator. Tombstoned. Otherwise as Import.
func (s *Service) ImportEverything(ctx context.Context, path string, o ImportOptions, progress func(organization id.ID)) (Outcome, error) {
	a, err := installer(ctx, "write")
	if err != nil {
		return Outcome{}, err
	}
	r, err := bundle.Open(path)
	if err != nil {
		return Outcome{}, err
	}
	out, err := s.importParts(ctx, a, r, o, progress)
	return out, errors.Join(err, r.Close())
}

func (s *Service) importParts(ctx context.Context, a actor.Actor, r *bundle.Reader, o ImportOptions, progress func(id.ID)) (Outcome, error) {
	var x Index
	if err := readSigned(ctx, r, indexName, o.Verify, indexFormat, &x); err != nil {
		return Outcome{}, err
	}
	var total Outcome
	dry := o
	dry.DryRun = true
	for _, part := range x.Organizations {
		one, err := s.importPart(actingIn(ctx, a, part.ID), r, part, dry)
		if err != nil {
			return Outcome{}, err
		}
		if total.add(one.Outcome); len(total.Conflicts) >= maxConflicts {
			break
		}
	}
	if len(total.Conflicts) > 0 || o.DryRun {
		return total, nil
	}
	for _, part := range x.Organizations {
		if _, err := s.importPart(actingIn(ctx, a, part.ID), r, part, o); err != nil {
			return total, err
		}
		if progress != nil {
			progress(part.ID)
		}
	}
	return total, nil
}

func (s *Service) importPart(ctx context.Context, r *bundle.Reader, part Part, o ImportOptions) (Imported, error) {
	below, err := r.Below(part.Folder)
	if err == nil {
		err = below.Check(part.Manifest)
	}
	if err != nil {
		return Imported{}, fmt.Errorf("organization %s: %w", part.ID, err)
	}
	o.OrganizationID = part.ID
	done, err := s.importFrom(ctx, below, o)
	if err == nil && len(done.Conflicts) > 0 && !o.DryRun {
		err = errs.CodeConflict.Errorf("%s was changed while the import was under way", done.Conflicts[0])
	}
	if err != nil {
		return done, fmt.Errorf("organization %s: %w", part.ID, err)
	}
	return done, nil
}
