package live

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"

	"switchboard/internal/errs"
	"switchboard/internal/web"
)

// Mount registers the doors: GET /live/websocket and GET /live/sse. Both are open at the HTTP level, because browsers cannot
// set headers there: the key comes in the connect command of the WebSocket protocol, or as a bearer header.
func (h *Hub) Mount(s *web.Server) {
	socket := centrifuge.NewWebsocketHandler(h.node, centrifuge.WebsocketConfig{
		CheckOrigin: h.originAllowed, MessageSizeLimit: 64 << 10, WriteTimeout: 5 * time.Second, UseWriteBufferPool: true,
	})
	s.Handle(web.NewOperation(nil, "GET /live/websocket", "Follow", http.StatusSwitchingProtocols, h.websocket, web.Public(), web.Timeout(-1),
		web.Summary("Follow channels over WebSocket"), web.Doc(websocketDoc)), func(w http.ResponseWriter, r *http.Request) error {
		if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			return errs.CodeMalformed.Errorf("this address takes WebSocket connections only")
		}
		socket.ServeHTTP(w, r.WithContext(withRequest(withSecret(r.Context(), bearer(r)), r)))
		return nil
	})
	s.Handle(web.NewOperation(nil, "GET /live/sse", "Follow", http.StatusOK, h.events, web.Public(), web.Timeout(-1),
		web.Summary("Follow channels over server-sent events"), web.Doc(sseDoc), web.Answers("text/event-stream")), h.events)
}

// websocket names the door in the route table.
func (h *Hub) websocket() {}

const websocketDoc = "The protocol is that of the public Centrifugo clients (JSON), whose `token` is an API key or a token. A subscription is named " +
	"`channel:<id of a messaging channel>`; it recovers by offset after a dropped connection."

const sseDoc = "One or more `channel=<id>` to follow, and perhaps `since=<offset>` for each, in the same order: entries after it come first. " +
	"Every event has an id; sent back as `Last-Event-ID`, as browsers do, it continues where the connection broke. The event `reset` says that more was " +
	"missed than is kept ready: read the API anew. The key is a bearer header, or the parameter `token` where none can be set (use a short-lived token)."

// bearer returns the secret of a bearer header.
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// originAllowed admits programs (no Origin), pages of this server, and pages of the configured origins.
func (h *Hub) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(h.opts.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
