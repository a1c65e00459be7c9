package directory

import (
	"context"
)

// OrganizationsNamed returns the organizations of a name, whatever the case, oldest first and at most limit. It checks no
// permission: it is for who decides whose organization a person signs in to.
func (s *Service) OrganizationsNamed(ctx context.Context, name string, limit int) ([]Organization, error) {
	return s.store.FindOrganizationsNamed(ctx, name, limit)
}
