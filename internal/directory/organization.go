package directory

import (
	"cmp"
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// OrganizationEdit is what is to change of an organization; nil leaves a value alone.
type OrganizationEdit struct {
	Name           *string // required, 1 to 255 characters
	DisplayName    *string
	Timezone       *string // default UTC
	Locale         *string // default en_US
	Classification *string
	ProviderType   *string
}

// apply changes o and checks it.
func (e OrganizationEdit) apply(o *Organization) error {
	setTrimmed(&o.Name, e.Name)
	setTrimmed(&o.DisplayName, e.DisplayName)
	setTrimmed(&o.Timezone, e.Timezone)
	setTrimmed(&o.Locale, e.Locale)
	setTrimmed(&o.Classification, e.Classification)
	setTrimmed(&o.ProviderType, e.ProviderType)
	o.Timezone, o.Locale = cmp.Or(o.Timezone, "UTC"), tidyLocale(cmp.Or(o.Locale, "en_US"))

	var f errs.Fields
	line(&f, "name", o.Name, 1, maxName)
	line(&f, "display_name", o.DisplayName, 0, maxName)
	line(&f, "classification", o.Classification, 0, maxName)
	line(&f, "provider_type", o.ProviderType, 0, maxName)
	zone(&f, "timezone", o.Timezone)
	locale(&f, "locale", o.Locale)
	return f.Err()
}

// ListOrganizations returns the organization of the actor, if its name has the words of name. It is a list because the
// API has one.
func (s *Service) ListOrganizations(ctx context.Context, name string, p page.Offset) (page.List[Organization], error) {
	a := actor.From(ctx)
	if err := covered(a, "read", organizationScopes()); err != nil {
		return page.List[Organization]{}, err
	}
	o, err := s.store.GetOrganization(ctx, a.OrganizationID)
	if err != nil {
		return page.List[Organization]{}, err
	}
	out := page.List[Organization]{Items: []Organization{}}
	if name == "" || Matches(o.Name+" "+o.DisplayName, name) {
		out.Total = 1
	}
	if out.Total > p.Offset {
		out.Items = append(out.Items, o)
	}
	return out, nil
}

// GetOrganization returns the actor's own organization; any other is NotFound.
func (s *Service) GetOrganization(ctx context.Context, organization id.ID) (Organization, error) {
	a := actor.From(ctx)
	if err := covered(a, "read", organizationScopes()); err != nil {
		return Organization{}, err
	}
	if organization != a.OrganizationID {
		return Organization{}, errs.MissingRecord("organization")
	}
	return s.store.GetOrganization(ctx, organization)
}

// CreateOrganization makes a new tenant, in which the actor has no rights; see policy.go. One transaction.
func (s *Service) CreateOrganization(ctx context.Context, e OrganizationEdit) (Organization, error) {
	a, err := mayWrite(ctx, organizationScopes())
	if err != nil {
		return Organization{}, err
	}
	now := s.now()
	o := Organization{ID: id.New(), CreatedAt: now, ModifiedAt: now}
	if err := e.apply(&o); err != nil {
		return Organization{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.InsertOrganization(ctx, o); err != nil {
			return err
		}
		if err := s.record(ctx, o.ID, EventOrganizationCreated, o.ID, nil, nil, o.snapshot()); err != nil {
			return err
		}
		if a.OrganizationID.IsZero() { // the server itself, at its first start
			return nil
		}
		return s.events.Audit(ctx, event.Change{
			OrganizationID: a.OrganizationID, Type: EventOrganizationCreated, Subject: o.ID, After: o.snapshot(),
		})
	})
	return o, err
}

// UpdateOrganization changes the actor's own organization. NotFound: any other. One transaction.
func (s *Service) UpdateOrganization(ctx context.Context, organization id.ID, e OrganizationEdit) (Organization, error) {
	a, err := mayWrite(ctx, organizationScopes())
	if err != nil {
		return Organization{}, err
	}
	if organization != a.OrganizationID {
		return Organization{}, errs.MissingRecord("organization")
	}
	var o Organization
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.store.LockOrganization(ctx, organization)
		if err != nil {
			return err
		}
		o = old
		if err := e.apply(&o); err != nil {
			return err
		}
		o.ModifiedAt = s.now()
		if err := s.store.UpdateOrganization(ctx, o); err != nil {
			return err
		}
		return s.record(ctx, o.ID, EventOrganizationUpdated, o.ID, nil, old.snapshot(), o.snapshot())
	})
	return o, err
}

// DeleteOrganization hides the actor's own organization, and with it everything in it. NotFound: any other. One
// transaction.
func (s *Service) DeleteOrganization(ctx context.Context, organization id.ID) error {
	a, err := mayWrite(ctx, organizationScopes())
	if err != nil {
		return err
	}
	if organization != a.OrganizationID {
		return errs.MissingRecord("organization")
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.store.LockOrganization(ctx, organization)
		if err != nil {
			return err
		}
		if err := s.store.DeleteOrganization(ctx, organization, s.now()); err != nil {
			return err
		}
		return s.record(ctx, organization, EventOrganizationDeleted, organization, nil, old.snapshot(), nil)
	})
}
