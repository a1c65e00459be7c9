package live

import (
	"context"
	"errors"
	"time"

	"github.com/centrifugal/centrifuge"

	"switchboard/internal/event"
)

// logBroker answers centrifuge's questions about history from the event log. It carries no publications: the hub's tail does.
type logBroker struct{ log Log }

var _ centrifuge.Broker = (*logBroker)(nil)

// errReadOnly is returned where centrifuge would write. Only services write, through the log.
var errReadOnly = errors.New("live: the log is written by services alone")

// historyTimeout bounds one question; centrifuge gives no context.
const historyTimeout = 10 * time.Second

// RegisterBrokerEventHandler implements centrifuge.Broker.
func (b *logBroker) RegisterBrokerEventHandler(centrifuge.BrokerEventHandler) error { return nil }

// Subscribe implements centrifuge.Broker; every node reads the whole log.
func (b *logBroker) Subscribe(string) error { return nil }

// Unsubscribe implements centrifuge.Broker.
func (b *logBroker) Unsubscribe(string) error { return nil }

// Publish implements centrifuge.Broker.
func (b *logBroker) Publish(string, []byte, centrifuge.PublishOptions) (centrifuge.StreamPosition, bool, error) {
	return centrifuge.StreamPosition{}, false, errReadOnly
}

// PublishJoin implements centrifuge.Broker.
func (b *logBroker) PublishJoin(string, *centrifuge.ClientInfo) error { return errReadOnly }

// PublishLeave implements centrifuge.Broker.
func (b *logBroker) PublishLeave(string, *centrifuge.ClientInfo) error { return errReadOnly }

// RemoveHistory implements centrifuge.Broker.
func (b *logBroker) RemoveHistory(string) error { return errReadOnly }

// History implements centrifuge.Broker. The top is read first, so that it is never beyond what is returned with it.
func (b *logBroker) History(name string, opts centrifuge.HistoryOptions) ([]*centrifuge.Publication, centrifuge.StreamPosition, error) {
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	channel, err := parseChannel(name)
	if err != nil {
		return nil, centrifuge.StreamPosition{}, centrifuge.ErrorUnknownChannel
	}
	head, err := b.log.StreamHead(ctx, channel)
	if err != nil {
		return nil, centrifuge.StreamPosition{}, err
	}
	top := centrifuge.StreamPosition{Offset: uint64(head), Epoch: epoch}
	f := opts.Filter
	if f.Limit == 0 || f.Reverse {
		return nil, top, nil
	}
	limit := f.Limit
	if limit < 0 || limit > recoveryLimit {
		limit = recoveryLimit
	}
	var after int64
	if f.Since != nil {
		after = int64(f.Since.Offset)
	}
	entries, err := b.log.Stream(ctx, channel, after, limit)
	if err != nil {
		return nil, centrifuge.StreamPosition{}, err
	}
	return publications(entries, head), top, nil
}

// publications turns entries up to the head into what clients get.
func publications(entries []event.Entry, head int64) []*centrifuge.Publication {
	out := make([]*centrifuge.Publication, 0, len(entries))
	for _, e := range entries {
		if e.Offset <= head {
			out = append(out, frame(e))
		}
	}
	return out
}
