package accessapi

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/web"
)

// OAuth is the token endpoint: client credentials as in RFC 6749, section 4.4. The client id is a key's id and the client
// secret the key's secret or its whole text, in the form or in HTTP Basic. Its errors are the RFC's, not a dialect's.
type OAuth struct {
	Access *access.Service
	Limits *Limiter
}

// Mount registers the endpoint.
func (h *OAuth) Mount(s *web.Server) {
	s.Handle(web.NewOperation(nil, "POST /oauth/token", "Exchange", http.StatusOK, h.token, web.Public(),
		web.Summary("Exchange client credentials for a token"), web.Reads("application/x-www-form-urlencoded"),
		web.Returns[tokenAnswer](), web.Fails[refusal]()), h.token)
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	Scope       string `json:"scope"`
}

// refusal is an error as RFC 6749, section 5.2 has it.
type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (h *OAuth) token(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	form, err := readForm(r)
	if err != nil {
		return refuse(w, http.StatusBadRequest, "invalid_request", err.Error())
	}
	client, secret, ok := r.BasicAuth()
	if !ok {
		client, secret = form.Get("client_id"), form.Get("client_secret")
	}
	switch {
	case form.Get("grant_type") == "":
		return refuse(w, http.StatusBadRequest, "invalid_request", "grant_type is required")
	case form.Get("grant_type") != "client_credentials":
		return refuse(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials")
	case secret == "":
		return refuse(w, http.StatusBadRequest, "invalid_request", "client_id and client_secret are required")
	}
	ctx := actor.With(r.Context(), actor.Actor{RequestID: web.RequestID(r.Context()), RemoteAddr: remoteHost(r)})
	t, bearer, err := h.Access.Exchange(ctx, client, secret, strings.Fields(form.Get("scope")))
	switch {
	case err == nil:
	case errs.KindOf(err) == errs.Unauthenticated:
		if limited := h.Limits.guessed(r, err); errs.KindOf(limited) == errs.RateLimited {
			return limited
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="switchboard"`)
		return refuse(w, http.StatusUnauthorized, "invalid_client", "the client id or secret is wrong, expired or revoked")
	case errs.KindOf(err) == errs.Denied:
		return refuse(w, http.StatusBadRequest, "invalid_scope", err.Error())
	default:
		return err
	}
	return writeJSON(w, http.StatusOK, tokenAnswer{
		AccessToken: bearer, TokenType: "Bearer",
		ExpiresIn: int(t.ExpiresAt.Sub(t.CreatedAt) / time.Second), Scope: strings.Join(t.Scopes, " "),
	})
}

const maxForm = 16 << 10

// readForm reads the body by itself: http.Request.ParseForm would also take parameters from the query, where secrets end
// up in logs.
func readForm(r *http.Request) (url.Values, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errs.CodeUnsupported.Errorf("the body must be application/x-www-form-urlencoded")
	}
	body, err := readBody(r, maxForm)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errs.CodeMalformed.Errorf("the form cannot be read")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, errs.CodeMalformed.Errorf("%s was sent more than once", name)
		}
	}
	return form, nil
}

func refuse(w http.ResponseWriter, status int, code, text string) error {
	return writeJSON(w, status, refusal{code, text})
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(raw)
	return err
}
