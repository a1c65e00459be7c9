// Package live lets clients follow messaging channels as they change: over WebSocket, in the protocol of the public
// Centrifugo clients, and over plain server-sent events.
//
// The event log is the source of everything sent: this node's tail of the log feeds the subscribers, and a client that was
// away catches up from the log by the offset that it saw last. Nothing is published that is not committed, an entry
// arrives once and in order within a stream, and a restart of the server loses nobody's place.
//
// The package decides neither who is calling nor what they may follow; both are asked of others at connection, at
// subscription, and again whenever the log tells of a change that may have ended a right.
package live

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

// Log is what live reads of the event log.
type Log interface {
	// Stream returns up to limit entries of a stream with offsets above after, in order.
	Stream(ctx context.Context, stream id.ID, after int64, limit int) ([]event.Entry, error)
	// StreamHead returns the newest offset of a stream.
	StreamHead(ctx context.Context, stream id.ID) (int64, error)
	// Tail calls fn with every entry from now on, until ctx ends; ready is closed when it has begun.
	Tail(ctx context.Context, ready chan<- struct{}, fn func([]event.Entry))
}

// Options are what a Hub needs.
type Options struct {
	Log Log
	// Authenticate returns who holds a secret, or errs.Unauthenticated.
	Authenticate func(ctx context.Context, secret string) (actor.Actor, error)
	// MayFollow returns nil when the actor of ctx may follow a messaging channel.
	MayFollow func(ctx context.Context, channel id.ID) error
	// Followed records that the actor of ctx follows a channel from now on. What cannot be recorded is not sent.
	Followed func(ctx context.Context, channel id.ID) error
	// Denied is told of an error that MayFollow refused a known actor with.
	Denied func(ctx context.Context, door string, err error)
	// Connected is told of each connection that was admitted, with the request that asked for it; nil for nobody.
	Connected func(r *http.Request, a actor.Actor)
	// Origins of pages that may connect, beside the server's own.
	Origins        []string
	MaxConnections int
	Logger         *slog.Logger
	Metrics        interface {
		prometheus.Registerer
		prometheus.Gatherer
	}
}

const (
	// epoch names the numbering of offsets. It is the log's own and never starts anew.
	epoch = "log"
	// recoveryLimit is how many missed entries a client is given on its return; beyond that it is told to read the API anew.
	recoveryLimit = 5000
	// recheck is how often a connection must prove again that its key is alive.
	recheck = time.Minute
	// channelPrefix begins the name of what can be followed: "channel:<uuid of a messaging channel>".
	channelPrefix = "channel:"
)

// Hub is the live subscribers of one node.
type Hub struct {
	opts    Options
	node    *centrifuge.Node
	members *members
	cancel  context.CancelFunc
	tail    chan struct{} // closed when the tail has ended
}

// New returns a hub that is not running.
func New(o Options) (*Hub, error) {
	node, err := centrifuge.New(centrifuge.Config{
		Name:                        "switchboard",
		LogLevel:                    centrifuge.LogLevelWarn,
		LogHandler:                  func(e centrifuge.LogEntry) { o.Logger.Warn("live: "+e.Message, "fields", e.Fields) },
		RecoveryMaxPublicationLimit: recoveryLimit,
		HistoryMaxPublicationLimit:  recoveryLimit,
		Metrics:                     centrifuge.MetricsConfig{RegistererGatherer: o.Metrics},
	})
	if err != nil {
		return nil, fmt.Errorf("live: %w", err)
	}
	h := &Hub{opts: o, node: node, members: newMembers()}
	node.SetBroker(&logBroker{log: o.Log})
	node.OnConnecting(h.connecting)
	node.OnConnect(h.connected)
	return h, nil
}

// Start begins to follow the log; it returns once nothing written from now on will be missed.
func (h *Hub) Start(ctx context.Context) error {
	if err := h.node.Run(); err != nil {
		return fmt.Errorf("live: %w", err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h.cancel, h.tail = cancel, make(chan struct{})
	ready := make(chan struct{})
	go func() {
		defer close(h.tail)
		h.opts.Log.Tail(run, ready, h.publish)
	}()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop disconnects everybody, telling them to come back later. It may be called early and twice.
func (h *Hub) Stop(ctx context.Context) error {
	if h.cancel == nil {
		return nil
	}
	h.cancel()
	<-h.tail
	h.cancel = nil
	return h.node.Shutdown(ctx)
}

// Connections returns how many clients are connected to this node.
func (h *Hub) Connections() int { return h.node.Hub().NumClients() }

// connecting admits a connection by the key in its connect command or in its HTTP header.
func (h *Hub) connecting(ctx context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	if h.node.Hub().NumClients() >= h.opts.MaxConnections {
		return centrifuge.ConnectReply{}, centrifuge.DisconnectConnectionLimit
	}
	secret := e.Token
	if secret == "" {
		secret = secretFrom(ctx)
	}
	a, err := h.opts.Authenticate(ctx, secret)
	if err != nil {
		if errs.KindOf(err) == errs.Unauthenticated {
			return centrifuge.ConnectReply{}, centrifuge.DisconnectInvalidToken
		}
		return centrifuge.ConnectReply{}, err
	}
	if r := requestFrom(ctx); r != nil && h.opts.Connected != nil {
		h.opts.Connected(r, a)
	}
	ctx = actor.With(withSecret(ctx, secret), fromHere(ctx, a))
	reply := centrifuge.ConnectReply{
		Context:     ctx,
		Credentials: &centrifuge.Credentials{UserID: a.KeyID.String(), ExpireAt: time.Now().Add(recheck).Unix()},
	}
	subs, err := h.wanted(ctx)
	reply.Subscriptions = subs
	return reply, err
}

// connected sets up a connection that was admitted.
func (h *Hub) connected(c *centrifuge.Client) {
	c.OnRefresh(func(_ centrifuge.RefreshEvent, done centrifuge.RefreshCallback) {
		if _, err := h.opts.Authenticate(c.Context(), secretFrom(c.Context())); err != nil {
			done(centrifuge.RefreshReply{Expired: true}, nil)
			return
		}
		done(centrifuge.RefreshReply{ExpireAt: time.Now().Add(recheck).Unix()}, nil)
	})
	c.OnSubscribe(func(e centrifuge.SubscribeEvent, done centrifuge.SubscribeCallback) {
		channel, err := parseChannel(e.Channel)
		if err == nil {
			err = h.follow(c.Context(), "GET /live/websocket", channel)
		}
		if err != nil {
			done(centrifuge.SubscribeReply{}, refusal(err))
			return
		}
		h.members.add(channel, c)
		done(centrifuge.SubscribeReply{Options: subscription()}, nil)
	})
	c.OnUnsubscribe(func(e centrifuge.UnsubscribeEvent) {
		if channel, err := parseChannel(e.Channel); err == nil {
			h.members.remove(channel, c)
		}
	})
	c.OnDisconnect(func(centrifuge.DisconnectEvent) { h.members.drop(c) })
	for _, channel := range channelsFrom(c.Context()) { // subscribed at connection
		h.members.add(channel, c)
	}
}

// follow admits the actor of ctx to a channel, and records that or that it was denied.
func (h *Hub) follow(ctx context.Context, door string, channel id.ID) error {
	err := h.opts.MayFollow(ctx, channel)
	if err == nil {
		return h.opts.Followed(ctx, channel)
	}
	if errs.KindOf(err) == errs.Denied {
		h.opts.Denied(ctx, door, err)
	}
	return err
}

func subscription() centrifuge.SubscribeOptions {
	return centrifuge.SubscribeOptions{EnableRecovery: true, EnablePositioning: true}
}

// refusal is what a subscriber is told; it does not tell a channel that is not theirs from none.
func refusal(err error) error {
	switch errs.KindOf(err) {
	case errs.NotFound, errs.Malformed, errs.Invalid:
		return centrifuge.ErrorUnknownChannel
	case errs.Denied, errs.Unauthenticated:
		return centrifuge.ErrorPermissionDenied
	default:
		return centrifuge.ErrorInternal
	}
}

// parseChannel reads "channel:<uuid>".
func parseChannel(name string) (id.ID, error) {
	text, ok := strings.CutPrefix(name, channelPrefix)
	channel, err := id.Parse(text)
	if !ok || err != nil || text != channel.String() {
		return id.Nil, errs.MissingRecord("channel")
	}
	return channel, nil
}

func channelName(channel id.ID) string { return channelPrefix + channel.String() }

// Frame is what a subscriber receives for an entry.
type Frame struct {
	ID      id.ID           `json:"id"`   // of the entry
	Type    string          `json:"type"` // "messaging.message.posted"
	Channel id.ID           `json:"channel"`
	Offset  int64           `json:"offset"` // place in the channel's stream, from 1 without gaps
	Subject id.ID           `json:"subject"`
	At      string          `json:"at"` // RFC 3339
	Data    json.RawMessage `json:"data"`
}

func frame(e event.Entry) *centrifuge.Publication {
	raw, err := json.Marshal(Frame{
		ID: e.ID, Type: e.Type, Channel: e.Stream, Offset: e.Offset, Subject: e.Subject,
		At: e.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Data: e.Data,
	})
	if err != nil { // data that is no JSON can't have been written
		raw = []byte("{}")
	}
	return &centrifuge.Publication{Offset: uint64(e.Offset), Data: raw}
}

// publish hands entries to this node's subscribers and ends the rights that they ended.
func (h *Hub) publish(entries []event.Entry) {
	for _, e := range entries {
		if e.Type == "access.key.revoked" {
			_ = h.node.Disconnect(e.Subject.String(), centrifuge.WithCustomDisconnect(centrifuge.DisconnectInvalidToken))
		}
		if e.Stream.IsZero() {
			continue
		}
		sp := centrifuge.StreamPosition{Offset: uint64(e.Offset), Epoch: epoch}
		if err := h.node.HandlePublication(channelName(e.Stream), frame(e), sp, false, nil); err != nil {
			h.opts.Logger.Error("live: an entry could not be published; its subscribers will notice the gap and catch up", "error", err, "seq", e.Seq)
		}
		if endsRights(e.Type) {
			h.review(e.Stream)
		}
	}
}

// endsRights tells whether somebody may have lost the right to follow the stream of an entry of this type.
func endsRights(typ string) bool {
	switch typ {
	case "messaging.channel.unsubscribed", "messaging.channel.deleted", "messaging.channel.updated":
		return true
	}
	return false
}

// review asks again for each follower of a channel whether it may.
func (h *Hub) review(channel id.ID) {
	for _, c := range h.members.of(channel) {
		if err := h.opts.MayFollow(c.Context(), channel); err != nil && errs.KindOf(err) != errs.Internal && errs.KindOf(err) != errs.Unavailable {
			c.Unsubscribe(channelName(channel), centrifuge.Unsubscribe{Code: centrifuge.UnsubscribeCodeServer, Reason: "no longer a member"})
			h.members.remove(channel, c)
		}
	}
}
