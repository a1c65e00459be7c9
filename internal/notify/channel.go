package notify

import "switchboard/internal/id"

// Channel is a way to reach a person.
type Channel string

// The channels of a notifiable.
const (
	WhatsApp Channel = "whatsapp"
	Email    Channel = "email"
	SMS      Channel = "sms"
	Push     Channel = "push"
	Voice    Channel = "voice"
	Webhook  Channel = "webhook"
	InApp    Channel = "inapp"
)

// Channels lists the channels in the order in which they are documented.
func Channels() []Channel {
	return []Channel{WhatsApp, Email, SMS, Push, Voice, Webhook, InApp}
}

// Notifiable is a person and the channel by which a group reaches them. It is comparable, and one group holds each at
// most once.
type Notifiable struct {
	UserID  id.ID
	Channel Channel
}
