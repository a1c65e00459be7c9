package delivery

import (
	"maps"
	"net/url"
	"strings"
	"unicode/utf8"

	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/transport"
)

// maxText is the longest text that SMS and WhatsApp gateways take, in characters.
const maxText = 1600

// maxSubject is the longest subject of an e-mail, in bytes: a header line of RFC 5322.
const maxSubject = 998

// render words a content for one delivery. It is a function of its arguments, so that every attempt of a delivery says
// the same, byte for byte.
func render(c Content, d Delivery, to string) transport.Message {
	m := transport.Message{
		Transport: d.Transport, DeliveryID: d.ID, To: to,
		At: c.At, ExpiresAt: c.ExpiresAt,
	}
	switch d.Transport {
	case transport.Email:
		m.Title, m.Text = subject(c), bodyOf(c)
	case transport.Webhook:
		m.Type, m.Data = eventType(c.Source.Type), payload(c)
		m.Title, m.Text = headline(c), c.Body // for receivers that show text; others are given the data
	default:
		m.Text = short(c)
	}
	return m
}

// subject is one line.
func subject(c Content) string {
	title := headline(c)
	if c.Source.Type == SourceMessage {
		title = "Message from " + title
	}
	return cutBytes(strings.Join(strings.Fields(title), " "), maxSubject)
}

func bodyOf(c Content) string {
	if c.Body == "" {
		return headline(c)
	}
	return c.Body
}

// headline is the title, how to take it, and where it is, unless the title says that: "HIGH: WAN 1 is down (Main Building)".
func headline(c Content) string {
	text := prefix(c) + c.Title
	site, _ := c.Data[notify.SiteName].(string)
	if site == "" || strings.Contains(strings.ToLower(c.Title), strings.ToLower(site)) {
		return text
	}
	return text + " (" + site + ")"
}

// short is the whole content as one text.
func short(c Content) string {
	switch c.Source.Type {
	case SourceMessage:
		return cut(c.Title+": "+c.Body, maxText)
	case SourceInvitation, SourceAnswer:
		return c.Body // the exact words, of which there is proof
	}
	text := headline(c)
	if c.Body != "" {
		text += "\n" + c.Body
	}
	return cut(text, maxText)
}

// prefix says in a word or two how to take what follows.
func prefix(c Content) string {
	switch c.Source.Type {
	case notify.SourceAlertResolved:
		return "Resolved: "
	case notify.SourceGroupTest:
		return "Test: "
	case notify.SourceAlert:
		if severity, _ := c.Data["severity"].(string); severity == "critical" || severity == "high" {
			return strings.ToUpper(severity) + ": "
		}
	}
	return ""
}

// eventType is the type by which a receiver of webhooks tells contents apart.
func eventType(source string) string {
	switch source {
	case notify.SourceAlert:
		return "alert.opened"
	case notify.SourceAlertResolved:
		return "alert.resolved"
	case notify.SourceGroupTest:
		return "group.tested"
	case SourceMessage:
		return "message.posted"
	}
	return source
}

// payload is the data of a webhook: what the source gave, the title and the body.
func payload(c Content) map[string]any {
	data := maps.Clone(c.Data)
	if data == nil {
		data = map[string]any{}
	}
	data["title"], data["body"] = c.Title, c.Body
	return data
}

// cut shortens a text to a number of characters and marks that.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:most-1]), " \n") + "…"
}

// cutBytes shortens a text to a number of bytes, between two characters.
func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const mark = "…"
	s = s[:most-len(mark)]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + mark
}

// callbackURL is where a provider reports on a delivery; empty when nobody could reach us. It names the delivery, because
// a report can come before the provider's answer has told us its own name for the message.
func callbackURL(publicURL, provider string, delivery id.ID) string {
	if publicURL == "" {
		return ""
	}
	return publicURL + CallbackPath + url.PathEscape(provider) + "?" + url.Values{HintParameter: {delivery.String()}}.Encode()
}

// What the address of a callback is made of: the path before the provider's name, and the query parameter that names
// the delivery.
const (
	CallbackPath  = "/callbacks/"
	HintParameter = "delivery"
)
