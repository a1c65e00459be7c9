package twilio

import (
	"net/url"
	"regexp"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/setting"
)

// Settings is what an operator sets.
type Settings struct {
	// AccountSID and AuthToken are the credentials of the REST API; the token also signs callbacks.
	AccountSID string         `key:"account_sid,required" doc:"The account: AC and 32 hexadecimal digits."`
	AuthToken  setting.Secret `key:"auth_token,required" doc:"The account's primary auth token. It is the password of the API and the key that signs callbacks."`
	// CallbackTokens are taken for signatures beside AuthToken.
	CallbackTokens []setting.Secret `key:"callback_tokens" doc:"Further auth tokens whose signatures are taken on callbacks: the other one while tokens are being changed, and those of subaccounts."`
	// BaseURL is the API's address, for compatible servers and the sandbox.
	BaseURL string `key:"base_url" default:"https://api.twilio.com" doc:"Where the API is; a server that speaks the same API can stand in."`
	// From and MessagingServiceSID name the sender of SMS; the service wins.
	From                string `key:"from" doc:"The sender of SMS: a number in E.164, a short code or an alphanumeric sender of up to 11 characters."`
	MessagingServiceSID string `key:"messaging_service_sid" doc:"A messaging service that chooses the sender of SMS: MG and 32 hexadecimal digits. It goes before from."`
	// WhatsAppFrom is the sender of WhatsApp messages.
	WhatsAppFrom string `key:"whatsapp_from" doc:"The WhatsApp sender: a number in E.164, without the prefix whatsapp:."`
	// Timeout of one attempt.
	Timeout time.Duration `key:"timeout" default:"15s" doc:"How long one attempt may take, from 1s to 60s."`
}

var (
	accountPattern = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	servicePattern = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	// numberPattern is E.164: a plus sign and up to fifteen digits.
	numberPattern = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)
	// senderPattern is what SMS can come from besides: a short code, or letters, digits and a few signs.
	senderPattern = regexp.MustCompile(`^[A-Za-z0-9 +\-_&]{3,11}$`)
)

// Check records what cannot be used.
func (s *Settings) Check(f *errs.Fields) {
	if !accountPattern.MatchString(s.AccountSID) {
		f.Add("account_sid", "must be AC and 32 hexadecimal digits")
	}
	if u, err := url.Parse(s.BaseURL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.User != nil {
		f.Add("base_url", "must be an http or https URL without a query")
	}
	if s.MessagingServiceSID != "" && !servicePattern.MatchString(s.MessagingServiceSID) {
		f.Add("messaging_service_sid", "must be MG and 32 hexadecimal digits")
	}
	if s.From != "" && !numberPattern.MatchString(s.From) && !senderPattern.MatchString(s.From) {
		f.Add("from", "must be a number in E.164, a short code or an alphanumeric sender")
	}
	if s.WhatsAppFrom != "" && !numberPattern.MatchString(s.WhatsAppFrom) {
		f.Add("whatsapp_from", "must be a number in E.164, without the prefix whatsapp:")
	}
	if s.From == "" && s.MessagingServiceSID == "" && s.WhatsAppFrom == "" {
		f.Add("from", "must be set, or messaging_service_sid, or whatsapp_from")
	}
	if s.Timeout < time.Second || s.Timeout > time.Minute {
		f.Add("timeout", "must be between 1s and 60s")
	}
}
