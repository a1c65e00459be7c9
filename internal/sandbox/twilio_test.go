package sandbox_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	twilioclient "github.com/twilio/twilio-go/client"

	"switchboard/internal/clock"
	"switchboard/internal/sandbox"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	messagesPath = "/2010-04-01/Accounts/" + sandbox.DefaultAccountSID + "/Messages"
	person       = "+15551230001"
	ours         = "+15005550006"
)

// create posts a message with the right credentials.
func create(t testing.TB, s *sandbox.Sandbox, form url.Values) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+messagesPath+".json", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(sandbox.DefaultAccountSID, sandbox.DefaultAuthToken)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, req)
}

// sms is a message that is taken, with changes.
func sms(pairs ...string) url.Values {
	form := url.Values{"To": {person}, "From": {ours}, "Body": {"Pump 7 is down"}}
	for i := 0; i < len(pairs); i += 2 {
		if form.Del(pairs[i]); pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return form
}

// heard is one form that the sandbox posted.
type heard struct {
	form  url.Values
	valid bool // by the SDK's own check
}

// listener is a server that hears what the sandbox posts.
type listener struct {
	url  string
	mu   sync.Mutex
	all  []heard
	more chan struct{}
}

func listen(t testing.TB) *listener {
	t.Helper()
	l := &listener{more: make(chan struct{}, 1024)}
	validator := twilioclient.NewRequestValidator(sandbox.DefaultAuthToken)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		valid := validator.ValidateBody(l.url+strings.TrimPrefix(r.URL.RequestURI(), "/hook"), body, r.Header.Get("X-Twilio-Signature"))
		l.mu.Lock()
		l.all = append(l.all, heard{form, valid})
		l.mu.Unlock()
		l.more <- struct{}{}
		if r.URL.Query().Get("fail") != "" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, "<Response/>")
	}))
	t.Cleanup(server.Close)
	l.url = server.URL + "/hook"
	return l
}

// statuses waits for n posts and lists their MessageStatus.
func (l *listener) statuses(t testing.TB, n int) []string {
	t.Helper()
	var out []string
	for range n {
		<-l.more
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.all {
		out = append(out, h.form.Get("MessageStatus"))
		if !h.valid {
			t.Errorf("the SDK refuses the signature of %v", h.form)
		}
	}
	return out
}

func golden(t *testing.T, name string, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

var sidPattern = regexp.MustCompile(`SM[0-9a-f]{32}`)

func TestTwilioCreate_golden(t *testing.T) {
	s := start(t, sandbox.Options{Clock: clock.At(noon)})
	for name, form := range map[string]url.Values{
		"message":  sms("MediaUrl", "https://sb.example/1.jpg"),
		"service":  sms("From", "", "MessagingServiceSid", "MG0123456789abcdef0123456789abcdef"),
		"whatsapp": sms("To", "whatsapp:"+person, "From", "whatsapp:"+ours, "Body", strings.Repeat("Grüße 🚒", 20)),
		"refused":  sms("To", "+1"),
	} {
		_, body := create(t, s, form)
		indented, err := json.MarshalIndent(body, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", sidPattern.ReplaceAllString(string(indented), "SM<sid>")+"\n")
	}
}

// The message object has the members of Twilio's published OpenAPI document, and no others.
func TestTwilioCreate_members(t *testing.T) {
	s := start(t, sandbox.Options{})
	_, body := create(t, s, sms())
	want := []string{
		"account_sid", "api_version", "body", "date_created", "date_sent", "date_updated", "direction", "error_code", "error_message", "from",
		"messaging_service_sid", "num_media", "num_segments", "price", "price_unit", "sid", "status", "subresource_uris", "to", "uri",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(body))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTwilioCreate_refuses(t *testing.T) {
	s := start(t, sandbox.Options{})
	for name, c := range map[string]struct {
		form   url.Values
		status int
		code   float64
	}{
		"no To":              {sms("To", ""), 400, 21604},
		"To is no number":    {sms("To", "15551230001"), 400, 21211},
		"no From":            {sms("From", ""), 400, 21603},
		"From is no sender":  {sms("From", "a sender that is too long"), 400, 21212},
		"no Body":            {sms("Body", ""), 400, 21602},
		"Body too long":      {sms("Body", strings.Repeat("ü", 1601)), 400, 21617},
		"two channels":       {sms("To", "whatsapp:"+person), 400, 21910},
		"two channels back":  {sms("From", "whatsapp:"+ours), 400, 21910},
		"WhatsApp from text": {sms("To", "whatsapp:"+person, "From", "whatsapp:ACME"), 400, 21212},
		"callback":           {sms("StatusCallback", "callbacks"), 400, 21609},
		"validity":           {sms("ValidityPeriod", "0"), 400, 20001},
		"variables":          {sms("ContentSid", "HX1", "ContentVariables", "[]"), 400, 21656},
		"magic invalid":      {sms("To", "+15005550001"), 400, 21211},
		"magic unroutable":   {sms("To", "+15005550002"), 400, 21612},
		"magic region":       {sms("To", "+15005550003"), 400, 21408},
		"magic opted out":    {sms("To", "+15005550004"), 400, 21610},
		"magic landline":     {sms("To", "+15005550009"), 400, 21614},
		"magic rate":         {sms("To", "+15005550017"), 429, 20429},
		"magic broken":       {sms("To", "+15005550018"), 500, 20500},
		"magic From invalid": {sms("From", "+15005550001"), 400, 21212},
		"magic From other":   {sms("From", "+15005550007"), 400, 21606},
		"magic From full":    {sms("From", "+15005550008"), 429, 21611},
	} {
		status, body := create(t, s, c.form)
		if status != c.status || body["code"] != c.code || body["status"] != float64(c.status) || body["message"] == "" {
			t.Errorf("%s: %d %v", name, status, body)
		}
		if want := fmt.Sprintf("https://www.twilio.com/docs/errors/%v", c.code); body["more_info"] != want {
			t.Errorf("%s: more_info %v", name, body["more_info"])
		}
	}
	if found := s.Outbox(sandbox.Filter{Direction: "all"}); len(found) != 0 {
		t.Errorf("captured %+v", found)
	}
	many := sms()
	many["MediaUrl"] = make([]string, 11)
	if _, body := create(t, s, many); body["code"] != 21623.0 {
		t.Errorf("%v", body)
	}
}

func TestTwilioCreate_credentials(t *testing.T) {
	s := start(t, sandbox.Options{AccountSID: "AC1", AuthToken: "right"})
	for name, c := range map[string]struct {
		user, password, account string
		status                  int
		code                    float64
	}{
		"right":         {"AC1", "right", "AC1", 400, 21604},
		"wrong token":   {"AC1", "wrong", "AC1", 401, 20003},
		"wrong user":    {"AC2", "right", "AC1", 401, 20003},
		"nobody":        {"", "", "AC1", 401, 20003},
		"other account": {"AC1", "right", "AC2", 404, 20404},
	} {
		for _, path := range []string{"/Messages.json", "/Messages/SM1.json"} {
			method := http.MethodPost
			if strings.Contains(path, "SM1") {
				method = http.MethodGet
			}
			req, _ := http.NewRequestWithContext(t.Context(), method, s.URL()+"/2010-04-01/Accounts/"+c.account+path, nil)
			if c.user != "" {
				req.SetBasicAuth(c.user, c.password)
			}
			status, body := do(t, req)
			if method == http.MethodGet && name == "right" {
				c.status, c.code = 404, 20404
			}
			if status != c.status || body["code"] != c.code {
				t.Errorf("%s %s: %d %v", name, path, status, body)
			}
		}
	}
}

func TestTwilioCallbacks(t *testing.T) {
	for name, c := range map[string]struct {
		options sandbox.Options
		form    url.Values
		want    []string
		code    string
	}{
		"sms":            {sandbox.Options{}, sms(), []string{"sent", "delivered"}, ""},
		"whatsapp":       {sandbox.Options{}, sms("To", "whatsapp:"+person, "From", "whatsapp:"+ours), []string{"sent", "delivered"}, ""},
		"whatsapp read":  {sandbox.Options{ReportRead: true}, sms("To", "whatsapp:"+person, "From", "whatsapp:"+ours), []string{"sent", "delivered", "read"}, ""},
		"off":            {sandbox.Options{}, sms("To", "+15005550010"), []string{"sent", "undelivered"}, "30003"},
		"unknown":        {sandbox.Options{}, sms("To", "+15005550011"), []string{"sent", "undelivered"}, "30005"},
		"failed":         {sandbox.Options{}, sms("To", "+15005550013"), []string{"failed"}, "30008"},
		"out of order":   {sandbox.Options{}, sms("To", "+15005550015"), []string{"delivered", "sent", "delivered"}, ""},
		"window":         {sandbox.Options{}, sms("To", "whatsapp:+15005550016", "From", "whatsapp:"+ours), []string{"failed"}, "63016"},
		"window and sms": {sandbox.Options{}, sms("To", "+15005550016"), []string{"sent", "delivered"}, ""},
		"window is open": {sandbox.Options{}, sms("To", "whatsapp:+15005550016", "From", "whatsapp:"+ours, "ContentSid", "HX1"), []string{"sent", "delivered"}, ""},
		"strict window":  {sandbox.Options{WhatsAppWindow: true}, sms("To", "whatsapp:"+person, "From", "whatsapp:"+ours), []string{"failed"}, "63016"},
		"strict and template": {
			sandbox.Options{WhatsAppWindow: true},
			sms("To", "whatsapp:"+person, "From", "whatsapp:"+ours, "ContentSid", "HX1"),
			[]string{"sent", "delivered"},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, s := listen(t), start(t, c.options)
			c.form.Set("StatusCallback", l.url+"?delivery=1&x=%20y")
			status, body := create(t, s, c.form)
			if status != 201 || body["status"] != "queued" {
				t.Fatalf("%d %v", status, body)
			}
			if got := l.statuses(t, len(c.want)); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			last := l.all[len(l.all)-1].form
			if last.Get("ErrorCode") != c.code || last.Get("MessageSid") != body["sid"] || last.Get("To") != c.form.Get("To") {
				t.Errorf("%v", last)
			}
			found, err := s.Await(t.Context(), sandbox.Filter{}, func(found []sandbox.Capture) bool {
				return len(found) == 1 && len(found[0].Callbacks) == len(c.want)
			})
			if err != nil || found[0].Callbacks[0].Answer != 200 || found[0].Status != c.want[len(c.want)-1] {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

func TestTwilioCallbacks_thatNobodyTakes(t *testing.T) {
	l, s := listen(t), start(t, sandbox.Options{})
	create(t, s, sms("StatusCallback", l.url+"?fail=1"))
	create(t, s, sms("StatusCallback", "http://127.0.0.1:1/"))
	create(t, s, sms("To", "+15005550014", "StatusCallback", l.url))
	create(t, s, sms())
	found, err := s.Await(t.Context(), sandbox.Filter{}, func(found []sandbox.Capture) bool {
		return len(found) == 4 && len(found[0].Callbacks) == 2 && len(found[1].Callbacks) == 2 && found[3].Status == "delivered"
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := found[0].Callbacks[0]; c.Answer != http.StatusTeapot || c.Error != "" {
		t.Errorf("%+v", c)
	}
	if c := found[1].Callbacks[0]; c.Answer != 0 || c.Error == "" {
		t.Errorf("%+v", c)
	}
	if c := found[2]; c.Status != "queued" || len(c.Callbacks) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestTwilioFetch(t *testing.T) {
	s := start(t, sandbox.Options{Clock: clock.At(noon)})
	_, made := create(t, s, sms("To", "+15005550010"))
	_, err := s.Await(t.Context(), sandbox.Filter{}, func(found []sandbox.Capture) bool {
		return len(found) == 1 && found[0].Status == "undelivered"
	})
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+made["uri"].(string), nil)
	req.SetBasicAuth(sandbox.DefaultAccountSID, sandbox.DefaultAuthToken)
	status, got := do(t, req)
	if status != 200 || got["status"] != "undelivered" || got["error_code"] != 30003.0 || got["date_sent"] != "Sun, 01 Mar 2026 12:00:00 +0000" {
		t.Errorf("%d %v", status, got)
	}
}

func TestCapture_ofAText(t *testing.T) {
	s := start(t, sandbox.Options{Clock: clock.At(noon)})
	_, made := create(t, s, sms("ValidityPeriod", "60"))
	_, body := call(t, "GET", s.URL()+"/outbox?transport=sms&to="+person+"&limit=5&since=0", nil) // the plus is not escaped
	found := body["data"].([]any)
	if len(found) != 1 {
		t.Fatalf("%v", body)
	}
	c := found[0].(map[string]any)
	raw := c["raw"].(map[string]any)
	if c["text"] != "Pump 7 is down" || c["from"] != ours || c["to"] != person || c["provider_id"] != made["sid"] || c["received_at"] != "2026-03-01T12:00:00Z" {
		t.Errorf("%v", c)
	}
	if raw["method"] != "POST" || raw["path"] != messagesPath+".json" || !strings.Contains(raw["body"].(string), "Body=Pump+7") {
		t.Errorf("%v", raw)
	}
	if headers := raw["headers"].(map[string]any); headers["Authorization"] != "[redacted]" || c["fields"].(map[string]any)["ValidityPeriod"] != "60" {
		t.Errorf("%v", c)
	}
	if _, body := call(t, "GET", s.URL()+"/outbox?to=whatsapp:"+person+"&since=2026-03-01T12:00:01%2B00:00", nil); len(body["data"].([]any)) != 0 {
		t.Errorf("%v", body)
	}
	if status, _ := call(t, "DELETE", s.URL()+"/outbox", nil); status != 204 || len(s.Outbox(sandbox.Filter{})) != 0 {
		t.Errorf("%d", status)
	}
}

func TestInbound(t *testing.T) {
	l := listen(t)
	s := start(t, sandbox.Options{InboundURL: l.url})
	status, body := call(t, "POST", s.URL()+"/inbound/sms", map[string]any{"from": person, "body": "Hello", "media": []string{"https://m/1"}})
	if status != 200 || body["status"] != 200.0 || body["body"] != "<Response/>" {
		t.Errorf("%d %v", status, body)
	}
	call(t, "POST", s.URL()+"/inbound/whatsapp", map[string]any{"from": "whatsapp:" + person, "to": ours, "body": "help", "name": "Ann"})
	l.statuses(t, 2)
	first, second := l.all[0].form, l.all[1].form
	for form, want := range map[*url.Values]map[string]string{
		&first:  {"From": person, "To": ours, "Body": "Hello", "NumMedia": "1", "MediaUrl0": "https://m/1", "SmsStatus": "received", "OptOutType": "", "ProfileName": ""},
		&second: {"From": "whatsapp:" + person, "To": "whatsapp:" + ours, "Body": "help", "NumMedia": "0", "OptOutType": "HELP", "ProfileName": "Ann", "WaId": "15551230001"},
	} {
		for name, value := range want {
			if form.Get(name) != value {
				t.Errorf("%s = %q, want %q", name, form.Get(name), value)
			}
		}
	}
	if found := s.Outbox(sandbox.Filter{Direction: sandbox.Inbound}); len(found) != 2 || found[0].Text != "Hello" || found[0].Status != "received" {
		t.Errorf("%+v", found)
	}
	s.SetInboundURL(l.url + "?fail=1")
	if got, err := s.Say(t.Context(), "sms", sandbox.Said{From: person, Body: "x"}); err != nil || got.Status != http.StatusTeapot {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.Say(t.Context(), "fax", sandbox.Said{From: person, Body: "x"}); err == nil {
		t.Error("a fax went through")
	}
}

func TestInbound_stopAndStart(t *testing.T) {
	l := listen(t)
	s := start(t, sandbox.Options{InboundURL: l.url})
	say := func(body string) {
		t.Helper()
		if _, err := s.Say(t.Context(), "sms", sandbox.Said{From: person, To: ours, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		word   string
		status int
	}{{" stop ", 400}, {"hello", 400}, {"Start", 201}, {"UNSUBSCRIBE", 400}, {"unstop", 201}} {
		say(step.word)
		if status, body := create(t, s, sms()); status != step.status || status == 400 && body["code"] != 21610.0 {
			t.Errorf("after %q: %d %v", step.word, status, body)
		}
	}
	say("STOP")
	if status, _ := create(t, s, sms("From", "+15559990000")); status != 201 {
		t.Errorf("another sender: %d", status)
	}
}

func TestInbound_opensTheWindow(t *testing.T) {
	l := listen(t)
	var mu sync.Mutex
	now := noon
	s := start(t, sandbox.Options{InboundURL: l.url, WhatsAppWindow: true, Clock: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	last := func(n int) string {
		create(t, s, sms("To", "whatsapp:"+person, "From", "whatsapp:"+ours))
		found, err := s.Await(t.Context(), sandbox.Filter{}, func(found []sandbox.Capture) bool {
			return len(found) == n && slices.Contains([]string{"failed", "delivered"}, found[n-1].Status)
		})
		if err != nil {
			t.Fatal(err)
		}
		return found[n-1].Status
	}
	if got := last(1); got != "failed" {
		t.Errorf("before the person wrote: %s", got)
	}
	if _, err := s.Say(t.Context(), "whatsapp", sandbox.Said{From: person, Body: "hi"}); err != nil {
		t.Fatal(err)
	}
	if got := last(2); got != "delivered" {
		t.Errorf("after the person wrote: %s", got)
	}
	mu.Lock()
	now = noon.Add(24 * time.Hour)
	mu.Unlock()
	if got := last(3); got != "failed" {
		t.Errorf("a day later: %s", got)
	}
}

func FuzzTwilioCreate(f *testing.F) {
	f.Add("To=%2B15551230001&From=%2B15005550006&Body=x")
	f.Add("To=whatsapp:%2B15551230001&From=whatsapp:%2B15005550006&ContentSid=HX1&ContentVariables={}")
	f.Add("%zz;")
	s := start(f, sandbox.Options{})
	f.Fuzz(func(t *testing.T, body string) {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+messagesPath+".json", strings.NewReader(body))
		req.SetBasicAuth(sandbox.DefaultAccountSID, sandbox.DefaultAuthToken)
		status, got := do(t, req)
		if status == 201 && got["sid"] == nil || status != 201 && got["code"] == nil {
			t.Errorf("%q: %d %v", body, status, got)
		}
	})
}
