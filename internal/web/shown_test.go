package web //nolint:testpackage // what the log shows is no part of the package's interface

import (
	"strings"
	"testing"

	"switchboard/internal/id"
)

func TestWords_shown(t *testing.T) {
	t.Parallel()
	w := words{}
	for _, path := range []string{
		"/", "/v1/messaging-channels/{id}/", "/v1/users/", "/v1/groups/{id}", "/events/{id}", "/.well-known/x.json", "/callbacks/{provider}", "/files/{path...}", "/a",
	} {
		w.add(path)
	}
	one := id.New()
	for given, want := range map[string]string{
		"/":                                  "/",
		"/v1/messaging-channels/":            "/v1/messaging-channels/",
		"/v1/users/" + one.String() + "/":    "/v1/users/" + one.String() + "/",
		"/v1/groups/" + one.Short():          "/v1/groups/" + one.Short(),
		"/events/evt_" + one.String():        "/events/evt_" + one.String(),
		"/.well-known/x.json":                "/.well-known/x.json",
		"/callbacks/text":                    "/callbacks/…",
		"/callbacks/{provider}":              "/callbacks/…",
		"/v1/users/sbk_0352_YK5QY4RXGHZSVKS": "/v1/users/…",
		"/v1/groups/0123456789abcdefghijkl":  "/v1/groups/…", // as long as a short identifier
		"/v1/users/hunter2":                  "/v1/users/…",
		"/v1/users/Password":                 "/v1/users/…",
		"/v1/users/password":                 "/v1/users/…", // a word, but none of ours
		"/v1/users/me@example.org":           "/v1/users/…",
		"/v1/users/SECRET_" + one.String():   "/v1/users/…",
		"/x%0afake":                          "/…",
		strings.Repeat("/a", 50):             strings.Repeat("/a", 19) + "/…",
	} {
		if got := w.shown(given); got != want {
			t.Errorf("shown(%q) = %q, want %q", given, got, want)
		}
	}
}
