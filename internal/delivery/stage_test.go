package delivery

import (
	"fmt"
	"testing"
	"time"

	"switchboard/internal/consent"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// carriers serves what it says, wherever it is.
type carriers map[transport.Name]string

func (c carriers) Route(n transport.Name) (string, bool) { p, ok := c[n]; return p, ok }

func (c carriers) For(n transport.Name, to string) (string, bool) {
	p, ok := c[n]
	return p, ok && to != "+15550000000"
}

// providersOf is carriers with what the stages do not ask for.
type providersOf struct {
	Providers
	carriers
}

func (p providersOf) Route(n transport.Name) (string, bool)          { return p.carriers.Route(n) }
func (p providersOf) For(n transport.Name, to string) (string, bool) { return p.carriers.For(n, to) }

// reachable is a case that passes every stage: Sunday noon in UTC.
func reachable(n transport.Name) *sendCase {
	return &sendCase{
		now: noon, transport: n, known: true, zones: &zones{}, pace: &pacer{},
		providers: providersOf{carriers: carriers{
			transport.Email: "smtp", transport.SMS: "twilio", transport.WhatsApp: "twilio", transport.Webhook: "webhook", Voice: "twilio", InApp: "us",
		}},
		user: directory.User{
			ID: id.New(), State: directory.Active, TZ: "Europe/Berlin", SMSMode: directory.SMSEnabled, Notifications: directory.Transports(),
			Email: "a@example.org", EmailVerified: true, Phone: "+491701234567", PhoneVerified: true, WebhookURL: "https://example.org/hook",
			Preferences: map[string]directory.Preference{},
		},
	}
}

func prefer(c *sendCase, p directory.Preference) {
	c.user.Preferences[string(c.transport)] = p
}

func quietOn(day, start, end string) directory.Preference {
	return directory.Preference{Enabled: true, QuietHours: []directory.QuietHour{{Day: day, Start: start, End: end}}}
}

func TestStages(t *testing.T) {
	t.Parallel()
	hour := noon.Add(time.Hour)
	for name, c := range map[string]struct {
		by     transport.Name
		change func(c *sendCase)
		want   verdict
	}{
		"nothing in the way, sms":      {transport.SMS, func(*sendCase) {}, pass()},
		"nothing in the way, email":    {transport.Email, func(*sendCase) {}, pass()},
		"nothing in the way, whatsapp": {transport.WhatsApp, func(*sendCase) {}, pass()},
		"nothing in the way, webhook":  {transport.Webhook, func(*sendCase) {}, pass()},
		"nothing in the way, in-app":   {InApp, func(*sendCase) {}, pass()},

		"no such user":           {transport.SMS, func(c *sendCase) { c.known, c.user = false, directory.User{} }, suppress(reason.UserInactive)},
		"individual without one": {transport.SMS, func(c *sendCase) { c.known, c.user, c.individual = false, directory.User{}, true }, suppress(reason.NoAddress)},
		"invited":                {transport.SMS, func(c *sendCase) { c.user.State = directory.Invited }, suppress(reason.UserInactive)},
		"archived":               {transport.SMS, func(c *sendCase) { c.user.State = directory.Archived }, suppress(reason.UserInactive)},
		"notification-only":      {transport.SMS, func(c *sendCase) { c.user.State = directory.NotificationOnly }, pass()},

		"not accepted":              {transport.SMS, func(c *sendCase) { c.user.Notifications = []string{"email"} }, suppress(reason.PreferenceOff)},
		"preference off":            {transport.SMS, func(c *sendCase) { prefer(c, directory.Preference{}) }, suppress(reason.PreferenceOff)},
		"preference on":             {transport.SMS, func(c *sendCase) { prefer(c, directory.Preference{Enabled: true}) }, pass()},
		"sms disabled":              {transport.SMS, func(c *sendCase) { c.user.SMSMode = directory.SMSDisabled }, suppress(reason.PreferenceOff)},
		"sms disabled, by email":    {transport.Email, func(c *sendCase) { c.user.SMSMode = directory.SMSDisabled }, pass()},
		"sms disabled, by whatsapp": {transport.WhatsApp, func(c *sendCase) { c.user.SMSMode = directory.SMSDisabled }, pass()},

		"opted out, sms":      {transport.SMS, func(c *sendCase) { c.user.PhoneUnsubscribed = true }, suppress(reason.OptedOut)},
		"opted out, whatsapp": {transport.WhatsApp, func(c *sendCase) { c.user.PhoneUnsubscribed = true }, suppress(reason.OptedOut)},
		"opted out, voice":    {Voice, func(c *sendCase) { c.user.PhoneUnsubscribed = true }, suppress(reason.OptedOut)},
		"opted out, by email": {transport.Email, func(c *sendCase) { c.user.PhoneUnsubscribed = true }, pass()},

		"nobody serves it":              {Push, func(*sendCase) {}, suppress(reason.ProviderUnset)},
		"nobody serves the address":     {transport.SMS, func(c *sendCase) { c.user.Phone = "+15550000000" }, suppress(reason.ProviderUnset)},
		"nobody serves it, quiet or no": {Push, func(c *sendCase) { prefer(c, quietOn("sunday", "00:00", "24:00")) }, suppress(reason.ProviderUnset)},

		"expired":              {transport.SMS, func(c *sendCase) { c.expiresAt = noon }, suppress(reason.Expired)},
		"not yet expired":      {transport.SMS, func(c *sendCase) { c.expiresAt = hour }, pass()},
		"expired before quiet": {transport.SMS, func(c *sendCase) { c.expiresAt = noon; prefer(c, quietOn("sunday", "00:00", "24:00")) }, suppress(reason.Expired)},

		"quiet": {transport.SMS, func(c *sendCase) { prefer(c, quietOn("sunday", "12:00", "14:00")) }, hold(reason.QuietHours, hour)},
		"quiet until it is of no use": {
			transport.SMS, func(c *sendCase) {
				prefer(c, quietOn("sunday", "12:00", "14:00"))
				c.expiresAt = noon.Add(time.Minute)
			}, hold(reason.QuietHours, noon.Add(time.Minute)),
		},
		"quiet for another transport": {transport.Email, func(c *sendCase) { c.user.Preferences["sms"] = quietOn("sunday", "12:00", "14:00") }, pass()},
		"quiet, urgent":               {transport.SMS, func(c *sendCase) { prefer(c, quietOn("sunday", "12:00", "14:00")); c.urgent = true }, hold(reason.QuietHours, hour)},
		"quiet, urgent and let": {transport.SMS, func(c *sendCase) {
			p := quietOn("sunday", "12:00", "14:00")
			p.UrgentOverride, c.urgent = true, true
			prefer(c, p)
		}, pass()},
		"quiet, let and not urgent": {transport.SMS, func(c *sendCase) {
			p := quietOn("sunday", "12:00", "14:00")
			p.UrgentOverride = true
			prefer(c, p)
		}, hold(reason.QuietHours, hour)},

		"below the cap":     {transport.SMS, func(c *sendCase) { c.cap, c.recent = 3, 2 }, pass()},
		"at the cap":        {transport.SMS, func(c *sendCase) { c.cap, c.recent = 3, 3 }, suppress(reason.Capped)},
		"at the cap,urgent": {transport.SMS, func(c *sendCase) { c.cap, c.recent, c.urgent = 3, 3, true }, pass()},
		"no cap":            {transport.SMS, func(c *sendCase) { c.recent = 1000 }, pass()},

		"no number":             {transport.SMS, func(c *sendCase) { c.user.Phone = "" }, suppress(reason.NoAddress)},
		"no E.164":              {transport.SMS, func(c *sendCase) { c.user.Phone = "0170 1234567" }, suppress(reason.NoAddress)},
		"unverified number":     {transport.WhatsApp, func(c *sendCase) { c.user.PhoneVerified = false }, suppress(reason.AddressUnverified)},
		"no e-mail":             {transport.Email, func(c *sendCase) { c.user.Email = "" }, suppress(reason.NoAddress)},
		"e-mail that is a name": {transport.Email, func(c *sendCase) { c.user.Email = "Ann <a@example.org>" }, suppress(reason.NoAddress)},
		"unverified e-mail":     {transport.Email, func(c *sendCase) { c.user.EmailVerified = false }, suppress(reason.AddressUnverified)},
		"no webhook":            {transport.Webhook, func(c *sendCase) { c.user.WebhookURL = "" }, suppress(reason.NoAddress)},
		"webhook of a file":     {transport.Webhook, func(c *sendCase) { c.user.WebhookURL = "file:///etc/passwd" }, suppress(reason.NoAddress)},

		"the first reason wins":     {transport.SMS, func(c *sendCase) { c.user.State, c.user.Phone, c.user.PhoneUnsubscribed = directory.Archived, "", true }, suppress(reason.UserInactive)},
		"the number is stopped":     {transport.WhatsApp, func(c *sendCase) { c.standing.Stopped = true }, suppress(reason.OptedOut)},
		"refused":                   {transport.SMS, func(c *sendCase) { c.standing.State = consent.Rejected }, suppress(reason.NoConsent)},
		"taken back":                {transport.SMS, func(c *sendCase) { c.standing.State = consent.Revoked }, suppress(reason.NoConsent)},
		"asked":                     {transport.SMS, func(c *sendCase) { c.standing.State = consent.Pending }, pass()},
		"asked, and it must be yes": {transport.SMS, func(c *sendCase) { c.standing.State, c.needsConsent = consent.Pending, true }, suppress(reason.NoConsent)},
		"never asked, and must be":  {transport.SMS, func(c *sendCase) { c.needsConsent = true }, suppress(reason.NoConsent)},
		"accepted, as must be":      {transport.SMS, func(c *sendCase) { c.standing.State, c.needsConsent = consent.Accepted, true }, pass()},
		"stopped, by e-mail":        {transport.Email, func(c *sendCase) { c.standing = consent.Standing{Stopped: true, State: consent.Rejected} }, pass()},

		"consent before quiet": {transport.SMS, func(c *sendCase) {
			c.user.PhoneUnsubscribed = true
			prefer(c, quietOn("sunday", "12:00", "14:00"))
		}, suppress(reason.OptedOut)},
		"paused": {transport.SMS, func(c *sendCase) { c.pace.pause(hour) }, hold(reason.Pacing, hour)},
		"paused, past its use": {transport.SMS, func(c *sendCase) {
			c.pace.pause(hour)
			c.expiresAt = noon.Add(time.Minute)
		}, hold(reason.Pacing, noon.Add(time.Minute))},
		"paused, urgent":            {transport.SMS, func(c *sendCase) { c.pace.pause(hour); c.urgent = true }, pass()},
		"was held for its moment":   {transport.SMS, func(c *sendCase) { c.pace, c.held = &pacer{gap: time.Hour, burst: 1, next: hour}, reason.Pacing }, pass()},
		"was held, and then paused": {transport.SMS, func(c *sendCase) { c.held = reason.Pacing; c.pace.pause(hour) }, hold(reason.Pacing, hour)},
		"was held for quiet hours": {
			transport.SMS, func(c *sendCase) { c.pace, c.held = &pacer{gap: time.Hour, burst: 1, next: hour}, reason.QuietHours },
			hold(reason.Pacing, hour),
		},
	} {
		one := reachable(c.by)
		c.change(one)
		if got := decide(one, append(reach(), pacing)); got.reason != c.want.reason || !got.until.Equal(c.want.until) {
			t.Errorf("%s: %s until %v, want %s until %v", name, got.reason, got.until, c.want.reason, c.want.until)
		}
	}
}

func TestQuiet_zonesAndSeasons(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	night := func(days ...string) []directory.QuietHour {
		var out []directory.QuietHour
		for _, d := range days {
			out = append(out, directory.QuietHour{Day: d, Start: "22:00", End: "07:00"})
		}
		return out
	}
	week := []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	var always []directory.QuietHour
	for _, d := range week {
		always = append(always, directory.QuietHour{Day: d, Start: "00:00", End: "24:00"})
	}
	for name, c := range map[string]struct {
		zone  string
		hours []directory.QuietHour
		now   string
		until string // empty: not quiet
	}{
		"before":                    {"Europe/Berlin", night(week...), "2026-11-22T20:59:59Z", ""},
		"at the start":              {"Europe/Berlin", night(week...), "2026-11-22T21:00:00Z", "2026-11-23T06:00:00Z"},
		"after midnight":            {"Europe/Berlin", night("sunday"), "2026-11-23T03:00:00Z", "2026-11-23T06:00:00Z"},
		"the night of another day":  {"Europe/Berlin", night("monday"), "2026-11-23T03:00:00Z", ""},
		"at the end":                {"Europe/Berlin", night(week...), "2026-11-23T06:00:00Z", ""},
		"elsewhere":                 {"Asia/Tokyo", night(week...), "2026-11-22T13:00:00Z", "2026-11-22T22:00:00Z"},
		"a zone that is none":       {"Mars/Olympus", night(week...), "2026-11-22T22:30:00Z", "2026-11-23T07:00:00Z"},
		"an hour longer in autumn":  {"Europe/Berlin", night(week...), "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"},
		"an hour shorter in spring": {"Europe/Berlin", night(week...), "2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z"},
		"an end that is skipped":    {"Europe/Berlin", []directory.QuietHour{{Day: "sunday", Start: "01:00", End: "02:30"}}, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		"slots that touch": {
			"UTC",
			[]directory.QuietHour{{Day: "sunday", Start: "12:00", End: "14:00"}, {Day: "sunday", Start: "14:00", End: "16:00"}},
			"2026-11-22T13:00:00Z", "2026-11-22T16:00:00Z",
		},
		"always":     {"UTC", always, "2026-11-22T12:00:00Z", "2026-11-30T12:00:00Z"},
		"wrong hour": {"UTC", []directory.QuietHour{{Day: "sunday", Start: "25:00", End: "26:00"}}, "2026-11-22T12:00:00Z", ""},
		"wrong day":  {"UTC", []directory.QuietHour{{Day: "someday", Start: "00:00", End: "24:00"}}, "2026-11-22T12:00:00Z", ""},
	} {
		one := reachable(transport.SMS)
		one.now, one.user.TZ = at(c.now), c.zone
		prefer(one, directory.Preference{Enabled: true, QuietHours: c.hours})
		got := quiet(one)
		want := pass()
		if c.until != "" {
			want = hold(reason.QuietHours, at(c.until))
		}
		if got.reason != want.reason || !got.until.Equal(want.until) {
			t.Errorf("%s: %s until %v, want %s until %v", name, got.reason, got.until, want.reason, want.until)
		}
	}
}

func TestPacer(t *testing.T) {
	t.Parallel()
	p := newPacer(10, 3)
	var gaps []time.Duration
	for range 6 {
		gaps = append(gaps, p.take(noon).Sub(noon))
	}
	const ms = time.Millisecond
	if want := []time.Duration{0, 0, 0, 100 * ms, 200 * ms, 300 * ms}; fmt.Sprint(gaps) != fmt.Sprint(want) {
		t.Errorf("moments %v, want %v", gaps, want)
	}
	if at := p.take(noon.Add(time.Hour)); !at.Equal(noon.Add(time.Hour)) {
		t.Errorf("after a rest: %v", at)
	}
	unlimited := newPacer(0, 0)
	for range 1000 {
		if at := unlimited.take(noon); !at.Equal(noon) {
			t.Fatalf("without a rate: %v", at)
		}
	}
	copied := p
	copied.take(noon)
	if p == copied {
		t.Error("a copy must not share what it took")
	}
	p.pause(noon.Add(time.Minute))
	p.pause(noon)
	if !p.paused(noon.Add(59*time.Second)) || p.paused(noon.Add(time.Minute)) {
		t.Error("a shorter pause took the place of a longer one")
	}
}

func TestIsE164(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"+491701234567": true, "+15551230000": true, "+1234567": true, "+123456": false, "+0123456789": false, "491701234567": false,
		"+49 170 1234567": false, "+1234567890123456": false, "": false, "+": false, "+49170123456x": false,
	} {
		if isE164(s) != want {
			t.Errorf("isE164(%q) = %v", s, !want)
		}
	}
}
