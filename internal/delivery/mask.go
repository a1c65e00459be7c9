package delivery

import (
	"strings"
	"unicode/utf8"

	"switchboard/internal/redact"
	"switchboard/internal/transport"
)

// Mask makes an address one that tells its owner which of theirs it is, and nobody else where to write: the first letter
// and the domain of an e-mail address, the last two digits of a number, the host of a URL.
func Mask(n transport.Name, address string) string {
	switch {
	case address == "":
		return ""
	case n == transport.Email:
		local, domain, _ := strings.Cut(address, "@")
		_, size := utf8.DecodeRuneInString(local)
		return local[:size] + "***@" + domain
	case n == transport.Webhook:
		return redact.URL(address)
	case usesPhone(n) && len(address) > 4:
		return address[:2] + strings.Repeat("*", len(address)-4) + address[len(address)-2:]
	}
	return "***"
}

// kept is what the ledger keeps of an address: all of it, so that one can tell where a message went, but of a webhook the host
// alone, because the rest often is the permission to post there.
func kept(n transport.Name, address string) string {
	if n == transport.Webhook {
		return Mask(n, address)
	}
	return address
}

// maskIn masks an address wherever a provider's answer quotes it.
func maskIn(text string, n transport.Name, address string) string {
	if address == "" {
		return text
	}
	// Providers leave out the plus of a number. Where they do not, it stays, as it does in the masked one.
	return strings.ReplaceAll(text, strings.TrimPrefix(address, "+"), strings.TrimPrefix(Mask(n, address), "+"))
}
