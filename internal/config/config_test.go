package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/config"
	"switchboard/internal/errs"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
)

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "switchboard.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_defaults(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Listen != "127.0.0.1:8080" || c.Delivery.Lease != time.Minute || c.SandboxListen() != "" || c.DatabaseURL() != "sqlite:data/switchboard.db" {
		t.Errorf("defaults = %+v", c)
	}
	c.Server.Demo = true
	if c.SandboxListen() != "127.0.0.1:8081" {
		t.Errorf("sandbox of the demo at %q", c.SandboxListen())
	}
}

func TestLoad_precedence(t *testing.T) {
	t.Parallel()
	secret := file(t, "postgres://u:from-a-file@db/x\n")
	c, err := config.Load(config.Source{
		File: file(t, `
listen: 127.0.0.1:1
data: from-file
delivery: {concurrency: 5, lease: 90s}
access: {requests_per_second: 7, oidc: {corp: {issuer: "https://id.example.org", audiences: [a]}}}
allowed_origins: [https://a.example, https://b.example]
providers:
  mail: {kind: smtp, host: one, port: 25}
routes: {email: mail}
`),
		Environ: []string{
			"PATH=/bin", "SWITCHBOARD_DATA=from-env", "SWITCHBOARD_DELIVERY_CONCURRENCY=6", "SWITCHBOARD_DATABASE_URL_FILE=" + secret,
			"SWITCHBOARD_PROVIDERS_MAIL_HOST=two", "SWITCHBOARD_PROVIDERS_MAIL_PASSWORD_FILE=" + secret, "SWITCHBOARD_ROUTES_SMS=tel",
			"SWITCHBOARD_ACCESS_OIDC_CORP_CLOCK_SKEW=5s",
			"SWITCHBOARD_TEST_POSTGRES=ignored",
		},
		Flags: map[string]string{"data": "from-flag", "sandbox.listen": "127.0.0.1:9"},
	})
	if err != nil {
		t.Fatal(err)
	}
	mail := c.Providers["mail"]
	switch {
	case c.Server.Listen != "127.0.0.1:1", c.Server.Data != "from-flag", c.Delivery.Concurrency != 6, c.Delivery.Lease != 90*time.Second,
		len(c.Server.AllowedOrigins) != 2, c.Sandbox.Listen != "127.0.0.1:9", c.DatabaseURL() != "postgres://u:from-a-file@db/x",
		mail["host"] != "two", mail["kind"] != "smtp", mail["password"] != "postgres://u:from-a-file@db/x",
		c.Access.RequestsPerSecond != 7, c.Issuers["corp"]["issuer"] != "https://id.example.org", c.Issuers["corp"]["clock_skew"] != "5s",
		c.Routes["email"] != "mail", c.Routes["sms"] != "tel":
		t.Errorf("config = %+v", c)
	}
}

func TestLoad_refuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, file string
		env        []string
		paths      []string
	}{
		{"unknown keys everywhere", "lisen: x\ndelivery: {speed: 1}", []string{"SWITCHBOARD_LISEN=x"}, []string{"lisen", "delivery.speed", "SWITCHBOARD_LISEN"}},
		{"wrong types", "delivery: {concurrency: many, lease: 5}\ndemo: perhaps", nil, []string{"delivery.concurrency", "delivery.lease", "demo"}},
		{"out of range", "access: {requests_per_second: -1}\nlisten: nowhere", nil, []string{"access.requests_per_second", "listen"}},
		{"a sandbox for everybody", "sandbox: {listen: '0.0.0.0:8081'}", nil, []string{"sandbox.listen"}},
		{"sections that are none", "delivery: 3\nproviders: 4\nroutes: [a]", nil, []string{"delivery", "providers", "routes"}},
		{"provider names", "providers: {My-Mail: {kind: smtp}, other: 3}", nil, []string{"providers.My-Mail", "providers.other"}},
		{"issuers that are none", "access: {oidc: {Corp: {}, other: 3}}", []string{"SWITCHBOARD_ACCESS_OIDC=x"}, []string{"access.oidc.Corp", "access.oidc.other", "SWITCHBOARD_ACCESS_OIDC"}},
		{"no section of issuers", "access: {oidc: 3}", nil, []string{"access.oidc"}},
		{"a missing secret file", "", []string{"SWITCHBOARD_DATABASE_URL_FILE=/nowhere/secret"}, []string{"SWITCHBOARD_DATABASE_URL_FILE"}},
		{
			"a secret given twice", "", []string{
				"SWITCHBOARD_DATABASE_URL_FILE=/nowhere", "SWITCHBOARD_DATABASE_URL=", "SWITCHBOARD_PROVIDERS_MAIL_PASSWORD=hush", "SWITCHBOARD_PROVIDERS_MAIL_PASSWORD_FILE=/nowhere",
			}, []string{"database.url", "providers.mail.password"},
		},
		{"a file for what is no secret", "", []string{"SWITCHBOARD_LISTEN_FILE=/nowhere"}, []string{"SWITCHBOARD_LISTEN_FILE"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(config.Source{File: file(t, tc.file), Environ: tc.env})
			e, ok := errors.AsType[*errs.Error](err)
			if !ok {
				t.Fatalf("Load = %v", err)
			}
			got := map[string]bool{}
			for _, f := range e.Fields {
				got[f.Path] = true
			}
			for _, want := range tc.paths {
				if !got[want] {
					t.Errorf("%q is not blamed; blamed are %v", want, e.Fields)
				}
			}
		})
	}
}

func TestLoad_badFiles(t *testing.T) {
	t.Parallel()
	if _, err := config.Load(config.Source{File: "/nowhere.yaml"}); err == nil {
		t.Error("a missing file must be an error")
	}
	if _, err := config.Load(config.Source{File: file(t, "a: [")}); err == nil {
		t.Error("broken YAML must be an error")
	}
	if _, err := config.Load(config.Source{File: file(t, "")}); err != nil {
		t.Errorf("an empty file is the defaults: %v", err)
	}
}

// TestLoad_twice names both variables of a secret that is given twice, whichever comes first, and not the secret.
func TestLoad_twice(t *testing.T) {
	t.Parallel()
	const want = "database.url: is given by both SWITCHBOARD_DATABASE_URL and SWITCHBOARD_DATABASE_URL_FILE; keep one of them"
	both := []string{"SWITCHBOARD_DATABASE_URL=postgres://hush", "SWITCHBOARD_DATABASE_URL_FILE=" + file(t, "postgres://hush")}
	for range 2 {
		_, err := config.Load(config.Source{Environ: both})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("Load = %v", err)
		}
		slices.Reverse(both)
	}
	c, err := config.Load(config.Source{File: file(t, "database: {url: 'postgres://a'}"), Environ: []string{"SWITCHBOARD_DATABASE_URL_FILE=" + file(t, "postgres://b")}})
	if err != nil || c.DatabaseURL() != "postgres://b" {
		t.Errorf("the environment is later than the file: %v", err)
	}
}

func foreign() config.Foreign {
	return config.Foreign{
		Providers: map[string]transport.Factory{"smoke": {
			Doc: "Signals by smoke.", Transports: []transport.Name{transport.SMS},
			Settings: []setting.Setting{{Key: "wood", Type: "text", Required: true, Doc: "What to burn."}, {Key: "codes", Type: "list of secrets", Doc: "Puffs."}},
		}},
		Issuer:     []setting.Setting{{Key: "trust", Type: "duration", Default: "1m", Doc: "How long."}},
		Replicator: []setting.Setting{{Key: "interval", Type: "duration", Default: "15m", Doc: "How often."}},
		Replicators: map[string]config.Kind{"pigeons": {
			Doc: "Reads what pigeons bring.", Settings: []setting.Setting{{Key: "loft", Type: "text", Doc: "Where they land."}},
		}},
	}
}

func TestReference_listsEverySetting(t *testing.T) {
	t.Parallel()
	text := config.Reference(foreign())
	for _, want := range []string{
		"`listen` | `SWITCHBOARD_LISTEN`", "`database.url` | `SWITCHBOARD_DATABASE_URL` | secret",
		"### kind: smoke", "| `trust` | duration | `1m` | How long. |", "| `wood` | text | required | What to burn. |",
		"| `interval` | duration | `15m` | How often. |", "### kind: pigeons", "| `loft` | text | none | Where they land. |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the reference lacks %q:\n%s", want, text)
		}
	}
}

// TestList holds the list for programs to what stands on the page, and to what Load takes.
func TestList(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, e := range config.List(foreign()) {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
		if !strings.Contains(config.Reference(foreign()), e.Doc) && !strings.HasSuffix(e.Key, ".kind") && !strings.HasPrefix(e.Key, "routes.") {
			t.Errorf("the reference page lacks %s", e.Key)
		}
		variable := strings.NewReplacer("<NAME>", "X", "<TRANSPORT>", "SMS").Replace(e.Variable)
		if _, err := config.Load(config.Source{Environ: []string{variable + "="}}); err != nil && strings.Contains(err.Error(), "is no setting;") {
			t.Errorf("%s: %v", e.Key, err)
		}
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{
		`{"key":"listen","kind":null,"variable":"SWITCHBOARD_LISTEN","file_variable":null,"type":"text","default":"127.0.0.1:8080","required":false,"secret":false,`,
		`{"key":"database.url","kind":null,"variable":"SWITCHBOARD_DATABASE_URL","file_variable":"SWITCHBOARD_DATABASE_URL_FILE","type":"secret","default":null,"required":false,"secret":true,`,
		`{"key":"access.oidc.\u003cname\u003e.trust",`, `"variable":"SWITCHBOARD_REPLICATORS_\u003cNAME\u003e_INTERVAL"`, `"key":"routes.\u003ctransport\u003e"`,
		`{"key":"providers.\u003cname\u003e.wood","kind":"smoke",`, `.codes","kind":"smoke",`, `"type":"list of secrets","default":null,"required":false,"secret":true,"doc":"Puffs."}`,
		`{"key":"replicators.\u003cname\u003e.loft","kind":"pigeons",`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the list lacks %s:\n%s", want, text)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("listen: 127.0.0.1:1\nproviders: {a: {kind: smtp}}", "SWITCHBOARD_DATA=x")
	f.Add("a: &x [*x]", "SWITCHBOARD_PROVIDERS_A_B=c")
	f.Fuzz(func(t *testing.T, text, env string) {
		if strings.Contains(env, "_FILE") {
			return // would read files of the machine
		}
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Skip(err)
		}
		_, _ = config.Load(config.Source{File: path, Environ: []string{env}})
	})
}
