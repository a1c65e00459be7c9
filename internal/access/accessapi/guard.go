// Package accessapi is how callers show who they are over HTTP: the guard that stands before every operation, the endpoint
// that exchanges a key for a token, and those that manage keys, the tokens of users and sniffers.
package accessapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoints of the guard's service.
func (g *Guard) Mount(s *web.Server) {
	(&OAuth{Access: g.Access, Limits: g.Limits}).Mount(s)
	courier := jsonapi.New(s)
	(&APIKeys{g.Access}).Mount(courier)
	(&UserTokens{g.Access}).Mount(courier)
	(&Sniffers{g.Sniffers}).Mount(courier)
}

// Guard stands before every operation: it authenticates the caller, limits how often it may call, and answers repeated
// requests that carry an Idempotency-Key. What a caller is denied, here or further in, it has put into the audit, and the
// requests of users for whom there is a sniffer it has recorded.
type Guard struct {
	Access   *access.Service
	Sniffers *access.Sniffers // nil for none
	Limits   *Limiter         // nil for none
	Logger   *slog.Logger     // nil: nothing is logged
}

// Wrap puts the guard around an operation; it is web.Options.Wrap. Public operations pass with or without a key.
func (g *Guard) Wrap(op web.Operation, next http.Handler) http.Handler {
	if op.Public {
		return next
	}
	admit := g.admit(op, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := g.authenticate(op, r)
		if err != nil {
			web.WriteError(w, r, err)
			return
		}
		r = r.WithContext(actor.With(r.Context(), a))
		defer g.audit(op, r)
		if live := g.Sniffers.Of(a); live != nil {
			g.sniff(live, w, r, admit)
			return
		}
		admit.ServeHTTP(w, r)
	})
}

// admit serves a request of a caller who is known.
func (g *Guard) admit(op web.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.Limits.allow(actor.From(r.Context())); err != nil {
			web.WriteError(w, r, err)
			return
		}
		if key := r.Header.Get("Idempotency-Key"); op.Write && key != "" {
			g.once(op, w, r, key, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// audit records what was denied. That it could not be recorded is logged and changes no answer: the caller got nothing.
func (g *Guard) audit(op web.Operation, r *http.Request) {
	e := web.Denied(r.Context())
	if e == nil {
		return
	}
	if err := g.Access.Denied(r.Context(), access.NewDenial(op.Route(), r.URL.Path, e)); err != nil && g.Logger != nil {
		g.Logger.Error("a denied attempt is not in the audit", "error", err, "request_id", web.RequestID(r.Context()), "route", op.Route())
	}
}

func (g *Guard) authenticate(op web.Operation, r *http.Request) (actor.Actor, error) {
	basic := op.Dialect != nil && op.Dialect.Basic
	secret, err := credentials(r, basic)
	if err != nil {
		return actor.Actor{}, err
	}
	a, err := g.Access.Authenticate(r.Context(), secret)
	if err != nil && errs.KindOf(err) == errs.Unauthenticated {
		err = g.Limits.guessed(r, err)
	}
	a.RequestID, a.RemoteAddr = web.RequestID(r.Context()), remoteHost(r)
	return a, err
}

// credentials returns the secret of a bearer header or, where it is accepted, of HTTP Basic: the user name is the id of a
// key (or anything, when the password is the key's whole text).
func credentials(r *http.Request, basic bool) (string, error) {
	header := r.Header.Get("Authorization")
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case header == "":
		return "", errs.CodeUnauthenticated.Errorf("no key was sent: use the header Authorization: Bearer <key>")
	case strings.EqualFold(scheme, "bearer") && strings.TrimSpace(rest) != "":
		return strings.TrimSpace(rest), nil
	case strings.EqualFold(scheme, "basic") && basic:
		if r.TLS == nil && !loopback(r) {
			return "", errs.CodeUnauthenticated.Errorf("HTTP Basic is taken over TLS or from this machine only; use a bearer key")
		}
		user, password, ok := r.BasicAuth()
		if !ok {
			return "", errs.CodeUnauthenticated.Errorf("the Authorization header cannot be read")
		}
		return access.BasicSecret(user, password), nil
	}
	return "", errs.CodeUnauthenticated.Errorf("the Authorization header is not one that is taken here: use Bearer <key>")
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func loopback(r *http.Request) bool {
	ip := net.ParseIP(remoteHost(r))
	return ip != nil && ip.IsLoopback()
}

// once serves a request that may be a repetition.
func (g *Guard) once(op web.Operation, w http.ResponseWriter, r *http.Request, key string, next http.Handler) {
	if err := checkKey(key); err != nil {
		web.WriteError(w, r, err)
		return
	}
	body, err := readBody(r, op.MaxBody)
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	a := actor.From(r.Context())
	request := access.Request{
		OrganizationID: a.OrganizationID, KeyID: a.KeyID, Route: r.Method + " " + r.URL.Path, IdempotencyKey: key,
		Body: body, Query: r.URL.RawQuery + "\x00" + r.Header.Get("Content-Type"),
	}
	answer, replayed, err := g.Access.Once(r.Context(), request, func(ctx context.Context) (access.Answer, error) {
		return record(ctx, r, body, next)
	})
	if err != nil {
		web.WriteError(w, r, err)
		return
	}
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body)
}

// record runs the operation against a recorder, so that its answer can be stored before it is sent.
func record(ctx context.Context, r *http.Request, body []byte, next http.Handler) (access.Answer, error) {
	again := r.Clone(ctx)
	again.Body = io.NopCloser(bytes.NewReader(body))
	again.ContentLength = int64(len(body))
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, again)
	a := access.Answer{Status: rec.Code, Header: map[string]string{}, Body: rec.Body.Bytes()}
	for _, name := range []string{"Content-Type", "Location", "Retry-After"} {
		if v := rec.Header().Get(name); v != "" {
			a.Header[name] = v
		}
	}
	return a, nil
}

// checkKey holds an idempotency key to what the draft standard and the table allow: 1 to 255 visible ASCII characters.
func checkKey(key string) error {
	visible := strings.IndexFunc(key, func(c rune) bool { return c < 0x21 || c > 0x7e }) < 0
	if len(key) <= 255 && visible {
		return nil
	}
	e := errs.CodeParameter.Errorf("the Idempotency-Key must have 1 to 255 visible ASCII characters")
	e.Fields = []errs.Field{{In: errs.InHeader, Path: "Idempotency-Key", Code: errs.CodeParameter, Message: "is not valid"}}
	return e
}

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = web.DefaultMaxBody
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) || int64(len(body)) > limit {
		return nil, errs.CodeTooLarge.Errorf("the body is larger than %d bytes", limit)
	}
	if err != nil {
		return nil, errs.CodeMalformed.Errorf("the body could not be read").Because(err)
	}
	return body, nil
}
