package setting_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"switchboard/internal/setting"
)

func TestSecret_neverPrints(t *testing.T) {
	const plain = "open-sesame"
	secret := setting.Secret(plain)
	holder := struct {
		Name  string
		Token setting.Secret
		List  []setting.Secret
	}{"n", secret, []setting.Secret{secret}}

	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "token", secret, "holder", holder)
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{logged.String(), string(encoded), secret.String()}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%X", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, secret), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder))
	}
	for _, text := range printed {
		if strings.Contains(text, plain) || strings.Contains(text, fmt.Sprintf("%x", plain)) {
			t.Errorf("the secret shows in %s", text)
		}
	}
	if secret.Reveal() != plain {
		t.Error("Reveal does not reveal")
	}
	if got := fmt.Sprintf("%v", setting.Secret("")); got != "" {
		t.Errorf("the empty secret prints as %q", got)
	}
}
