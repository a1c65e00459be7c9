package directory

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"switchboard/internal/errs"
)

// The limits of values, in characters.
const (
	maxName  = 255
	maxText  = 4096
	maxURL   = 2048
	maxEmail = 254
)

// line checks a text of one line: its length, and that nothing in it moves a cursor.
func line(f *errs.Fields, path, value string, least, most int) {
	before := len(*f)
	f.Text(path, value, least, most)
	if len(*f) == before && strings.ContainsFunc(value, unicode.IsControl) {
		f.Add(path, "must not contain control characters")
	}
}

// prose checks a text that may have several lines.
func prose(f *errs.Fields, path, value string, most int) {
	f.Text(path, value, 0, most)
}

// link checks an address that is empty or absolute http or https.
func link(f *errs.Fields, path, value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(value) > maxURL {
		f.Add(path, "must be an http or https address of at most %d characters", maxURL)
	}
}

// email checks an address that may be empty: one mailbox without a display name.
func email(f *errs.Fields, path, value string) {
	if value == "" {
		return
	}
	a, err := mail.ParseAddress(value)
	if err != nil || a.Address != value || len(value) > maxEmail {
		f.Add(path, "must be one e-mail address, such as ada@example.org")
	}
}

// ParsePhone returns the E.164 form of a phone number. One without a country code is read in the country of a locale
// ("en_US"). Whether a number is in use is not for us to say: every number that the plan of its country could hold is
// taken, because plans grow faster than libraries.
func ParsePhone(number, locale string) (string, bool) {
	once, ok := e164(number, region(locale))
	if !ok {
		return "", false
	}
	// What stands in E.164 must be read again as itself: a number that has its trunk prefix twice is none.
	again, ok := e164(once, "")
	if !ok || once != again {
		return "", false
	}
	return once, true
}

func e164(number, region string) (string, bool) {
	n, err := phonenumbers.Parse(number, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) || len(number) > maxName {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

func region(locale string) string {
	if at := strings.LastIndexByte(locale, '_'); at >= 0 {
		return locale[at+1:]
	}
	return ""
}

// zone checks the name of a time zone of the IANA data base.
func zone(f *errs.Fields, path, name string) {
	_, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		f.Add(path, "must be a time zone of the IANA data base, such as Europe/Berlin")
	}
}

var localeForm = regexp.MustCompile(`^[a-z]{2,3}(_[A-Z][a-z]{3})?(_([A-Z]{2}|[0-9]{3}))?$`)

// tidyLocale accepts the spelling with hyphens (en-US).
func tidyLocale(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "-", "_") }

func locale(f *errs.Fields, path, value string) {
	if !localeForm.MatchString(value) {
		f.Add(path, "must be a language with or without a country, such as en_US")
	}
}

// birthDate checks a date that may be empty. A day of grace is for those born today, east of here.
func birthDate(f *errs.Fields, path, value string, now time.Time) {
	if value == "" {
		return
	}
	if d, err := time.Parse(time.DateOnly, value); err != nil || d.Year() < 1800 || d.After(now.AddDate(0, 0, 1)) {
		f.Add(path, "must be a date in the past, as YYYY-MM-DD")
	}
}

// transports checks a list of transports and returns it ordered, each once.
func transports(f *errs.Fields, path string, list []string) []string {
	for i, t := range list {
		errs.OneOf(f, at(path, i), t, Transports()...)
	}
	out := slices.Clone(list)
	slices.Sort(out)
	if out = slices.Compact(out); out == nil {
		out = []string{}
	}
	return out
}

// maxQuietHours bounds the quiet hours of one transport.
const maxQuietHours = 50

func preferences(f *errs.Fields, path string, prefs map[string]Preference) map[string]Preference {
	out := make(map[string]Preference, len(prefs))
	for transport, p := range prefs {
		where := path + "." + transport
		if !slices.Contains(Transports(), transport) {
			f.Add(where, "is no transport: must be one of %s", strings.Join(Transports(), ", "))
			continue
		}
		if p.QuietHours == nil {
			p.QuietHours = []QuietHour{}
		}
		if len(p.QuietHours) > maxQuietHours {
			f.Add(where+".quiet_hours", "must have at most %d entries", maxQuietHours)
		}
		for i, q := range p.QuietHours {
			quietHour(f, at(where+".quiet_hours", i), q)
		}
		out[transport] = p
	}
	return out
}

// Weekdays lists the days that quiet hours may name.
func Weekdays() []string {
	return []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
}

var timeOfDay = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

func quietHour(f *errs.Fields, path string, q QuietHour) {
	errs.OneOf(f, path+".day", q.Day, Weekdays()...)
	if !timeOfDay.MatchString(q.Start) {
		f.Add(path+".start", "must be a time of day, as HH:mm")
	}
	switch {
	case !timeOfDay.MatchString(q.End) && q.End != "24:00":
		f.Add(path+".end", "must be a time of day, as HH:mm, or 24:00")
	case q.End == q.Start:
		f.Add(path+".end", "must differ from the start")
	}
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// set stores an edit's value where there is one.
func set[T any](dst *T, edit *T) {
	if edit != nil {
		*dst = *edit
	}
}

// setTrimmed is set for texts, which lose the space around them.
func setTrimmed(dst *string, edit *string) {
	if edit != nil {
		*dst = strings.TrimSpace(*edit)
	}
}
