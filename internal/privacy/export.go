package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/privacy/bundle"
)

// Manifest says what an export holds. It is the last file to be written.
type Manifest struct {
	Format   string           `json:"format"`
	MadeAt   time.Time        `json:"made-at"`
	Subject  Subject          `json:"subject"`
	Subjects []Subject        `json:"subjects"`
	Counts   map[string]int64 `json:"counts"` // rows of each table
	Files    []bundle.File    `json:"files"`
}

// manifestName and recordsName are the files of an export.
const manifestName = "manifest.json"

func recordsName(table string) string { return "records/" + table + ".jsonl" }

func tableOf(name string) (string, bool) {
	table, records := strings.CutPrefix(name, "records/")
	table, lines := strings.CutSuffix(table, ".jsonl")
	return table, records && lines
}

// Export is what was written.
type Export struct {
	Path     string   `json:"path"`
	SHA256   string   `json:"sha256,omitempty"` // of a tar
	Manifest Manifest `json:"manifest"`
}

// ErrNothing is returned for an export of what nothing is stored of.
var ErrNothing = errs.MissingRecord("subject; nothing is stored of it")

// Export writes everything that is stored about an entity of the actor's organization to path: a folder, or a tar by
// its name. progress, when given, is told of every table and how many rows it had. The export is on the disk when it
// returns; one that fails leaves nothing at path.
//
// Denied: not an administrator. NotFound: nothing is stored of the entity. It is audited.
func (s *Service) Export(ctx context.Context, kind Kind, entity id.ID, path string, progress func(table string, rows int64)) (Export, error) {
	a, err := require(ctx, purgeScope, "read")
	if err != nil {
		return Export{}, err
	}
	subjects, err := s.Data.Find(ctx, a.OrganizationID, kind, entity)
	if err != nil {
		return Export{}, err
	}
	if len(subjects) == 0 {
		return Export{}, ErrNothing
	}
	subject := Subject{kind, entity, a.OrganizationID}
	// Before, not after: an export that nobody knows of is worse than an audited one that failed.
	if err := s.Events.Audit(ctx, event.Change{OrganizationID: a.OrganizationID, Type: dataExported, Subject: entity}); err != nil {
		return Export{}, err
	}
	return s.export(ctx, subject, subjects, path, progress)
}

func (s *Service) export(ctx context.Context, subject Subject, subjects []Subject, path string, progress func(string, int64)) (_ Export, err error) {
	w, err := bundle.Create(path)
	if err != nil {
		return Export{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Abandon())
		}
	}()
	m, _, err := s.fill(ctx, w, subject, subjects, progress)
	if err != nil {
		return Export{}, err
	}
	whole, err := w.Commit()
	return Export{Path: path, SHA256: whole.SHA256, Manifest: m}, err
}

// fill writes the files of an export: the records, and the manifest last.
func (s *Service) fill(ctx context.Context, w *bundle.Writer, subject Subject, subjects []Subject, progress func(string, int64)) (Manifest, bundle.File, error) {
	var err error
	m := Manifest{Format: manifestFormat, MadeAt: s.Clock(), Subject: subject, Subjects: subjects}
	if m.Counts, err = s.records(ctx, subjects, w, progress); err != nil {
		return Manifest{}, bundle.File{}, err
	}
	m.Files = w.Files()
	file, err := s.addSigned(ctx, w, manifestName, subject.OrganizationID, m)
	return m, file, err
}

// addSigned adds a document with the server's signature.
func (s *Service) addSigned(ctx context.Context, w *bundle.Writer, name string, organization id.ID, document any) (bundle.File, error) {
	signed, err := sign(actor.With(ctx, actor.System(organization)), s.Signer, document)
	if err != nil {
		return bundle.File{}, err
	}
	return w.Add(name, func(out io.Writer) error { return json.NewEncoder(out).Encode(signed) })
}

// records writes a file for each table that has rows, and counts them.
func (s *Service) records(ctx context.Context, subjects []Subject, w *bundle.Writer, progress func(string, int64)) (map[string]int64, error) {
	var (
		counts  = map[string]int64{}
		current string
		file    *bundle.FileWriter
	)
	finish := func() error {
		if file == nil {
			return nil
		}
		if progress != nil {
			progress(current, counts[current])
		}
		_, err := file.Close()
		return err
	}
	err := s.Data.Export(ctx, subjects, func(table string, line []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if table != current {
			if err := finish(); err != nil {
				return err
			}
			var err error
			if file, err = w.Open(recordsName(table)); err != nil {
				return err
			}
			current = table
		}
		counts[table]++
		_, err := file.Write(line)
		return err
	})
	if err := errors.Join(err, finish()); err != nil {
		return nil, fmt.Errorf("exporting: %w", err)
	}
	return counts, nil
}
