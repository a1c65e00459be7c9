package apptest_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/access/accessoidc/oidctest"
	"switchboard/internal/app/apptest"
	"switchboard/internal/cli"
	"switchboard/internal/db/dbtest"
	deliveries "switchboard/internal/delivery"
	"switchboard/internal/sandbox"
	"switchboard/internal/web/webtest"
)

// raid is a server in which secrets are planted wherever somebody can put one, and everything that it writes down.
type raid struct {
	*apptest.Server
	planted
	t       *testing.T
	box     *sandbox.Sandbox
	issuer  *oidctest.Issuer
	key     string
	sniffer string
	logs    safeBuffer // at the level debug, of the server and of the sandbox
	refused safeBuffer // the answers that were errors
	printed safeBuffer // by commands
}

// TestRedaction plants secrets, drives the server through successes and failures, and looks for each secret in everything
// that the server writes: sources is the list of that, and another one is one line there.
func TestRedaction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url     func(testing.TB) string
		sniffed bool // everything that the administrator asks is recorded
	}{
		"sqlite": {dbtest.SQLiteURL, false}, "postgres": {dbtest.PostgresURL, false}, "sniffed": {dbtest.SQLiteURL, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRaid(t, c.url(t), c.sniffed)
			for _, plant := range []func(){
				r.keys, r.tokensOfOthers, r.headers, r.addresses, r.bodies, r.shownOnce, r.webhooks, r.callbacks, r.commands,
			} {
				plant()
			}
			r.search()
			r.brokenDatabase()
		})
	}
}

// sources are what is searched. visible is a text that must be there, or the source is not what it should be.
func (r *raid) sources() map[string]source {
	out := map[string]source{
		"the log":           {r.logs.Bytes, "visible-request"},
		"the refusals":      {r.refused.Bytes, "Unauthenticated"},
		"the commands":      {r.printed.Bytes, "the settings are fine"},
		"the metrics":       {r.get("GET /metrics"), "go_goroutines"},
		"the document":      {r.get("GET /openapi.json"), "openapi"},
		"the audit":         {r.audit, "directory.user.updated"},
		"the audit, whole":  {r.table("audit"), "visible-name"},
		"the event log":     {r.table("events"), "directory.user.updated"},
		"the deliveries":    {r.table("deliveries"), "webhook"},
		"the attempts":      {r.table("delivery_attempts"), "provider-unavailable"},
		"the kept answers":  {r.table("idempotency_keys"), "sealed."},
		"the users":         {r.table("users"), "visible-name"},
		"deliveries by API": {r.get("GET /v1/deliveries/?page[limit]=100"), "webhook"},
		"the database":      {r.database, "visible-name"},
	}
	if r.sniffer != "" {
		out["what was recorded"] = source{r.table("sniffer_logs"), "visible-name"}
		out["what was recorded, by API"] = source{r.get("GET /v1/sniffers/" + r.sniffer + "/get-logs/?page[limit]=100"), "sniffer-logs"}
	}
	return out
}

// source is something that the server writes.
type source struct {
	read    func() []byte
	visible string
}

func newRaid(t *testing.T, databaseURL string, sniffed bool) *raid {
	t.Helper()
	r := &raid{t: t}
	logger := slog.New(slog.NewJSONHandler(&r.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	box, err := sandbox.New(sandbox.Options{
		Addr: "127.0.0.1:0", SMTPAddr: "127.0.0.1:0", AuthToken: r.plant("the auth token of a provider"), Log: logger,
	})
	if err == nil {
		err = box.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Stop(t.Context()) })
	r.box = box
	r.issuer = oidctest.New(t)
	r.Server = apptest.Start(t, apptest.Options{DatabaseURL: databaseURL, Logger: logger, Config: func(c *apptest.Config) {
		c.Log.Level = "debug"
		c.Issuers = map[string]map[string]any{"corp": {"issuer": r.issuer.URL, "audiences": "switchboard", "organization_claim": "org"}}
		c.Providers = box.Providers()
		c.Providers["email"]["username"], c.Providers["email"]["password"] = "me", r.plant("the password of a mail server")
		signing := r.know("the secret that signs webhooks", base64.StdEncoding.EncodeToString([]byte("a secret for signing: 32 bytes !")))
		c.Providers["webhook"]["secrets"] = []string{"whsec_" + signing}
		for _, settings := range c.Providers {
			settings["timeout"] = "1s"
		}
	}})
	r.key = r.Demo.Keys.Administrator
	if u, err := url.Parse(databaseURL); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok && len(password) > 8 {
			r.know("the password of the database", password)
		}
	}
	r.keyFile()
	if !sniffed {
		return r
	}
	r.sniffer = r.Want(t, 201, r.key, "POST /v1/sniffers/", apptest.Document("sniffers", map[string]any{
		"user-id": r.Demo.Users[0].ID, "valid-until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	})).Text(t, "data.id")
	return r
}

// stray makes a secret that stands where nobody looks for one. Only a recording of whole requests may have it.
func (r *raid) stray(what string) string {
	if r.sniffer != "" {
		return "stray"
	}
	return r.plant(what)
}

// try sends a request and keeps its answer if that is an error.
func (r *raid) try(key, do string, body any, header ...string) *webtest.Response {
	r.t.Helper()
	answer := r.Do(r.t, key, do, body, header...)
	if answer.Status >= 400 {
		fmt.Fprintf(&r.refused, "%s: %d %v %s\n", strings.Fields(do)[0], answer.Status, answer.Header, answer.Body)
	}
	return answer
}

func (r *raid) get(do string) func() []byte {
	return func() []byte { return r.Want(r.t, 200, r.key, do, nil).Body }
}

// audit is what the API tells of it, once the entries have their places.
func (r *raid) audit() []byte {
	var out []byte
	apptest.Eventually(r.t, "the audit has the change of a user", func() error {
		out = r.get("GET /v1/audit-events/?page[limit]=100&filter[action]=directory.user.updated")()
		if !bytes.Contains(out, []byte("webhook-url")) {
			return apptest.Errorf("%s", out)
		}
		return nil
	})
	return out
}

func (r *raid) table(name string) func() []byte {
	return func() []byte { return apptest.Dump(r.t, r.App.DB(), name) }
}

// database is every byte of it: the file and its log, or every row of every table.
func (r *raid) database() []byte {
	path, isFile := strings.CutPrefix(r.Config.DatabaseURL(), "sqlite:")
	if !isFile {
		return apptest.Dump(r.t, r.App.DB(), apptest.Tables(r.t, r.App.DB())...)
	}
	var out []byte
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(path + suffix)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, raw...)
	}
	return out
}

// search looks for every secret in every source.
func (r *raid) search() {
	r.t.Helper()
	for name, s := range r.sources() {
		text := s.read()
		if !bytes.Contains(text, []byte(s.visible)) {
			r.t.Errorf("%s has nothing of what it should have (%q); is it the right source?\n%.2000s", name, s.visible, text)
		}
		found := r.in(text)
		for _, what := range slices.Sorted(maps.Keys(found)) {
			r.t.Errorf("%s shows %s:\n%q", name, what, found[what])
		}
	}
}

func (r *raid) keyFile() {
	r.t.Helper()
	info, err := os.Stat(r.Config.KeyFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		r.t.Fatalf("the key file: %v, %v", info, err)
	}
	raw, err := os.ReadFile(r.Config.KeyFile())
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			r.know("the key of the key file", line)
		}
	}
}

// secretOf returns the part of a key or token that is the secret.
func secretOf(text string) string { return text[strings.LastIndexByte(text, '_')+1:] }

// keys uses every kind of key that opens something.
func (r *raid) keys() {
	for role, key := range map[string]string{
		"administrator": r.Demo.Keys.Administrator, "leader": r.Demo.Keys.Leader, "member": r.Demo.Keys.Member,
		"service": r.Demo.Keys.Service, "stranger": r.Demo.Keys.OtherAdministrator,
	} {
		r.know("the key of the "+role, secretOf(key))
		r.try(key, "GET /v1/users/", nil, "X-Request-Id", "visible-request", "User-Agent", "visible-request")
		r.try("", "GET /notifications", nil, "Authorization", basic("anything", key))
		r.try(key, "PATCH /v1/users/"+r.Demo.Users[0].ID.String()+"/", `{"data":`)
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"x"}, "client_secret": {key}}
		token := r.try("", "POST /oauth/token", form).Text(r.t, "access_token")
		r.know("a token of the "+role, secretOf(token))
		r.try(token, "GET /v1/individuals/", nil)
		r.try("", "POST /oauth/token?"+form.Encode(), nil)
		form.Set("scope", "everything:there-is")
		r.try("", "POST /oauth/token", form)
	}
}

// tokensOfOthers uses what an identity provider has issued: one that is good, and some that are not.
func (r *raid) tokensOfOthers() {
	for what, change := range map[string]map[string]any{
		"good": nil, "expired": {"exp": time.Now().Add(-time.Hour).Unix()}, "for somebody else": {"aud": "another"},
		"of nobody": {"email": "nobody@demo.example"}, "of no organization": {"org": "nowhere"},
	} {
		claims := map[string]any{
			"iss": r.issuer.URL, "sub": "administrator", "aud": "switchboard", "exp": time.Now().Add(time.Hour).Unix(),
			"email": "administrator@demo.example", "email_verified": true, "org": r.Demo.OrganizationID.String(),
			"nonce": r.plant("a claim of a token that is " + what),
		}
		maps.Copy(claims, change)
		token := r.issuer.Token(r.t, claims)
		r.know("a token that is "+what, token[strings.LastIndexByte(token, '.')+1:])
		status := r.try(token, "GET /v1/users/", nil).Status
		if (status == 200) != (what == "good") {
			r.t.Errorf("a token that is %s is answered with %d", what, status)
		}
		r.try(token, "PATCH /v1/users/"+r.Demo.Users[0].ID.String()+"/", `{"data":`)
		r.try("", "GET /live/sse?channel="+r.Demo.Channels[0].ID.String()+"x&token="+token, nil)
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// headers sends secrets that open nothing in every header that could hold one.
func (r *raid) headers() {
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"https://id.example","sub":"` + r.plant("the claims of a foreign token") + `"}`))
	for what, header := range map[string][2]string{
		"a wrong bearer":             {"Authorization", "Bearer " + r.plant("a wrong bearer")},
		"a wrong key":                {"Authorization", "Bearer sbk_0123456789012345678901_" + r.plant("a wrong key")},
		"a wrong token":              {"Authorization", "Bearer sbt_" + r.plant("a wrong token")},
		"a foreign token":            {"Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9." + claims + "." + r.plant("the signature of a foreign token")},
		"a wrong password":           {"Authorization", basic("me", r.plant("a wrong password"))},
		"a scheme that is not known": {"Authorization", "Digest " + r.plant("a digest")},
		"a header without scheme":    {"Authorization", r.plant("a bare header")},
		"another system's key":       {"X-Api-Key", r.plant("another system's key")},
		"a cookie":                   {"Cookie", "session=" + r.plant("a cookie")},
		"a proxy's password":         {"Proxy-Authorization", basic("me", r.plant("a proxy's password"))},
		"the way here":               {"Referer", "https://me:" + r.plant("the password of a referrer") + "@example.org/?token=" + r.plant("the token of a referrer")},
		"too long an idempotency":    {"Idempotency-Key", r.plant("a key that is too long") + strings.Repeat("x", 300)},
	} {
		for _, do := range []string{"GET /v1/users/", "POST /events", "GET /v1/groups", "GET /live/sse", "GET /nothing/here"} {
			key := ""
			if header[0] != "Authorization" {
				key = r.key
			}
			if answer := r.try(key, do, nil, header[0], header[1]); answer.Status >= 500 {
				r.t.Errorf("%s to %s: %d", what, do, answer.Status)
			}
		}
	}
}

// addresses puts secrets where the address of a request is.
func (r *raid) addresses() {
	for _, do := range []string{
		"GET /v1/users/?access_token=" + r.plant("a token in a query"),
		"GET /v1/users/?page[size]=" + r.stray("the value of a number in a query"),
		"GET /v1/users/" + r.stray("a secret for an id") + "/",
		"GET /events?cursor=" + r.stray("a cursor that is none"),
		"GET /v1/groups/" + r.stray("a secret for a short id"),
		"GET /live/sse?channel=" + r.Demo.Channels[0].ID.String() + "&token=" + r.plant("a token of a stream"),
		"GET /live/websocket?token=" + r.plant("a token of a socket"),
		"GET /" + r.stray("a path that is none"),
		"DELETE /v1/users/?token=" + r.plant("a token of a method that is none"),
		"GET /errors/" + r.stray("a page that is none"),
	} {
		key := r.key
		if strings.HasPrefix(do, "GET /live") {
			key = "" // or the stream would open
		}
		r.try(key, do, nil)
	}
}

// bodies puts secrets into bodies that are refused.
func (r *raid) bodies() {
	attributes := func(members string) string { return `{"data":{"type":"users","attributes":{` + members + `}}}` }
	for _, body := range []string{
		attributes(`"username":"x","password":"` + r.plant("the value of a member that is not known") + `"`),
		attributes(`"username":"x","email-verified":"` + r.stray("a text for a truth") + `"`),
		attributes(`"username":"x","account-type":"` + r.stray("a value that is not in the list") + `"`),
		attributes(`"username":"x","email":"` + r.stray("an e-mail address that is none") + `"`),
		attributes(`"username":"x","webhook-url":"ftp://me:` + r.plant("the password of an address that is refused") + `@example.org/"`),
		attributes(`"username":"x","webhook-url":"https://me:` + r.plant("the password of an address that cannot be read") + `@[bad/"`),
		`{"data": "` + r.stray("a secret in broken JSON"),
		r.stray("a body that is no JSON"),
		`{"secret":"` + r.stray("half a character") + "\xff\"}",
		`["` + r.stray("a list for an object") + `"]`,
	} {
		for _, do := range []string{"POST /v1/users/", "POST /events", "POST /v1/groups", "POST /v1/api-keys/", "POST /v1/user-tokens/"} {
			r.try(r.key, do, body)
			r.try(r.key, do, body, "Idempotency-Key", "refused-"+fmt.Sprint(len(body)), "Content-Type", "text/plain")
		}
	}
	file := "--b\r\nContent-Disposition: form-data; name=f; filename=id_rsa\r\n\r\n" + r.stray("a file that looks like a key") + "\r\n--b--"
	r.try(r.key, "POST /v1/users/", file, "Content-Type", "multipart/form-data; boundary=b")
	r.try(r.key, "POST /v1/users/", r.stray("a body that is too large")+strings.Repeat(" ", 2<<20))
	form := url.Values{"grant_type": {r.plant("a grant that is none")}, "client_id": {r.plant("a client that is none")}, "client_secret": {r.plant("a secret of no client")}}
	r.try("", "POST /oauth/token", form)
	form.Set("grant_type", "client_credentials")
	r.try("", "POST /oauth/token", form)
}

// shownOnce makes what is shown once, with an Idempotency-Key, and asks again.
func (r *raid) shownOnce() {
	doc := apptest.Document
	for what, do := range map[string]struct {
		do, path string
		body     any
	}{
		"a new key":    {"POST /v1/api-keys/", "data.attributes.secret", doc("api-keys", map[string]any{"name": "visible-name", "role": "service"})},
		"a user token": {"POST /v1/user-tokens/", "data.attributes.token", doc("user-tokens", map[string]any{"user-id": r.Demo.Users[1].ID})},
	} {
		first := r.Want(r.t, 201, r.key, do.do, do.body, "Idempotency-Key", "once-"+strings.ReplaceAll(what, " ", "-"))
		again := r.Want(r.t, 201, r.key, do.do, do.body, "Idempotency-Key", "once-"+strings.ReplaceAll(what, " ", "-"))
		secret := first.Text(r.t, do.path)
		if again.Text(r.t, do.path) != secret || again.Header.Get("Idempotent-Replayed") != "true" {
			r.t.Errorf("%s is not answered again", what)
		}
		r.know(what, secretOf(secret))
		r.try(secret, "GET /v1/users/", nil)
		if what == "a new key" {
			rotated := r.Want(r.t, 201, r.key, do.do+first.Text(r.t, "data.id")+"/rotate/", nil, "Idempotency-Key", "rotated")
			r.know("a rotated key", secretOf(rotated.Text(r.t, do.path)))
		}
	}
}

// webhooks gives people addresses with secrets in them and lets messages succeed and fail.
func (r *raid) webhooks() {
	leader := apptest.Named(r.t, r.Demo.Users, "leader")
	receiver := strings.TrimPrefix(r.box.URL(), "http://")
	address := func(what, host string) string {
		return "http://me:" + r.plant("the password of a webhook that "+what) + "@" + host + "/webhook/" + r.plant("the path of a webhook that "+what) +
			"?token=" + r.plant("the token of a webhook that "+what)
	}
	set := func(url string) {
		r.Want(r.t, 200, r.key, "PATCH /v1/users/"+leader.String()+"/", map[string]any{"data": map[string]any{
			"type": "users", "id": leader, "attributes": map[string]any{"webhook-url": url},
		}}, "Idempotency-Key", fmt.Sprintf("address-%d", apptest.Unique()))
	}
	r.Want(r.t, 201, r.key, "POST /v1/users/", apptest.Document("users", map[string]any{
		"username": "visible-name", "webhook-url": address("is new", "example.org"),
	}), "Idempotency-Key", "new-user")
	for _, mode := range []string{"", sandbox.ModeBroken, sandbox.ModeRateLimited, sandbox.ModeReject, sandbox.ModeReset, sandbox.ModeTimeout, "unreachable"} {
		host := receiver
		if mode == "unreachable" {
			host = "127.0.0.1:9"
		} else if mode != "" {
			for _, transport := range sandbox.Transports() {
				r.box.Fail(sandbox.Failure{Transport: transport, Mode: mode, Count: 1})
			}
		}
		set(address("is "+mode, host))
		title := "Raid " + mode
		eventID := r.Want(r.t, 202, r.key, "POST /events", map[string]any{
			"topic": "wan-failover", "site": r.Demo.Sites[1].ID, "severity": "high", "title": title, "dedup_key": title,
		}).Text(r.t, "id")
		r.attempted(eventID)
		r.try(r.key, "GET /events/"+eventID, nil)
	}
	r.try(r.key, "POST /notifications/"+r.Demo.NotificationGroups[0].ID.String()+"/test", nil)
}

// attempted waits until each delivery of an event was tried, and its first attempt has an outcome: later ones may be under way.
func (r *raid) attempted(eventID string) {
	r.t.Helper()
	apptest.Eventually(r.t, "every delivery is tried", func() error {
		var e event
		r.Want(r.t, 200, r.key, "GET /events/"+eventID, nil).Into(r.t, &e)
		for _, d := range e.Deliveries {
			tried := len(d.Attempts) > 0 && d.Attempts[0].Outcome != string(deliveries.Open)
			if d.State != "suppressed" && !tried {
				return apptest.Errorf("%+v", d)
			}
		}
		return nil
	})
}

// callbacks are what anybody may send.
func (r *raid) callbacks() {
	form := url.Values{"AuthToken": {r.plant("a token in a callback")}, "Body": {"hello"}, "From": {"+12025550199"}, "MessageSid": {"SM1"}}
	r.try("", "POST /callbacks/text", form, "X-Twilio-Signature", r.plant("the signature of a callback"))
	r.try("", "POST /callbacks/text?token="+r.plant("a token in the address of a callback"), form)
	r.try("", "POST /callbacks/"+r.stray("a provider that is none"), form)
}

// commands runs the command line with secrets in its settings, right and wrong ones.
func (r *raid) commands() {
	text := func(name, content string) string {
		path := filepath.Join(r.t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			r.t.Fatal(err)
		}
		return path
	}
	provider := func(kind string, more ...string) []string {
		out := []string{"SWITCHBOARD_PROVIDERS_X_KIND=" + kind}
		for _, m := range more {
			out = append(out, "SWITCHBOARD_PROVIDERS_X_"+m)
		}
		return out
	}
	for _, c := range []struct {
		env  []string
		args []string
	}{
		{provider("twilio", "ACCOUNT_SID=AC00000000000000000000000000005a4d", "FROM=+15005550006", "AUTH_TOKEN="+r.plant("a setting that is right")), []string{"config", "check"}},
		{provider("twilio", "AUTH_TOKEN="+r.plant("a setting beside one that is missing")), []string{"config", "check"}},
		{provider("smtp", "HOST=x", "PORT="+r.plant("a password for a port"), "PASSWORD="+r.plant("a password beside a wrong port")), []string{"config", "check"}},
		{provider("webhook", "SECRETS="+r.plant("a signing secret that is none")), []string{"config", "check"}},
		{provider("chathook", "TOKEN="+r.plant("a setting that is none")), []string{"config", "check"}},
		{[]string{"SWITCHBOARD_REPLICATORS_X_KIND=directory.csv", "SWITCHBOARD_REPLICATORS_X_TOKEN=" + r.plant("a setting of a replicator that is none")}, []string{"config", "check"}},
		{[]string{"SWITCHBOARD_ACCESS_OIDC_X_ISSUER=https://me:" + r.plant("the password of an issuer") + "@id.example?x"}, []string{"config", "check"}},
		{[]string{"SWITCHBOARD_DATABASE_URL=mysql://me:" + r.plant("the password of a wrong database") + "@db/x"}, []string{"config", "check"}},
		{[]string{"SWITCHBOARD_DATABASE_URL=postgres://me:" + r.plant("the password of a database that is away") + "@127.0.0.1:9/x"}, []string{"migrate"}},
		{[]string{"SWITCHBOARD_DATABASE_URL=postgres://me:" + r.plant("the password of a database that cannot be read") + "@127.0.0.1:port/x"}, []string{"migrate"}},
		{[]string{"SWITCHBOARD_DATABASE_URL_FILE=" + text("url", "postgres://me:"+r.plant("a password in a file")+"@127.0.0.1:9/x\n")}, []string{"token", "list"}},
		{[]string{"SWITCHBOARD_SECRETS_KEY_FILE=" + text("keys", r.plant("what is no key"))}, []string{"secrets", "status", "--data", r.t.TempDir()}},
		{nil, []string{"config", "check", "--config", text("a.yaml", "providers: {x: {kind: smtp, password: "+r.plant("a password in broken YAML")+"\n")}},
		{nil, []string{"config", "check", "--config", text("b.yaml", "providers: {x: {kind: smtp, host: x, password: ["+r.plant("a password of a wrong type")+"]}}\n")}},
		{nil, []string{"config", "check", "--config", text("c.yaml", "delivery: {lease: "+r.plant("a password for a duration")+"}\n")}},
		{nil, []string{"config", "check", "--config", text("d.yaml", r.plant("a password alone"))}},
		{nil, []string{"config", "reference"}},
		{nil, []string{"serve", "--listen", "127.0.0.1:0", "--data", r.t.TempDir(), "--database-url", "postgres://me:" + r.plant("a password of the command line") + "@127.0.0.1:9/x"}},
	} {
		command := cli.New(cli.Env{Stdout: &r.printed, Stderr: &r.printed, Environ: append(c.env, "SWITCHBOARD_LOG_LEVEL=debug")})
		command.SetArgs(c.args)
		fmt.Fprintf(&r.printed, "%v: %v\n", c.args[0], command.ExecuteContext(r.t.Context()))
	}
	if status := r.Command(r.t, "secrets", "status", "--json"); !bytes.Contains(status, []byte(`"unsealed": 0`)) {
		r.t.Errorf("something is not sealed: %s", status)
	}
	for _, args := range [][]string{{"secrets", "status"}, {"secrets", "public-keys", "--json"}, {"token", "list", "--json"}, {"secrets", "rotate"}} {
		_, _ = r.printed.Write(r.Command(r.t, args...))
	}
	r.keyFile()
}

// brokenDatabase asks for things once more while tables are missing, so that the database's own errors come up.
func (r *raid) brokenDatabase() {
	for _, table := range []string{"users", "access_tokens", "idempotency_keys"} {
		for _, change := range []string{"alter table " + table + " rename to missing_" + table, "alter table missing_" + table + " rename to " + table} {
			if _, err := r.App.DB().Q(r.t.Context()).Exec(r.t.Context(), change); err != nil {
				r.t.Fatal(err)
			}
			r.failing()
		}
	}
	for name, text := range map[string][]byte{"the log": r.logs.Bytes(), "the refusals": r.refused.Bytes()} {
		if !bytes.Contains(text, []byte("InternalError")) {
			r.t.Errorf("%s has no failure of the server's own", name)
		}
		found := r.in(text)
		for _, what := range slices.Sorted(maps.Keys(found)) {
			r.t.Errorf("%s, with a broken database, shows %s:\n%q", name, what, found[what])
		}
	}
}

func (r *raid) failing() {
	user := apptest.Document("users", map[string]any{
		"username": r.stray("a name that cannot be stored"), "webhook-url": "https://example.org/" + r.plant("an address that cannot be stored"),
	})
	for _, do := range []string{"POST /v1/users/", "POST /v1/api-keys/", "GET /v1/users/?filter[username]=" + r.stray("a name that cannot be found")} {
		for _, key := range []string{r.key, "sbt_" + r.plant("a token that cannot be looked up"), "sbk_0123456789012345678901_" + r.plant("a key that cannot be looked up")} {
			r.try(key, do, user, "Idempotency-Key", fmt.Sprintf("failing-%d", apptest.Unique()))
		}
	}
}
