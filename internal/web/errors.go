package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"switchboard/internal/errs"
)

// StatusOf is the HTTP status of a kind of error.
func StatusOf(k errs.Kind) int {
	switch k {
	case errs.Malformed:
		return http.StatusBadRequest
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Denied:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case errs.NoMethod:
		return http.StatusMethodNotAllowed
	case errs.Conflict:
		return http.StatusConflict
	case errs.TooLarge:
		return http.StatusRequestEntityTooLarge
	case errs.Unsupported:
		return http.StatusUnsupportedMediaType
	case errs.Invalid:
		return http.StatusUnprocessableEntity
	case errs.RateLimited:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	case errs.Stale:
		return http.StatusPreconditionFailed
	case errs.NotOffered:
		return http.StatusNotImplemented
	case errs.Internal:
	}
	return http.StatusInternalServerError
}

// WriteError answers a request with an error, in the dialect of the route that it matched. An error that is no
// *errs.Error, or is internal, is answered with a neutral text; its own text goes to the log. It does nothing when the
// answer has begun.
//
// Middleware that writes errors itself must use it too, so that every error is logged and counted in one place.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	q := requestOf(r.Context())
	if q != nil && q.status == 0 && gone(r, err) {
		q.code = "ClientClosedRequest"
		w.WriteHeader(statusGone)
		return
	}
	e := public(r, q, err)
	status := StatusOf(e.Code.Kind)
	if q != nil {
		q.code, q.told = e.Code.Name, e
		if status >= http.StatusInternalServerError {
			q.err = err
		}
		if q.status != 0 {
			return
		}
	}
	h := w.Header()
	if e.RetryAfter > 0 || status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	}
	d := Matched(r.Context()).dialect()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="switchboard"`)
		if d.Basic {
			h.Add("WWW-Authenticate", `Basic realm="switchboard", charset="UTF-8"`)
		}
	}
	if werr := writeJSON(w, contentType(d, r), status, d.Error(r, status, e)); werr != nil && q != nil && q.err == nil {
		q.err = werr
	}
}

// statusGone is what the log and the metrics show for a caller that did not wait; nobody reads it.
const statusGone = 499

// public returns the error that the caller may see.
func public(r *http.Request, q *request, err error) *errs.Error {
	e, ok := errors.AsType[*errs.Error](err)
	switch {
	case ok && e.Code.Kind != errs.Internal:
		return e
	case !ok && tooLarge(err) != nil:
		return tooLarge(err)
	case !ok && errors.Is(err, context.DeadlineExceeded) && r.Context().Err() != nil:
		return errs.CodeUnavailable.Errorf("the request took too long and was given up")
	}
	requestID := ""
	if q != nil {
		requestID = q.id
	}
	return errs.CodeInternal.Errorf("something failed inside the server; it is logged as request %s", requestID).
		With("request-id", requestID)
}

// tooLarge returns what is answered when reading the body met its limit; nil when that is not what happened.
func tooLarge(err error) *errs.Error {
	if mbe, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errs.CodeTooLarge.Errorf("the body is larger than %d bytes", mbe.Limit)
	}
	return nil
}

func contentType(d *Dialect, r *http.Request) string {
	if d.Answer == nil {
		return "application/json"
	}
	return d.Answer(r)
}
