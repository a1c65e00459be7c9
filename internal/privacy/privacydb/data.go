package privacydb

import (
	"context"
	"encoding/json"

	"switchboard/internal/db"
	"switchboard/internal/db/personal"
	"switchboard/internal/id"
	"switchboard/internal/privacy"
)

// Find returns whose data an entity is; the directory knows.
type Find func(ctx context.Context, organization id.ID, kind personal.Kind, entity id.ID) ([]personal.Subject, error)

// Data implements privacy.Data by the declarations of every context.
type Data struct {
	db     *db.DB
	engine *personal.Engine
	find   Find
}

// NewData returns what is stored in d, as engine knows it.
func NewData(d *db.DB, engine *personal.Engine, find Find) *Data {
	return &Data{db: d, engine: engine, find: find}
}

var _ privacy.Data = (*Data)(nil)

// Find implements privacy.Data.
func (d *Data) Find(ctx context.Context, organization id.ID, kind privacy.Kind, entity id.ID) ([]privacy.Subject, error) {
	found, err := d.find(ctx, organization, personal.Kind(kind), entity)
	out := make([]privacy.Subject, len(found))
	for i, s := range found {
		out[i] = privacy.Subject{Kind: privacy.Kind(s.Kind), ID: s.ID, OrganizationID: s.OrganizationID}
	}
	return out, err
}

// Erase implements privacy.Data.
func (d *Data) Erase(ctx context.Context, s privacy.Subject, progress json.RawMessage, limit int, save privacy.SaveProgress) (privacy.Erased, error) {
	var p personal.Progress
	if len(progress) > 0 {
		if err := json.Unmarshal(progress, &p); err != nil {
			return privacy.Erased{}, err
		}
	}
	next, err := d.engine.Erase(ctx, subject(s), p, limit, func(ctx context.Context, p personal.Progress) error {
		e, err := erased(p)
		if err != nil {
			return err
		}
		return save(ctx, e)
	})
	if err != nil {
		return privacy.Erased{}, err
	}
	return erased(next)
}

func erased(p personal.Progress) (privacy.Erased, error) {
	raw, err := json.Marshal(p)
	counts := make(map[string]privacy.Tally, len(p.Counts))
	for table, c := range p.Counts {
		counts[table] = privacy.Tally(c)
	}
	return privacy.Erased{Progress: raw, Counts: counts, Done: p.Done}, err
}

// Identities implements privacy.Data.
func (d *Data) Identities(ctx context.Context, s privacy.Subject, limit int, fn func([]id.ID) error) error {
	return d.engine.Identities(ctx, subject(s), limit, fn)
}

// Scrub implements privacy.Data.
func (d *Data) Scrub(ctx context.Context) error { return d.db.Scrub(ctx) }

// Export implements privacy.Data.
func (d *Data) Export(ctx context.Context, subjects []privacy.Subject, row func(table string, line []byte) error) error {
	list := make([]personal.Subject, len(subjects))
	for i, s := range subjects {
		list[i] = subject(s)
	}
	return d.engine.Export(ctx, list, row)
}

// Compare implements privacy.Data.
func (d *Data) Compare(ctx context.Context, lines []privacy.Line) (privacy.Outcome, error) {
	out, err := d.engine.Compare(ctx, linesOf(lines))
	return privacy.Outcome(out), err
}

// Import implements privacy.Data.
func (d *Data) Import(ctx context.Context, lines []privacy.Line) (privacy.Outcome, error) {
	out, err := d.engine.Import(ctx, linesOf(lines))
	return privacy.Outcome(out), err
}

// Link implements privacy.Data.
func (d *Data) Link(ctx context.Context, lines []privacy.Line) error {
	return d.engine.Link(ctx, linesOf(lines))
}

func subject(s privacy.Subject) personal.Subject {
	return personal.Subject{Kind: personal.Kind(s.Kind), ID: s.ID, OrganizationID: s.OrganizationID}
}

func linesOf(lines []privacy.Line) []personal.Line {
	out := make([]personal.Line, len(lines))
	for i, l := range lines {
		out[i] = personal.Line(l)
	}
	return out
}
