package deliveryapi

import (
	"errors"
	"log/slog"
	"net/http"

	"switchboard/internal/delivery"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/transport"
	"switchboard/internal/web"
)

// Callbacks is where providers report what became of messages and hand over those that people sent. It belongs to no
// dialect: how it is signed, spelled and answered is the provider's.
type Callbacks struct{ delivery *delivery.Service }

// Mount registers the endpoints. Some providers can be set to report by GET.
func (h *Callbacks) Mount(s *web.Server) {
	about := []web.Option{web.Public(), web.Summary("Take in a provider's report"), web.Doc("For the provider of that name in the " +
		"configuration. The report must be signed as that provider signs. Some providers want an answer with a body.")}
	about = append(about, web.Also(http.StatusOK), web.Answers("text/xml", "text/plain"))
	s.Handle(web.NewOperation(nil, "POST /callbacks/{provider}", "Report", http.StatusNoContent, h.hear, about...), h.hear)
	s.Handle(web.NewOperation(nil, "GET /callbacks/{provider}", "ReportByGET", http.StatusNoContent, h.hear, about...), h.hear)
}

// hear checks, reads and stores one request. Whatever was not stored is answered with an error, so that the provider
// sends it again.
func (h *Callbacks) hear(w http.ResponseWriter, r *http.Request) error {
	provider := r.PathValue("provider")
	reader, err := h.delivery.Callbacks(provider)
	if err != nil {
		return err
	}
	web.Annotate(r.Context(), slog.String("provider", provider))
	news, err := reader.ParseCallback(r, h.address(r))
	switch {
	case errors.Is(err, transport.ErrSignature):
		return errs.Forbidden("the signature is missing or does not match; server.public_url must be the address that the provider was given").Because(err)
	case err != nil:
		return errs.CodeMalformed.Errorf("the report cannot be read").Because(err)
	}
	hint, _ := id.Parse(r.URL.Query().Get(delivery.HintParameter)) // what is no id names nothing
	if err := h.delivery.Hear(r.Context(), provider, hint, news); err != nil {
		return err
	}
	news.Reply.ServeHTTP(w, r)
	return nil
}

// address is the URL by which the provider reached us, which it has signed.
func (h *Callbacks) address(r *http.Request) string {
	base := h.delivery.PublicURL()
	if base == "" {
		base = "http://" + r.Host
		if r.TLS != nil {
			base = "https://" + r.Host
		}
	}
	return base + r.RequestURI
}
