// Package all lists every kind of provider. A new one is a folder beside this one and a line here.
package all

import (
	"switchboard/internal/transport"
	"switchboard/internal/transport/chathook"
	"switchboard/internal/transport/smtp"
	"switchboard/internal/transport/twilio"
	"switchboard/internal/transport/webhook"
)

// Factories returns the factory of every kind of provider, by the name that an operator writes as its "kind".
func Factories() map[string]transport.Factory {
	return map[string]transport.Factory{
		"chathook": chathook.Factory(),
		"smtp":     smtp.Factory(),
		"twilio":   twilio.Factory(),
		"webhook":  webhook.Factory(),
	}
}
