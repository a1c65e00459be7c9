package web //nolint:testpackage // what the log shows is no part of the package's interface

import (
	"strings"
	"testing"

	"switchboard/internal/id"
)

func TestShownPath(t *testing.T) {
	t.Parallel()
	one := id.New()
	for given, want := range map[string]string{
		"/":                                  "/",
		"/v1/messaging-channels/":            "/v1/messaging-channels/",
		"/v1/users/" + one.String() + "/":    "/v1/users/" + one.String() + "/",
		"/v1/groups/" + one.Short():          "/v1/groups/" + one.Short(),
		"/events/evt_" + one.String():        "/events/evt_" + one.String(),
		"/.well-known/x.json":                "/.well-known/x.json",
		"/callbacks/text":                    "/callbacks/text",
		"/v1/users/sbk_0352_YK5QY4RXGHZSVKS": "/v1/users/…",
		"/v1/groups/0123456789abcdefghijkl":  "/v1/groups/…", // as long as a short identifier
		"/v1/users/hunter2":                  "/v1/users/…",
		"/v1/users/Password":                 "/v1/users/…",
		"/v1/users/me@example.org":           "/v1/users/…",
		"/x%0afake":                          "/…",
		"/" + strings.Repeat("a", 41):        "/…",
		strings.Repeat("/a", 50):             strings.Repeat("/a", 19) + "/…",
	} {
		if got := shownPath(given); got != want {
			t.Errorf("shownPath(%q) = %q, want %q", given, got, want)
		}
	}
}
