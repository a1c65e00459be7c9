package redact_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/redact"
)

// jwt is a token in its usual form, and jwt2 one whose header begins with a blank.
const (
	jwt  = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	jwt2 = "eyAiYWxnIjogIlJTMjU2IiB9.eyAic3ViIjogIjEyMzQ1In0.c2lnbmF0dXJl"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"password", "Password", "new-password", "client_secret", "clientSecret", "CLIENT_SECRET", "apiKey", "api-key", "key", "keys",
		"token", "access_token", "refreshToken", "X-Auth-Token", "credentials", "Authorization", "Set-Cookie", "private_key", "p.key",
		"filter[token]", "X-Amz-Signature", "sig", "assertion", "code_verifier", "auth", "webhook-url", "webhookUrl", "urn:ietf:params:scim:schemas:core:2.0:User:password",
	} {
		if !redact.Name(name) {
			t.Errorf("%q is the name of no secret", name)
		}
	}
	for _, name := range []string{"", "-", "name", "author", "monkey", "key-id", "keyboard", "message", "individual-id", "design", "authored-at", "webhook"} {
		if redact.Name(name) {
			t.Errorf("%q is the name of a secret", name)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"nothing to hide":                      "nothing to hide",
		"two\nlines":                           "two\nlines",
		"a key sbk_4f5w_ABCDEF and more":       "a key sbk_[redacted] and more",
		"tokens sbt_ABC, sbu_DEF":              "tokens sbt_[redacted], sbu_[redacted]",
		"whsec_MfKQ9r8G+x/y==":                 "whsec_[redacted]",
		"jwt " + jwt + ".":                     "jwt [redacted]",
		"jwt " + jwt2 + " end":                 "jwt [redacted] end",
		"half a jwt eyJhbGciOiJSUzI1NiJ9.":     "half a jwt [redacted]",
		"eyebrow-studio.example.com":           "eyebrow-studio.example.com",
		"Authorization: Bearer abcdefghijk":    "Authorization: Bearer [redacted]",
		"Authorization: raw":                   "Authorization: [redacted]",
		"postgres://me:p@ss@db.example/x?y=1":  "postgres://[redacted]@db.example/x?y=1",
		"https://example.com/a@b":              "https://example.com/a@b",
		"https://example.com/?id=1&token=abc":  "https://example.com/?id=1&token=[redacted]",
		"monkey: https://example.com/?key=abc": "monkey: https://example.com/?key=[redacted]",
		`password = "my long one" and more`:    `password = "[redacted]" and more`,
		`{'secret': 'x y'}`:                    `{'secret': '[redacted]'}`,
		`{\"secret\":\"xy\"}`:                  `{\"secret\":\"[redacted]\"}`,
		"webhook-url: https://x.test/T0/B1 by": "webhook-url: [redacted] by",
		"channel: webhook, by: email":          "channel: webhook, by: email",
		"password=":                            "password=",
		"author: Jane":                         "author: Jane",
		"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nafter":   "[redacted]\nafter",
		"-----BEGIN EC PRIVATE KEY-----\nMIIE cut off":                          "[redacted]",
		"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----":          "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
		"refused: https://u:p@hook.example/x?signature=abc (token: sbt_secret)": "refused: https://[redacted]@hook.example/x?signature=[redacted] (token: sbt_[redacted])",
	} {
		if got := redact.Text(given); got != want {
			t.Errorf("Text(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	const hidden = `"[redacted]"`
	for given, want := range map[string]string{
		``:                                       ``,
		`null`:                                   `null`,
		`{"a": 1, "b" : [true, "x", 1e5]}`:       `{"a": 1, "b" : [true, "x", 1e5]}`,
		`{"password":"x","n":1}`:                 `{"password":` + hidden + `,"n":1}`,
		`{"Pass\u0077ord":"x"}`:                  `{"Pass\u0077ord":` + hidden + `}`,
		`{"token":null,"secret":false,"key":""}`: `{"token":null,"secret":false,"key":""}`,
		`{"pinKey":1234, "keys":[1,{"a":"]"}], "n":2}`:                               `{"pinKey":` + hidden + `, "keys":` + hidden + `, "n":2}`,
		`{"data":{"attributes":{"client-secret":{"a":{"b":"}"}},"x":"y"}}}`:          `{"data":{"attributes":{"client-secret":` + hidden + `,"x":"y"}}}`,
		`{"note":"my key is sbk_1_AB"}`:                                              `{"note":"my key is sbk_[redacted]"}`,
		`{"note":"\u0073bk_1_AB"}`:                                                   `{"note":"sbk_[redacted]"}`,
		`{"note":"` + jwt + `"}`:                                                     `{"note":"[redacted]"}`,
		`{"sbt_ABC":1}`:                                                              `{"sbt_[redacted]":1}`,
		`{"inner":"{\"password\":\"x\",\"n\":\"<y>\"}"}`:                             `{"inner":"{\"password\":\"[redacted]\",\"n\":\"<y>\"}"}`,
		`{"op":"replace","path":"/password","value":"x","n":1}`:                      `{"op":"replace","path":"/password","value":` + hidden + `,"n":1}`,
		`{"value":{"a":"x"},"op":"replace","path":"password"}`:                       `{"value":` + hidden + `,"op":"replace","path":"password"}`,
		`{"op":"replace","path":"/name","value":"x"}`:                                `{"op":"replace","path":"/name","value":"x"}`,
		`[{"name":"api_token","value":"x"},{"name":"color","value":"red"}]`:          `[{"name":"api_token","value":` + hidden + `},{"name":"color","value":"red"}]`,
		`{"key":"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----"}`:      `{"key":` + hidden + `}`,
		`{"p8":"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nrest"}`: `{"p8":"[redacted]\nrest"}`,
		// Broken, and cut off.
		`{"password":"abc`:                          `{"password":` + hidden,
		`{"password":{"a":"b`:                       `{"password":` + hidden,
		`{"n":1,"password"`:                         `{"n":1,"password"`,
		`{"value":"x"`:                              `{"value":` + hidden,
		`{"value":{"n":1,`:                          `{"value":{"n":1,`,
		`{"password":"x",}`:                         `{"password":` + hidden + `,}`,
		`{"password" = "x"}`:                        `{"password" = ` + hidden + `}`,
		`{"password":hunter2}`:                      `{"password":` + hidden + `}`,
		`{password: hunter2}`:                       `{password: [redacted]}`,
		`{"note":"a"b", "password":"x"}`:            `{"note":"a"b", "password":"[redacted]"}`,
		`"password": "x"`:                           `"password": ` + hidden,
		`}}}{"password":"x"}`:                       `}}}{"password":` + hidden + `}`,
		`{"password":}`:                             `{"password":` + hidden + `}`,
		`{"password":"x"} {"password":"y"}`:         `{"password":` + hidden + `} {"password":` + hidden + `}`,
		"{\"a\":\"bad \xff byte\",\"token\":\"x\"}": "{\"a\":\"bad \xff byte\",\"token\":" + hidden + "}",
	} {
		if got := redact.JSON(given); got != want {
			t.Errorf("JSON(%s)\n got %s\nwant %s", given, got, want)
		}
	}
	deep := strings.Repeat("[", 1000) + `"sbk_1_A"` + strings.Repeat("]", 1000)
	if got := redact.JSON(deep); strings.Contains(got, "sbk_1_A") || !json.Valid([]byte(got)) {
		t.Errorf("deep: %s", got)
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "",
		"grant_type=client_credentials&client_id=abc&client_secret=xyz": "grant_type=client_credentials&client_id=abc&client_secret=[redacted]",
		"client%5Fsecret=xyz&scope=a+b":                                 "client%5Fsecret=[redacted]&scope=a+b",
		"page%5Blimit%5D=1&filter[token]=x":                             "page%5Blimit%5D=1&filter[token]=[redacted]",
		"token=&flag":                                                   "token=&flag",
		"note=sbk%5F1%5FABC":                                            "note=sbk_%5Bredacted%5D",
		"sbt_ABC":                                                       "sbt_[redacted]",
		"bad=%zz sbt_ABC":                                               "bad=%25zz+sbt_%5Bredacted%5D",
		`data={"password":"x"}`:                                         "data=%7B%22password%22%3A%22%5Bredacted%5D%22%7D",
	} {
		if got := redact.Form(given); got != want {
			t.Errorf("Form(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 9<<10)
	for given, want := range map[string]string{
		"": "", "word": "", "two words": "two ", `{"a":"sbk_1`: `{"a":"`, "a=1&b=2": "a=1&", "end ": "end ", "a " + long: "a " + long,
	} {
		if got := redact.Clip(given); got != want {
			t.Errorf("Clip(%.20q) = %.20q, want %.20q", given, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		s    string
		most int
		want string
	}{
		{"short", 5, "short"},
		{"longer", 5, "lo..."},
		{"ääää", 7, "ää..."}, // the third would be cut in two
		{"äää", 4, "..."},
		{"longer", 2, "..."},
	} {
		if got := redact.Cut(tc.s, tc.most, "..."); got != tc.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tc.s, tc.most, got, tc.want)
		}
	}
}

// planted is a secret that looks like nothing: only its name can tell.
const planted = "zQzQ9plantedQzQ9"

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"x\"y",{"b":null}]}`, `{"value":1,"path":"/secret"}`, `{"a":"`, `}]{"":`, "\xff\x00", `"{\"a\":1}"`, `{"k":"password=\"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, planted) {
			return
		}
		out := redact.JSON(s)
		if json.Valid([]byte(s)) && !json.Valid([]byte(out)) {
			t.Errorf("JSON(%q) = %q is not valid any more", s, out)
		}
		if utf8.ValidString(s) && !utf8.ValidString(out) {
			t.Errorf("JSON(%q) = %q is no text any more", s, out)
		}
		if again := redact.JSON(out); json.Valid([]byte(s)) && again != out {
			t.Errorf("JSON is not idempotent: %q, then %q", out, again)
		}
		if !json.Valid([]byte(s)) {
			return
		}
		for _, doc := range []string{
			`{"before":` + s + `,"client_secret":"` + planted + `","after":` + s + `}`,
			`{"op":"replace","value":"` + planted + `","path":"/password","after":` + s + `}`,
			`[` + s + `,{"keys":[` + s + `,"` + planted + `"]}]`,
			`{"before":` + s + `,"client_secret":"` + planted, // cut off
		} {
			if got := redact.JSON(doc); strings.Contains(got, planted) {
				t.Errorf("the secret shows in %q", got)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "a:b", `"`, "https://", "password", "-----BEGIN", "eyJ", "\xff", "Basic "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := redact.Text(s)
		if utf8.ValidString(s) && !utf8.ValidString(out) {
			t.Errorf("Text(%q) = %q is no text any more", s, out)
		}
		for _, secret := range []string{"sbk_0123_" + planted, "Bearer " + planted, "https://me:" + planted + "@example.com"} {
			if got := redact.Text(s + "\n" + secret + "\n" + s); strings.Contains(got, planted) {
				t.Errorf("the secret shows in %q", got)
			}
		}
		if got := redact.Form("note=" + s + "&token=" + planted + "&x=" + s); strings.Contains(got, planted) {
			t.Errorf("the secret shows in %q", got)
		}
	})
}

// What is hostile must not be slow: a recorder works through whatever a caller sends.
func BenchmarkText_hostile(b *testing.B) {
	for name, s := range map[string]string{
		"pairs":  strings.Repeat("monkey:", 9000),
		"quotes": strings.Repeat(`\"`, 30000),
		"dots":   strings.Repeat("eyJ.", 16000),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				redact.JSON(s)
			}
		})
	}
}
