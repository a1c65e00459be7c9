// Package reason is the one closed list of why a delivery was made, held or not made. Every silence in the ledger
// carries one of these, every API answers them, and each has a documentation page at the reason's own name.
//
// The package names reasons and says what they mean; who may use which, and when, is decided where it happens.
package reason

// Reason is one entry of the list: lower-case words joined by hyphens. The empty Reason means that nothing was decided
// yet; it is stored as NULL and is not Valid.
type Reason string

// The list. A name never changes once released; clients switch on it.
const (
	OK                  Reason = "ok"
	NotSubscribed       Reason = "not-subscribed"
	SiteNotCovered      Reason = "site-not-covered"
	MutedAlways         Reason = "muted-always"
	MutedBySchedule     Reason = "muted-by-schedule"
	UserInactive        Reason = "user-inactive"
	PreferenceOff       Reason = "preference-off"
	NoConsent           Reason = "no-consent"
	OptedOut            Reason = "opted-out"
	QuietHours          Reason = "quiet-hours"
	Capped              Reason = "capped"
	NoAddress           Reason = "no-address"
	AddressUnverified   Reason = "address-unverified"
	AddressDead         Reason = "address-dead"
	WindowClosed        Reason = "window-closed"
	Duplicate           Reason = "duplicate"
	Superseded          Reason = "superseded"
	ReadElsewhere       Reason = "read-elsewhere"
	Expired             Reason = "expired"
	Cancelled           Reason = "cancelled"
	LegalHold           Reason = "legal-hold"
	Pacing              Reason = "pacing"
	ProviderUnset       Reason = "provider-not-configured"
	ProviderRejected    Reason = "provider-rejected"
	ProviderRateLimited Reason = "provider-rate-limited"
	ProviderUnavailable Reason = "provider-unavailable"
	GaveUp              Reason = "gave-up"
)

type entry struct {
	reason Reason
	text   string
}

// entries is the list in the order in which a delivery meets its obstacles.
func entries() []entry {
	return []entry{
		{OK, "Nothing stood in the way."},
		{NotSubscribed, "The person is not subscribed to what this is about."},
		{SiteNotCovered, "The subscription does not cover the site that this is about."},
		{MutedAlways, "The notification group is set to deliver nothing."},
		{MutedBySchedule, "The schedule of the notification group mutes it at this time."},
		{UserInactive, "The person's account is not active."},
		{PreferenceOff, "The person has switched this transport off for this kind of message."},
		{NoConsent, "The person has not agreed to be reached by this transport."},
		{OptedOut, "The address has asked, here or at the provider, for no more messages."},
		{QuietHours, "It is held until the person's quiet hours end."},
		{Capped, "The person has had as many messages in this period as the frequency cap allows."},
		{NoAddress, "No address of the person is known for this transport."},
		{AddressUnverified, "The person has not yet confirmed the address."},
		{AddressDead, "The provider says that the address does not exist or takes no messages any more."},
		{WindowClosed, "The person has not written within 24 hours, so WhatsApp takes only an approved template."},
		{Duplicate, "The same message to the same address was delivered already."},
		{Superseded, "A newer message took the place of this one before it was sent."},
		{ReadElsewhere, "The person read the message by another way first."},
		{Expired, "The time after which the message has no use passed before it could be sent."},
		{Cancelled, "The message was withdrawn before it was sent."},
		{LegalHold, "A legal hold on the person or the record forbids it."},
		{Pacing, "It is held to keep within the rate that the provider or the sender's number allows."},
		{ProviderUnset, "No provider serves this transport, or the provider refuses the credentials it was set up with."},
		{ProviderRejected, "The provider refused the message itself."},
		{ProviderRateLimited, "The provider takes no more for the moment; it is tried again later."},
		{ProviderUnavailable, "The provider could not be reached or failed; it is tried again later."},
		{GaveUp, "Every attempt failed and no more will be made."},
	}
}

// All returns the list, in the order in which a delivery meets its obstacles.
func All() []Reason {
	list := entries()
	out := make([]Reason, len(list))
	for i, e := range list {
		out[i] = e.reason
	}
	return out
}

// Text returns one English sentence that says what r means to the person it concerns; the empty string when r is not
// of the list.
func (r Reason) Text() string {
	for _, e := range entries() {
		if e.reason == r {
			return e.text
		}
	}
	return ""
}

// Valid tells whether r is of the list.
func (r Reason) Valid() bool { return r.Text() != "" }
