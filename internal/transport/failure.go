package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard/internal/reason"
	"switchboard/internal/redact"
)

// Error is why an attempt did not succeed. Its text is safe to store and to show: senders redact Detail.
type Error struct {
	// Reason is for the ledger. Required.
	Reason reason.Reason
	// Retry tells whether the same message can succeed later.
	Retry bool
	// RetryAfter is the least time to wait, as the provider asked for it; zero when it did not.
	RetryAfter time.Duration
	// Ambiguous tells that the provider may have taken the message all the same: the connection broke or time ran out
	// after the request was written, or a gateway answered for it. Trying again can repeat the message to the person
	// unless the provider knows the delivery's id.
	Ambiguous bool
	// Code is the provider's own code for the failure (an HTTP status, an SMTP code, "21610"); empty when there was no
	// answer.
	Code string
	// Detail is what happened, for a person to read: one line, redacted, at most redact.MaxLine characters.
	Detail string

	cause error
}

// Error returns the reason, the provider's code and the detail.
func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%s: %s", e.Reason, e.Detail)
	}
	return fmt.Sprintf("%s (%s): %s", e.Reason, e.Code, e.Detail)
}

// Unwrap returns context.Canceled or context.DeadlineExceeded when the caller's context ended the attempt, and nil
// otherwise: other causes can hold URLs and secrets and stay inside the sender.
func (e *Error) Unwrap() error { return e.cause }

// Because notes that the context ended the attempt, when cause says so; any other cause is dropped.
func (e *Error) Because(cause error) *Error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(cause, end) {
			e.cause = end
			return e
		}
	}
	return e
}

// Rejected is a failure that the same message would meet again.
func Rejected(r reason.Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Detail: redact.Line(fmt.Sprintf(format, args...))}
}

// Unavailable is a failure that may pass, met before the provider could take the message.
func Unavailable(format string, args ...any) *Error {
	return &Error{Reason: reason.ProviderUnavailable, Retry: true, Detail: redact.Line(fmt.Sprintf(format, args...))}
}

// AsError returns err as an *Error, and nil for nil. An error of another type is a mistake in a sender; it is taken for
// a passing and ambiguous failure, and its text, which nobody redacted, is withheld.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{
		Reason: reason.ProviderUnavailable, Retry: true, Ambiguous: true,
		Detail: fmt.Sprintf("the sender failed with an error of type %T", err),
	}
	return e.Because(err)
}
