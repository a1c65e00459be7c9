package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// apiError is what the sandbox's own API answers when something is wrong: {"error": {"field", "message"}}.
type apiError struct {
	Status  int    `json:"-"`
	Field   string `json:"field,omitempty"` // the member or parameter to blame
	Message string `json:"message"`
}

func (e *apiError) Error() string { return strings.TrimSpace(e.Field + " " + e.Message) }

func invalid(field, message string) *apiError {
	return &apiError{Status: http.StatusUnprocessableEntity, Field: field, Message: message}
}

// handler is every route.
func (s *Sandbox) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /outbox", handle(s.getOutbox))
	mux.HandleFunc("DELETE /outbox", handle(func(*http.Request) (any, error) { s.Clear(); return nil, nil }))
	mux.HandleFunc("GET /failures", handle(func(*http.Request) (any, error) { return map[string]any{"data": s.Failures()}, nil }))
	mux.HandleFunc("POST /failures", handle(s.postFailure))
	mux.HandleFunc("DELETE /failures", handle(func(*http.Request) (any, error) { s.Heal(); return nil, nil }))
	mux.HandleFunc("GET /magic", handle(func(*http.Request) (any, error) { return map[string]any{"data": Magic()}, nil }))
	mux.HandleFunc("POST /inbound/sms", handle(func(r *http.Request) (any, error) { return s.postInbound(r, "sms") }))
	mux.HandleFunc("POST /inbound/whatsapp", handle(func(r *http.Request) (any, error) { return s.postInbound(r, "whatsapp") }))
	mux.HandleFunc("POST /webhook/{name}", s.receiveWebhook)
	mux.HandleFunc("PUT /webhook/{name}", handle(s.putWebhook))
	mux.HandleFunc("POST /2010-04-01/Accounts/{account}/Messages.json", s.twilioCreate)
	mux.HandleFunc("GET /2010-04-01/Accounts/{account}/Messages/{file}", s.twilioFetch)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, &apiError{Status: http.StatusNotFound, Message: "there is no " + r.Method + " " + r.URL.Path + " here"})
	})
	return s.guard(mux)
}

// guard keeps web pages of others out: those that have a name resolve to this machine (DNS rebinding), and those that
// post across origins. Programs send no Origin.
func (s *Sandbox) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.options.Exposed && !loopbackHost(r.Host) {
			refuse(w, &apiError{Status: http.StatusForbidden, Field: "Host", Message: "must be an address of this machine"})
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
			refuse(w, &apiError{Status: http.StatusForbidden, Field: "Origin", Message: "must be the sandbox itself"})
			return
		}
		if !s.enter() {
			refuse(w, &apiError{Status: http.StatusServiceUnavailable, Message: "the sandbox is stopping"})
			return
		}
		defer s.leave()
		next.ServeHTTP(w, r)
	})
}

func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// handle makes a handler of a function that answers with a value, with nothing (204) or with an error.
func handle(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := f(r)
		switch {
		case err != nil:
			refuse(w, err)
		case value == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			answer(w, http.StatusOK, value)
		}
	}
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // a caller that has gone away asks again
}

func refuse(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		e = &apiError{Status: http.StatusInternalServerError, Message: err.Error()}
	}
	answer(w, e.Status, map[string]any{"error": e})
}

// maxRequest is how much of a request is read, in bytes.
const maxRequest = 10 << 20

// decode reads a JSON body strictly; a member that is unknown or of the wrong type is named.
func decode(r *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return &apiError{Status: http.StatusUnsupportedMediaType, Field: "Content-Type", Message: "must be application/json"}
	}
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxRequest))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(into)
	if err == nil && decoder.More() {
		err = errors.New("there is something after the object")
	}
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return invalid(wrong.Field, "must be of the type "+wrong.Type.String())
	}
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
		return invalid(strings.Trim(name, `"`), "is not known here")
	}
	return &apiError{Status: http.StatusBadRequest, Message: "the body is not a JSON object: " + err.Error()}
}

func (s *Sandbox) getOutbox(r *http.Request) (any, error) {
	f, err := filterOf(r)
	if err != nil {
		return nil, err
	}
	found, last, _ := s.outbox.list(f)
	return map[string]any{"data": found, "last": last}, nil
}

// filterOf reads the parameters of GET /outbox.
func filterOf(r *http.Request) (Filter, error) {
	var f Filter
	for name, values := range r.URL.Query() {
		value := values[len(values)-1]
		switch name {
		case "transport":
			if !slices.Contains(Transports(), value) {
				return f, invalid(name, "must be one of "+strings.Join(Transports(), ", "))
			}
			f.Transport = value
		case "to":
			f.To = strings.TrimPrefix(address(value), "whatsapp:")
		case "direction":
			if !slices.Contains([]string{Outbound, Inbound, "all"}, value) {
				return f, invalid(name, "must be one of outbound, inbound, all")
			}
			f.Direction = value
		case "since":
			if err := f.since(value); err != nil {
				return f, err
			}
		case "limit":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > maxCaptures {
				return f, invalid(name, fmt.Sprintf("must be between 1 and %d", maxCaptures))
			}
			f.Limit = n
		default:
			return f, invalid(name, "is not a parameter of this")
		}
	}
	return f, nil
}

// since takes the seq of the last capture that the caller has, or an instant.
func (f *Filter) since(value string) error {
	if seq, err := strconv.ParseInt(value, 10, 64); err == nil {
		f.After = seq
		return nil
	}
	at, err := time.Parse(time.RFC3339, address(value))
	if err != nil {
		return invalid("since", "must be a seq or an instant such as 2026-03-01T12:00:00Z")
	}
	f.Since = at
	return nil
}

// address mends a plus sign that was not escaped in a query and came as a space.
func address(value string) string {
	if strings.HasPrefix(value, " ") {
		return "+" + value[1:]
	}
	return strings.ReplaceAll(value, " ", "+")
}

func (s *Sandbox) postFailure(r *http.Request) (any, error) {
	var f Failure
	if err := decode(r, &f); err != nil {
		return nil, err
	}
	if problem := f.check(); problem != nil {
		return nil, problem
	}
	s.failures.add(f)
	return map[string]any{"data": s.Failures()}, nil
}
