package redact_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/redact"
	"switchboard/internal/setting"
)

func TestRedactor_Line(t *testing.T) {
	r := redact.New("s3cr3t/+pass", "abc").WithBasicAuth("user", "hunter22")
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
		if got := r.Line(given); got != want {
			t.Errorf("Line(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestRedactor_Line_ofNilStillHidesURLs(t *testing.T) {
	var r *redact.Redactor
	if got := r.Line("at https://a.example/secret"); got != "at https://a.example/…" {
		t.Errorf("Line = %q", got)
	}
}

func TestRedactor_Line_takesTheLongestSecretFirst(t *testing.T) {
	r := redact.New("tokentoken", "token")
	if got := r.Line("tokentoken"); got != "[redacted]" {
		t.Errorf("Line = %q", got)
	}
}

func TestRedactor_Line_cutsAfterRedacting(t *testing.T) {
	secret := "a-rather-long-secret-value"
	r := redact.New(setting.Secret(secret))
	got := r.Line(strings.Repeat("x", redact.MaxLine-10) + secret + strings.Repeat("y", 100))
	if n := utf8.RuneCountInString(got); n != redact.MaxLine || strings.Contains(got, secret[:8]) {
		t.Errorf("%d characters: %q", n, got)
	}
}

func FuzzRedactor_Line(f *testing.F) {
	const secret = "QZsecretQZ"
	r := redact.New(secret)
	f.Add("a QZsecretQZ b")
	f.Add("https://h/QZsecretQZ")
	f.Add("\xff\x00\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := r.Line(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > redact.MaxLine || strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("Line(%q) = %q", s, got)
		}
		if got := r.Line(s + " " + secret + " " + s); len(s) < 1000 && strings.Contains(got, secret) {
			t.Errorf("the secret shows in %q", got)
		}
	})
}
