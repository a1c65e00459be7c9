package transport

import (
	"errors"
	"net/http"
	"time"

	"switchboard/internal/reason"
)

// The ways in which a callback is refused.
var (
	// ErrSignature says that the request is not the provider's: no signature, or a wrong one. Answer 403.
	ErrSignature = errors.New("the signature is missing or does not match")
	// ErrCallback says that the request is signed and cannot be read. Answer 400.
	ErrCallback = errors.New("the callback cannot be read")
)

// Callbacks is what a Sender also implements when its provider calls us.
type Callbacks interface {
	// ParseCallback checks the signature of a request that the provider made and reads it. publicURL is the address at
	// which the provider made it: the scheme and host under which we are known outside, then r.URL.RequestURI(). Behind
	// a proxy the request itself no longer knows. The body is read up to a bound of the provider's.
	//
	// The same callback can come twice and callbacks of one message in any order; State.Supersedes says which to keep.
	// A callback of a kind that is not known is answered and otherwise empty, so that the provider does not repeat it.
	//
	// Errors: ErrSignature, ErrCallback, both wrapped; no secret is in their text.
	ParseCallback(r *http.Request, publicURL string) (Callback, error)
}

// Callback is what a provider told us with one request.
type Callback struct {
	Statuses []Status
	Inbound  []Inbound
	Reply    Reply
}

// Status is news of a message that we sent.
type Status struct {
	ProviderID string // what Send returned
	State      State
	Reason     reason.Reason // OK unless State is Undelivered or Failed
	Retry      bool          // of a failure: whether the same message, sent again, can arrive
	Code       string        // the provider's own code of a failure
	Detail     string        // for a person; one line, redacted
	At         time.Time     // when we heard of it; providers seldom say when it happened
}

// Inbound is a message that a person sent to one of our addresses.
type Inbound struct {
	Transport  Name
	ProviderID string // unique per message; the same id twice is the same message
	From, To   string // in the transport's form
	Text       string
	Media      []Media
	Profile    string // what the person calls themselves there; empty when unknown
	// OptOut is set when the provider has itself acted on a keyword: "STOP", "START" or "HELP".
	OptOut string
	At     time.Time // when we heard of it
}

// Media is a file that came with a message and lies at the provider; fetching it may need the provider's credentials.
type Media struct {
	URL         string
	ContentType string
}

// Reply is what to answer to the provider. The zero Reply is 204 without a body.
type Reply struct {
	Status      int
	ContentType string
	Body        string
}

// ServeHTTP writes the reply.
func (a Reply) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	status := a.Status
	if status == 0 {
		status = http.StatusNoContent
	}
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(a.Body)) // a provider that has gone away asks again
}
