package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// The limits of a site.
const (
	maxTags       = 50
	maxTagLength  = 64
	maxSiteValues = 50
	maxSiteBytes  = 16 << 10
)

// SiteEdit is what is to change of a site; nil leaves a value alone, and a pointer to nothing clears it.
type SiteEdit struct {
	Name     *string // required, 1 to 255 characters
	Address  *string // at most 4,096 characters
	Timezone *string // empty: the organization's
	Tags     *[]string
	// Metadata is merged into what is there; a nil value takes its key away.
	Metadata map[string]any
}

func (e SiteEdit) apply(v *Site, o Organization) error {
	setTrimmed(&v.Name, e.Name)
	setTrimmed(&v.Address, e.Address)
	setTrimmed(&v.Timezone, e.Timezone)
	v.Timezone = cmp.Or(v.Timezone, o.Timezone)
	var f errs.Fields
	line(&f, "name", v.Name, 1, maxName)
	prose(&f, "address", v.Address, maxText)
	zone(&f, "timezone", v.Timezone)
	if e.Tags != nil {
		v.Tags = tags(&f, *e.Tags)
	}
	v.Metadata = maps.Clone(v.Metadata)
	for key, value := range e.Metadata {
		if v.Metadata[key] = value; value == nil {
			delete(v.Metadata, key)
		}
	}
	raw, err := json.Marshal(v.Metadata)
	if len(v.Metadata) > maxSiteValues || len(raw) > maxSiteBytes || err != nil {
		f.Add("metadata", "must have at most %d values and %d bytes", maxSiteValues, maxSiteBytes)
	}
	return f.Err()
}

// tags checks tags and returns each once, in the order given.
func tags(f *errs.Fields, list []string) []string {
	out := []string{}
	for i, tag := range list {
		tag = strings.TrimSpace(tag)
		line(f, at("tags", i), tag, 1, maxTagLength)
		if !slices.Contains(out, tag) {
			out = append(out, tag)
		}
	}
	if len(out) > maxTags {
		f.Add("tags", "must have at most %d entries", maxTags)
		return nil
	}
	return out
}

// CreateSite makes a site. One transaction.
func (s *Service) CreateSite(ctx context.Context, e SiteEdit) (Site, error) {
	a, err := mayWrite(ctx, siteScopes())
	if err != nil {
		return Site{}, err
	}
	now := s.now()
	v := Site{ID: id.New(), OrganizationID: a.OrganizationID, Tags: []string{}, Metadata: map[string]any{}, CreatedAt: now, ModifiedAt: now}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		o, err := s.store.GetOrganization(ctx, a.OrganizationID)
		if err != nil {
			return err
		}
		if err := e.apply(&v, o); err != nil {
			return err
		}
		if err := s.store.InsertSite(ctx, v); err != nil {
			return err
		}
		return s.record(ctx, v.OrganizationID, EventSiteCreated, v.ID, SiteEvent{v.ID}, nil, v.snapshot())
	})
	return v, err
}

// UpdateSite changes a site. NotFound. One transaction.
func (s *Service) UpdateSite(ctx context.Context, site id.ID, e SiteEdit) (Site, error) {
	a, err := mayWrite(ctx, siteScopes())
	if err != nil {
		return Site{}, err
	}
	var v Site
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		o, err := s.store.GetOrganization(ctx, a.OrganizationID)
		if err != nil {
			return err
		}
		old, err := s.store.LockSite(ctx, o.ID, site)
		if err != nil {
			return err
		}
		v = old
		if err := e.apply(&v, o); err != nil {
			return err
		}
		v.ModifiedAt = s.now()
		if err := s.store.UpdateSite(ctx, v); err != nil {
			return err
		}
		return s.record(ctx, v.OrganizationID, EventSiteUpdated, v.ID, SiteEvent{v.ID}, old.snapshot(), v.snapshot())
	})
	return v, err
}

// DeleteSite deletes a site. NotFound. One transaction.
func (s *Service) DeleteSite(ctx context.Context, site id.ID) error {
	a, err := mayWrite(ctx, siteScopes())
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.store.LockSite(ctx, a.OrganizationID, site)
		if err != nil {
			return err
		}
		if err := s.store.DeleteSite(ctx, old.OrganizationID, site, s.now()); err != nil {
			return err
		}
		return s.record(ctx, old.OrganizationID, EventSiteDeleted, site, SiteEvent{site}, old.snapshot(), nil)
	})
}

// GetSite returns a site of the actor's organization. NotFound: any other.
func (s *Service) GetSite(ctx context.Context, site id.ID) (Site, error) {
	v, err := s.mayRead(ctx, siteScopes())
	if err != nil {
		return Site{}, err
	}
	found, err := s.store.FindSites(ctx, v.organization, []id.ID{site})
	if err != nil {
		return Site{}, err
	}
	out, ok := found[site]
	if !ok {
		return Site{}, errs.MissingRecord("site")
	}
	return out, nil
}

// ListSites returns every site of the actor's organization, newest first.
func (s *Service) ListSites(ctx context.Context) ([]Site, error) {
	v, err := s.mayRead(ctx, siteScopes())
	if err != nil {
		return nil, err
	}
	return s.store.ListSites(ctx, v.organization)
}
