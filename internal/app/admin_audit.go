package app

import (
	"context"
	"time"

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

// ListAudit returns the newest rows of the audit of an organization that fit a filter, newest first.
func (a *Admin) ListAudit(ctx context.Context, nameOrID string, f audit.Filter, limit int) ([]audit.Event, error) {
	organization, err := a.Organization(ctx, nameOrID)
	if err != nil {
		return nil, err
	}
	list, err := a.Audit.List(a.As(ctx, organization), f, page.Offset{Limit: limit})
	return list.Items, err
}

// ExportAudit hands out the audit of one organization, or of all for an empty text, between two times.
func (a *Admin) ExportAudit(ctx context.Context, nameOrID string, f audit.Filter, write func(audit.Line) error) error {
	var organizations []id.ID
	if nameOrID != "" {
		organization, err := a.Organization(ctx, nameOrID)
		if err != nil {
			return err
		}
		f.OrganizationID, organizations = organization, []id.ID{organization}
	} else {
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
