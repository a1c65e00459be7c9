package directorytest

import (
	"testing"

	"switchboard/internal/directory"
)

func organizationNames(t *testing.T, s suite) {
	ctx := t.Context()
	second, third := Organization("Same Name"), Organization("same name")
	must(t, s.InsertOrganization(ctx, second))
	must(t, s.InsertOrganization(ctx, third))
	named := func(name string, limit int) []directory.Organization {
		t.Helper()
		found, err := s.FindOrganizationsNamed(ctx, name, limit)
		must(t, err)
		return found
	}
	if found := named("SAME NAME", 10); len(found) != 2 || found[0].ID != second.ID || found[1].ID != third.ID {
		t.Errorf("two of a name: %+v", found)
	}
	if found := named("same name", 1); len(found) != 1 || found[0].ID != second.ID {
		t.Errorf("one of two: %+v", found)
	}
	for _, name := range []string{"", "Same", "same_name", "%"} {
		if found := named(name, 10); len(found) != 0 {
			t.Errorf("%q: %+v", name, found)
		}
	}
	must(t, s.DeleteOrganization(ctx, second.ID, s.org.CreatedAt))
	if found := named("same name", 10); len(found) != 1 || found[0].ID != third.ID {
		t.Errorf("after a deletion: %+v", found)
	}
}
