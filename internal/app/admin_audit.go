package app

import (
	"context"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/audit"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// closing bounds how long an Admin that closes waits for the database.
const closing = 10 * time.Second

// Close gives what was done its places in the chain of the audit, in case no server is running to do it, and closes the database.
func (a *Admin) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if _, err := a.chainer.Chain(ctx); err != nil {
		a.log.Warn("the audit is not chained yet; the next server will do it", "error", err)
	}
	return a.db.Close()
}

// AuditOf is whose part of the audit is meant.
type AuditOf struct {
	Organization string // name or id
	Installation bool   // the acts on the whole installation, which are no organization's
}

// ListAudit returns the newest rows of a part of the audit that fit a filter, newest first. When no part is named it is that of the
// only organization.
func (a *Admin) ListAudit(ctx context.Context, of AuditOf, f audit.Filter, limit int) ([]audit.Event, error) {
	organization, err := a.partOf(ctx, of)
	if err != nil {
		return nil, err
	}
	list, err := a.Audit.List(a.As(ctx, organization), f, page.Offset{Limit: limit})
	return list.Items, err
}

func (a *Admin) partOf(ctx context.Context, of AuditOf) (id.ID, error) {
	if of.Installation {
		return actor.Installation(), nil
	}
	return a.Organization(ctx, of.Organization)
}

// ExportAudit hands out a part of the audit, or all of it when none is named, between two times.
func (a *Admin) ExportAudit(ctx context.Context, of AuditOf, f audit.Filter, write func(audit.Line) error) error {
	var organizations []id.ID
	if of != (AuditOf{}) {
		organization, err := a.partOf(ctx, of)
		if err != nil {
			return err
		}
		f.OrganizationID, organizations = organization, []id.ID{organization}
	} else {
		organizations = append(organizations, actor.Installation())
		all, err := a.Directory.Organizations(ctx)
		if err != nil {
			return err
		}
		for _, o := range all {
			organizations = append(organizations, o.ID)
		}
	}
	return a.Audit.Export(a.As(ctx, f.OrganizationID), f, organizations, write)
}
