package delivery

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/transport"
	"switchboard/internal/web/webtest"
)

func contentOf(source string) Content {
	return Content{
		ID: id.New(), OrganizationID: id.New(), Source: Source{source, id.New()}, Title: "Link down", Body: "WAN 2 of Köln is down.",
		Data: map[string]any{"severity": "high", "topic_key": "wan-failover", notify.SiteName: "Lager Nord", "status": "open"}, At: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	out := map[string]map[transport.Name]transport.Message{}
	for _, source := range []string{notify.SourceAlert, notify.SourceAlertResolved, notify.SourceGroupTest, SourceMessage} {
		out[source] = map[transport.Name]transport.Message{}
		for _, n := range transport.Names() {
			c := contentOf(source)
			if source == SourceMessage {
				c.Title, c.Body, c.Data = "Ann Lee", "Are you there?", map[string]any{"channel_id": "x"}
			}
			out[source][n] = render(c, Delivery{ID: id.New(), Transport: n}, "to")
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	webtest.Golden(t, "rendered.json", raw)
}

func TestRender_isStable(t *testing.T) {
	t.Parallel()
	c, d := contentOf(notify.SourceAlert), Delivery{ID: id.New(), Transport: transport.Webhook}
	one, _ := json.Marshal(render(c, d, "to"))
	d.Attempts, d.State = 3, Sending
	two, _ := json.Marshal(render(c, d, "to"))
	if string(one) != string(two) {
		t.Errorf("two attempts differ:\n%s\n%s", one, two)
	}
	if _, there := c.Data["title"]; there {
		t.Error("rendering changed the content")
	}
}

func TestRender_limits(t *testing.T) {
	t.Parallel()
	c := contentOf(notify.SourceAlert)
	c.Title, c.Body = strings.Repeat("ö", 900), strings.Repeat("ß", 3000)
	sms := render(c, Delivery{Transport: transport.SMS}, "to").Text
	if n := utf8.RuneCountInString(sms); n > maxText || !utf8.ValidString(sms) || !strings.HasSuffix(sms, "…") {
		t.Errorf("a text of %d characters", n)
	}
	mail := render(c, Delivery{Transport: transport.Email}, "to")
	if len(mail.Title) > maxSubject || !utf8.ValidString(mail.Title) || mail.Text != c.Body {
		t.Errorf("a subject of %d bytes, a text of %d", len(mail.Title), len(mail.Text))
	}
	c.Title, c.Body = "two\r\nlines: \tx", ""
	mail = render(c, Delivery{Transport: transport.Email}, "to")
	if strings.ContainsAny(mail.Title, "\r\n\t") || mail.Text == "" {
		t.Errorf("subject %q, text %q", mail.Title, mail.Text)
	}
}

func TestHeadline(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ source, title, site, want string }{
		{notify.SourceAlert, "WAN 1 is down", "Main Building", "HIGH: WAN 1 is down (Main Building)"},
		{notify.SourceAlertResolved, "WAN 1 is down", "Main Building", "Resolved: WAN 1 is down (Main Building)"},
		{notify.SourceAlert, "MAIN BUILDING: WAN 1 is down", "Main Building", "HIGH: MAIN BUILDING: WAN 1 is down"},
		{notify.SourceAlert, "WAN 1 is down", "", "HIGH: WAN 1 is down"},
		{notify.SourceGroupTest, "Notification group On call", "", "Test: Notification group On call"},
		{SourceMessage, "Ann Lee", "", "Ann Lee"},
	} {
		c := Content{Source: Source{Type: tc.source}, Title: tc.title, Data: map[string]any{"severity": "high", notify.SiteName: tc.site}}
		if got := headline(c); got != tc.want {
			t.Errorf("%s %q at %q: %q, want %q", tc.source, tc.title, tc.site, got, tc.want)
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		by       transport.Name
		in, want string
	}{
		{transport.Email, "ann.lee@example.org", "a***@example.org"},
		{transport.Email, "ü@example.org", "ü***@example.org"},
		{transport.Email, "broken", "b***@"},
		{transport.SMS, "+491701234567", "+4*********67"},
		{transport.WhatsApp, "+1", "***"},
		{transport.Webhook, "https://hooks.example.org/T0K3N?x=y", "https://hooks.example.org/…"},
		{transport.Webhook, "nonsense", "[URL withheld]"},
		{Push, "a-token-that-is-long", "***"},
		{transport.SMS, "", ""},
	} {
		if got := Mask(c.by, c.in); got != c.want {
			t.Errorf("Mask(%s, %q) = %q, want %q", c.by, c.in, got, c.want)
		}
	}
	if got := maskIn("550 <ann.lee@example.org> unknown", transport.Email, "ann.lee@example.org"); got != "550 <a***@example.org> unknown" {
		t.Errorf("maskIn = %q", got)
	}
	if got := maskIn("21211: 491701234567 is wrong", transport.SMS, "+491701234567"); strings.Contains(got, "1701234567") {
		t.Errorf("maskIn = %q", got)
	}
	if got := maskIn("as it is", transport.SMS, ""); got != "as it is" {
		t.Errorf("maskIn = %q", got)
	}
}

func FuzzCut(f *testing.F) {
	f.Add("text", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = 10 + n%100
		if n < 10 {
			return
		}
		if got := cut(s, n); utf8.RuneCountInString(got) > n {
			t.Errorf("cut to %d: %q", n, got)
		}
		if got := cutBytes(s, n); len(got) > n || utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("cut to %d bytes: %q", n, got)
		}
	})
}
