package transport_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/setting"
	"switchboard/internal/transport"
)

func TestRedactor_Text(t *testing.T) {
	r := transport.NewRedactor("s3cr3t/+pass", "abc").WithBasicAuth("user", "hunter22")
	for given, want := range map[string]string{
		"nothing to hide":                                    "nothing to hide",
		"password s3cr3t/+pass refused":                      "password [redacted] refused",
		"escaped s3cr3t%2F%2Bpass":                           "escaped [redacted]",
		"base64 czNjcjN0LytwYXNz":                            "base64 [redacted]",
		"Authorization: Basic dXNlcjpodW50ZXIyMg==":          "Authorization: Basic [redacted]",
		"Authorization: Bearer abcdefghijklmnop":             "Authorization: Bearer [redacted]",
		"key whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw":         "key whsec_[redacted]",
		"short secrets such as abc stay":                     "short secrets such as abc stay",
		"Post \"https://u:p@hook.example/t/T0/B1?x=1\": EOF": "Post \"https://hook.example/…\": EOF",
		"see https://www.example.com/docs/errors/20404":      "see https://www.example.com/…",
		"https://example.com/":                               "https://example.com",
		"broken http://[::1 host":                            "broken [URL withheld] host",
		"two\nlines\r\nand\ttabs\x00":                        "two lines and tabs",
		"evil \u202eflip":                                    "evil flip",
		"bad \xff byte":                                      "bad \ufffd byte",
	} {
		if got := r.Text(given); got != want {
			t.Errorf("Text(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestRedactor_Text_ofNilStillHidesURLs(t *testing.T) {
	var r *transport.Redactor
	if got := r.Text("at https://a.example/secret"); got != "at https://a.example/…" {
		t.Errorf("Text = %q", got)
	}
}

func TestRedactor_Text_takesTheLongestSecretFirst(t *testing.T) {
	r := transport.NewRedactor("tokentoken", "token")
	if got := r.Text("tokentoken"); got != "[redacted]" {
		t.Errorf("Text = %q", got)
	}
}

func TestRedactor_Text_cutsAfterRedacting(t *testing.T) {
	secret := "a-rather-long-secret-value"
	r := transport.NewRedactor(setting.Secret(secret))
	got := r.Text(strings.Repeat("x", transport.MaxDetail-10) + secret + strings.Repeat("y", 100))
	if n := utf8.RuneCountInString(got); n != transport.MaxDetail || strings.Contains(got, secret[:8]) {
		t.Errorf("%d characters: %q", n, got)
	}
}

func FuzzRedactor_Text(f *testing.F) {
	const secret = "QZsecretQZ"
	r := transport.NewRedactor(secret)
	f.Add("a QZsecretQZ b")
	f.Add("https://h/QZsecretQZ")
	f.Add("\xff\x00\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := r.Text(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > transport.MaxDetail || strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("Text(%q) = %q", s, got)
		}
		if got := r.Text(s + " " + secret + " " + s); len(s) < 1000 && strings.Contains(got, secret) {
			t.Errorf("the secret shows in %q", got)
		}
	})
}
