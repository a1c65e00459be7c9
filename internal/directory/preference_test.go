package directory_test

import (
	"strings"
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

func TestService_ListPreferences_defaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list, err := w.ListPreferences(w.admin(), "")
	w.must(err)
	var names []directory.PreferenceName
	for _, p := range list {
		names = append(names, p.Name)
		if p.Explicit || !p.CreatedAt.IsZero() || p.OrganizationID != w.org.ID || p.ID != directory.PreferenceID(w.org.ID, p.Name) {
			t.Errorf("a default: %+v", p)
		}
		if p.ID == directory.PreferenceID(w.other.ID, p.Name) {
			t.Errorf("two organizations share %s", p.ID)
		}
		again, err := w.GetPreference(w.admin(), p.ID)
		w.must(err)
		same(t, "by id", again, p)
	}
	same(t, "names", names, directory.PreferenceNames())
	set, err := w.Preferences(t.Context(), w.org.ID)
	w.must(err)
	same(t, "title", set.ChannelTitle("", []string{"Ann", "Ben"}), "Ann, Ben")
	same(t, "title of nobody", set.ChannelTitle("", nil), "")
	same(t, "acks are shared", set.GroupProviderAck, false)
	if set.InitialSMS("") == "" {
		t.Error("there is no first text")
	}
	if _, err := w.Preferences(t.Context(), id.New()); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("of no organization: %v", err)
	}
}

func TestService_SetPreference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, err := w.SetPreference(w.admin(), directory.NewPreference{
		Name: directory.DefaultChannelTitle, Type: directory.PreferenceJSON,
		Texts: map[string]string{"en-US": " Talk with {{ individual.name }} ", "es_US": "Con {{individual.name}}", "de": "Gespräch"},
	})
	w.must(err)
	if !p.Explicit || !p.CreatedAt.Equal(w.now) || p.Texts["en_US"] != "Talk with {{ individual.name }}" {
		t.Errorf("%+v", p)
	}
	set, err := w.Preferences(t.Context(), w.org.ID)
	w.must(err)
	for locale, want := range map[string]string{
		"en_US": "Talk with Ann", "en_GB": "Talk with Ann", "es_MX": "Con Ann", "de_AT": "Gespräch", "fr_FR": "Talk with Ann", "": "Talk with Ann",
	} {
		same(t, "title in "+locale, set.ChannelTitle(locale, []string{"Ann"}), want)
	}
	made := w.now
	w.now = w.now.Add(1e9)
	p, err = w.SetPreference(w.admin(), directory.NewPreference{Name: directory.DefaultChannelTitle, Type: directory.PreferenceText, Value: "The team"})
	w.must(err)
	same(t, "made", p.CreatedAt, made)
	w.must(second(w.SetPreference(w.admin(), directory.NewPreference{Name: directory.GroupProviderAck, Type: directory.PreferenceBoolean, Value: "true"})))
	w.must(second(w.SetPreference(w.admin(), directory.NewPreference{Name: directory.InitialSMSMessage, Type: directory.PreferenceText, Value: "Hello\nthere"})))
	set, err = w.Preferences(t.Context(), w.org.ID)
	w.must(err)
	same(t, "title", set.ChannelTitle("de", []string{"Ann"}), "The team")
	same(t, "acks are shared", set.GroupProviderAck, true)
	same(t, "first text", set.InitialSMS("en_US"), "Hello\nthere")
	one, err := w.ListPreferences(w.admin(), directory.GroupProviderAck)
	w.must(err)
	same(t, "of one name", len(one), 1)
	theirs, err := w.Preferences(t.Context(), w.other.ID)
	w.must(err)
	same(t, "theirs", theirs.GroupProviderAck, false)

	w.must(w.ResetPreference(w.admin(), p.ID))
	w.must(w.ResetPreference(w.admin(), p.ID)) // it has its default already
	set, err = w.Preferences(t.Context(), w.org.ID)
	w.must(err)
	same(t, "title after the reset", set.ChannelTitle("", []string{"Ann"}), "Ann")
	same(t, "events", w.events(), []string{
		directory.EventPreferenceSet, directory.EventPreferenceSet, directory.EventPreferenceSet, directory.EventPreferenceSet, directory.EventPreferenceReset,
	})
	same(t, "rows of the audit", w.audits(), 5)
	same(t, "told", w.last(directory.EventPreferenceReset), `{"name":"default-channel-title"}`)
}

func TestService_SetPreference_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tc := range map[string]struct {
		n      directory.NewPreference
		fields []string
	}{
		"nothing":             {directory.NewPreference{}, []string{"name", "type"}},
		"an unknown name":     {directory.NewPreference{Name: "x", Type: directory.PreferenceText, Value: "x"}, []string{"name"}},
		"a yes as a text":     {directory.NewPreference{Name: directory.GroupProviderAck, Type: directory.PreferenceText, Value: "true"}, []string{"type"}},
		"a text as a yes":     {directory.NewPreference{Name: directory.InitialSMSMessage, Type: directory.PreferenceBoolean, Value: "true"}, []string{"type"}},
		"neither yes nor no":  {directory.NewPreference{Name: directory.GroupProviderAck, Type: directory.PreferenceBoolean, Value: "1"}, []string{"value"}},
		"an empty title":      {directory.NewPreference{Name: directory.DefaultChannelTitle, Type: directory.PreferenceText, Value: " "}, []string{"value"}},
		"a long title":        {directory.NewPreference{Name: directory.DefaultChannelTitle, Type: directory.PreferenceText, Value: strings.Repeat("x", 256)}, []string{"value"}},
		"two lines of title":  {directory.NewPreference{Name: directory.DefaultChannelTitle, Type: directory.PreferenceText, Value: "a\nb"}, []string{"value"}},
		"an unknown variable": {directory.NewPreference{Name: directory.DefaultChannelTitle, Type: directory.PreferenceText, Value: "{{individual.phone}}"}, []string{"value"}},
		"a long text":         {directory.NewPreference{Name: directory.InitialSMSMessage, Type: directory.PreferenceText, Value: strings.Repeat("x", 1601)}, []string{"value"}},
		"texts for a text": {directory.NewPreference{
			Name: directory.InitialSMSMessage, Type: directory.PreferenceText, Value: "x", Texts: map[string]string{"en": "x"},
		}, []string{"value_js"}},
		"no texts": {directory.NewPreference{Name: directory.InitialSMSMessage, Type: directory.PreferenceJSON, Value: "x"}, []string{"value", "value_js"}},
		"wrong texts": {directory.NewPreference{
			Name: directory.DefaultChannelTitle, Type: directory.PreferenceJSON, Texts: map[string]string{"english": "x", "en": "", "de": "{{x}}"},
		}, []string{"value_js.english", "value_js.en", "value_js.de"}},
	} {
		w.refused(name, second(w.SetPreference(w.admin(), tc.n)), errs.CodeInvalid, tc.fields...)
	}
	w.refused("reset of theirs", w.ResetPreference(w.admin(), directory.PreferenceID(w.other.ID, directory.GroupProviderAck)), errs.CodeNotFound)
	w.refused("get of theirs", second(w.GetPreference(w.admin(), directory.PreferenceID(w.other.ID, directory.GroupProviderAck))), errs.CodeNotFound)
}

func TestService_preferences_roles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	preference := directory.PreferenceID(w.org.ID, directory.GroupProviderAck)
	for who, ctx := range w.everyone() {
		_, setErr := w.SetPreference(ctx, directory.NewPreference{Name: directory.GroupProviderAck, Type: directory.PreferenceBoolean, Value: "true"})
		resetErr, listErr := w.ResetPreference(ctx, preference), second(w.ListPreferences(ctx, ""))
		getErr := second(w.GetPreference(ctx, preference))
		reads, writes := who != "nobody" && who != "unscoped", who == "administrator"
		if got := setErr == nil; got != (writes || who == "stranger") { // the stranger sets its own
			t.Errorf("%s sets: %v", who, setErr)
		}
		if got := resetErr == nil; got != writes {
			t.Errorf("%s resets: %v", who, resetErr)
		}
		if got := listErr == nil; got != reads {
			t.Errorf("%s lists: %v", who, listErr)
		}
		if got := getErr == nil; got != (reads && who != "stranger") {
			t.Errorf("%s gets: %v", who, getErr)
		}
	}
}
