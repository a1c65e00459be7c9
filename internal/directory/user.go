package directory

import (
	"slices"
	"time"

	"switchboard/internal/id"
)

// UserState says whether a user takes part.
type UserState string

// The states.
const (
	Active           UserState = "active"            // signs in and is reached
	Invited          UserState = "invited"           // has not signed up yet; is not reached
	Archived         UserState = "archived"          // takes no part any more
	NotificationOnly UserState = "notification-only" // is reached, and never signs in
)

// UserStates lists them.
func UserStates() []UserState { return []UserState{Active, Invited, Archived, NotificationOnly} }

// SMSMode says what a user does with texts.
type SMSMode string

// The modes.
const (
	SMSDisabled SMSMode = "disabled"
	SMSEnabled  SMSMode = "enabled" // receives them
	SMSTwoWay   SMSMode = "two-way" // receives and answers them
)

// SMSModes lists them.
func SMSModes() []SMSMode { return []SMSMode{SMSDisabled, SMSEnabled, SMSTwoWay} }

// Transports lists the ways of reaching a user that User.Notifications and User.Preferences may name.
func Transports() []string {
	return []string{"email", "inapp", "push", "sms", "voice", "web", "webhook", "whatsapp"}
}

// User is an account: where a person is reached, and how they want to be.
type User struct {
	ID, OrganizationID id.ID
	// PrimaryIndividualID is the individual that the user speaks as when it names none; zero when it owns none.
	PrimaryIndividualID id.ID
	Username            string // unique in the organization, whatever the case
	Email               string // one address, or empty
	Phone               string // E.164, or empty
	WebhookURL          string // http or https, or empty
	FirstName, LastName string
	// Locale ("en_US") and TZ (IANA) are never empty: while none is chosen for the user they are the organization's, and
	// LocaleExplicit and TZExplicit are false.
	Locale, TZ        string
	EmailVerified     bool
	PhoneVerified     bool
	PhoneUnsubscribed bool // the person has asked, by text, for no more
	LocaleExplicit    bool
	TZExplicit        bool
	AutoSignUp        bool
	State             UserState
	SMSMode           SMSMode
	// Notifications are the transports that the user accepts at all, ordered by name.
	Notifications []string
	// Preferences refine single transports; one that is not in it is enabled, without quiet hours.
	Preferences  map[string]Preference
	LastSyncAt   time.Time
	LastActiveAt time.Time
	CreatedAt    time.Time
	ModifiedAt   time.Time
}

// Active tells whether anything may be delivered to the user.
func (u User) Active() bool { return u.State == Active || u.State == NotificationOnly }

// Accepts tells whether the user accepts a transport: it is among Notifications and its preference is not off. Quiet
// hours are not looked at.
func (u User) Accepts(transport string) bool {
	p, refined := u.Preferences[transport]
	return slices.Contains(u.Notifications, transport) && (!refined || p.Enabled)
}

// Preference is what a user wants of one transport. The JSON is that of every API, and of what is stored.
type Preference struct {
	Enabled    bool        `json:"enabled"`
	QuietHours []QuietHour `json:"quiet-hours"`
	// UrgentOverride lets urgent messages through in quiet hours.
	UrgentOverride bool `json:"urgent-override"`
}

// QuietHour is a time of one weekday, in the user's zone, in which a transport is to be silent: from Start, inclusive,
// to End, exclusive. With Start after End it crosses midnight and belongs to the day it starts on. Those of one
// transport may overlap: what is quiet is their union.
type QuietHour struct {
	Day   string `json:"day"`   // sunday to saturday
	Start string `json:"start"` // HH:mm
	End   string `json:"end"`   // HH:mm, or 24:00
}
