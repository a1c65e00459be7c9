package directorytest

import (
	"testing"

	"switchboard/internal/directory"
)

func preferences(t *testing.T, s suite) {
	ctx := t.Context()
	title := directory.OrgPreference{
		ID: directory.PreferenceID(s.org.ID, directory.DefaultChannelTitle), OrganizationID: s.org.ID, Name: directory.DefaultChannelTitle,
		Type: directory.PreferenceJSON, Texts: map[string]string{"en_US": "a"}, Explicit: true, CreatedAt: At,
	}
	ack := directory.OrgPreference{
		ID: directory.PreferenceID(s.org.ID, directory.GroupProviderAck), OrganizationID: s.org.ID, Name: directory.GroupProviderAck,
		Type: directory.PreferenceBoolean, Value: "true", Explicit: true, CreatedAt: At,
	}
	must(t, s.PutPreference(ctx, title))
	must(t, s.PutPreference(ctx, ack))
	ack.Value, ack.CreatedAt = "false", At.Add(1e9)
	must(t, s.PutPreference(ctx, ack))
	type all = map[directory.PreferenceName]directory.OrgPreference
	got, err := s.FindPreferences(ctx, s.org.ID)
	must(t, err)
	same(t, "stored", got, all{title.Name: title, ack.Name: ack})
	must(t, s.DeletePreference(ctx, s.other.ID, title.Name)) // has none
	must(t, s.DeletePreference(ctx, s.org.ID, ack.Name))
	must(t, s.DeletePreference(ctx, s.org.ID, ack.Name))
	got, err = s.FindPreferences(ctx, s.org.ID)
	must(t, err)
	same(t, "after delete", got, all{title.Name: title})
	got, err = s.FindPreferences(ctx, s.other.ID)
	must(t, err)
	same(t, "of another organization", got, all{})
	must(t, s.DeleteOrganization(ctx, s.org.ID, At))
	got, err = s.FindPreferences(ctx, s.org.ID)
	must(t, err)
	same(t, "of a deleted organization", got, all{})
}
