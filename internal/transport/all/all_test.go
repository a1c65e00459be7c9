package all_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/transport"
	"switchboard/internal/transport/all"
)

// Every provider says what an operator needs to know of it.
func TestFactories(t *testing.T) {
	served := map[transport.Name]bool{}
	key := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for kind, f := range all.Factories() {
		if len(f.Transports) == 0 || f.New == nil || f.Retry.Attempts < 2 || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: %+v", kind, f)
		}
		for _, n := range f.Transports {
			served[n] = true
			if !n.Valid() {
				t.Errorf("%s serves %q", kind, n)
			}
		}
		seen := []string{"kind"}
		for _, s := range f.Settings {
			if !key.MatchString(s.Key) || slices.Contains(seen, s.Key) || !strings.HasSuffix(s.Doc, ".") {
				t.Errorf("%s: setting %+v", kind, s)
			}
			seen = append(seen, s.Key)
		}
		if _, err := f.New(t.Context(), map[string]any{"no such setting": 1}, transport.Env{}); err == nil {
			t.Errorf("%s takes unknown settings", kind)
		}
	}
	for _, n := range transport.Names() {
		if !served[n] {
			t.Errorf("nothing serves %s", n)
		}
	}
}

// Settings that hold a secret by their name have the type that never prints.
func TestFactories_secretsAreSecrets(t *testing.T) {
	telling := regexp.MustCompile(`(token|password|secret|key)s?$`)
	for kind, f := range all.Factories() {
		for _, s := range f.Settings {
			if telling.MatchString(s.Key) && !strings.Contains(s.Type, "secret") {
				t.Errorf("%s: %s is a %s", kind, s.Key, s.Type)
			}
		}
	}
}

// Every folder of a provider has its line.
func TestFactories_listsEveryFolder(t *testing.T) {
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if !folder.IsDir() || slices.Contains([]string{"all", "egress", "transporttest", "testdata"}, folder.Name()) {
			continue
		}
		if _, ok := all.Factories()[folder.Name()]; !ok {
			t.Errorf("the provider %s is not listed", folder.Name())
		}
	}
}

// The settings that a demo uses open every provider at once.
func TestOpen(t *testing.T) {
	set, err := transport.Open(t.Context(), transport.Config{
		Providers: map[string]map[string]any{
			"mail":   {"kind": "smtp", "host": "127.0.0.1", "port": 1025, "tls": "none", "from": "demo@example.com"},
			"twilio": {"kind": "twilio", "account_sid": "AC" + strings.Repeat("0", 32), "auth_token": "t", "from": "+15005550006", "whatsapp_from": "+15005550006"},
			"hooks":  {"kind": "webhook", "allow_private": true},
		},
		Routes: map[transport.Name]string{transport.SMS: "twilio"},
	}, all.Factories(), transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Transports(); len(got) != len(transport.Names()) {
		t.Errorf("Transports = %v", got)
	}
	if _, ok := set.Callbacks("twilio"); !ok {
		t.Error("twilio reads no callbacks")
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
}
