package live

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/centrifugal/centrifuge"

	"switchboard/internal/actor"
	"switchboard/internal/id"
	"switchboard/internal/web"
)

// members is who follows which channel on this node. Centrifuge knows it too but does not tell.
type members struct {
	mu        sync.Mutex
	byChannel map[id.ID]map[*centrifuge.Client]bool
	byClient  map[*centrifuge.Client]map[id.ID]bool
}

func newMembers() *members {
	return &members{byChannel: map[id.ID]map[*centrifuge.Client]bool{}, byClient: map[*centrifuge.Client]map[id.ID]bool{}}
}

func (m *members) add(channel id.ID, c *centrifuge.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byChannel[channel] == nil {
		m.byChannel[channel] = map[*centrifuge.Client]bool{}
	}
	if m.byClient[c] == nil {
		m.byClient[c] = map[id.ID]bool{}
	}
	m.byChannel[channel][c], m.byClient[c][channel] = true, true
}

func (m *members) remove(channel id.ID, c *centrifuge.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(channel, c)
}

func (m *members) drop(c *centrifuge.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for channel := range m.byClient[c] {
		m.forget(channel, c)
	}
}

func (m *members) forget(channel id.ID, c *centrifuge.Client) {
	delete(m.byChannel[channel], c)
	if len(m.byChannel[channel]) == 0 {
		delete(m.byChannel, channel)
	}
	delete(m.byClient[c], channel)
	if len(m.byClient[c]) == 0 {
		delete(m.byClient, c)
	}
}

func (m *members) of(channel id.ID) []*centrifuge.Client {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.byChannel[channel]))
}

type (
	secretKey   struct{}
	channelsKey struct{}
	requestKey  struct{}
)

func withRequest(ctx context.Context, r *http.Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// requestFrom returns the request that asked for a connection; nil when there was none.
func requestFrom(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	return r
}

// fromHere adds to an actor by which request it came, and from where.
func fromHere(ctx context.Context, a actor.Actor) actor.Actor {
	a.RequestID = web.RequestID(ctx)
	if r := requestFrom(ctx); r != nil {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		a.RemoteAddr = host
	}
	return a
}

func withSecret(ctx context.Context, secret string) context.Context {
	return context.WithValue(ctx, secretKey{}, secret)
}

func secretFrom(ctx context.Context) string {
	secret, _ := ctx.Value(secretKey{}).(string)
	return secret
}

// place is where a follower of server-sent events stands in a channel.
type place struct {
	channel id.ID
	after   int64 // -1: at the end
}

func withPlaces(ctx context.Context, places []place) context.Context {
	return context.WithValue(ctx, channelsKey{}, places)
}

func channelsFrom(ctx context.Context) []id.ID {
	places, _ := ctx.Value(channelsKey{}).([]place)
	out := make([]id.ID, len(places))
	for i, p := range places {
		out[i] = p.channel
	}
	return out
}

// wanted is the subscriptions that a connection asked for in its address.
func (h *Hub) wanted(ctx context.Context) (map[string]centrifuge.SubscribeOptions, error) {
	places, _ := ctx.Value(channelsKey{}).([]place)
	out := map[string]centrifuge.SubscribeOptions{}
	for _, p := range places {
		if err := h.opts.MayFollow(ctx, p.channel); err != nil {
			return nil, refusal(err)
		}
		out[channelName(p.channel)] = subscription()
	}
	return out, nil
}
