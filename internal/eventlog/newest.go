package eventlog

import (
	"context"
	"slices"
	"sort"
	"sync"

	"switchboard/internal/event"
)

// The newest entries stay in memory, so that what a node's readers all want is read from the database once and not by each
// of them. These bound how much: entries, and bytes of their data.
const (
	newestEntries = 4096
	newestBytes   = 8 << 20
	gatherBatch   = 1000
)

// newest is the end of the log, without gaps.
type newest struct {
	mu      sync.RWMutex
	kept    bool  // false: nothing is gathered, and readers ask the database
	after   int64 // entries are all those with a seq above this one
	entries []event.Entry
	bytes   int
}

// since returns up to limit entries above a seq, and false for a reader who is so far behind that the database must be asked.
func (n *newest) since(after int64, limit int) ([]event.Entry, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if !n.kept || after < n.after {
		return nil, false
	}
	from := sort.Search(len(n.entries), func(i int) bool { return n.entries[i].Seq > after })
	to := min(len(n.entries), from+limit)
	return slices.Clip(n.entries[from:to]), true
}

func (n *newest) gathers() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.kept
}

func (n *newest) begin(head int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept, n.after, n.entries, n.bytes = true, head, nil, 0
}

func (n *newest) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept, n.entries = false, nil
}

// add takes the next entries. When there are too many, the older half goes into a slice of nobody's: readers may still
// hold parts of the old one.
func (n *newest) add(entries []event.Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.entries = append(n.entries, entries...)
	for _, e := range entries {
		n.bytes += len(e.Data)
	}
	if len(n.entries) <= newestEntries && n.bytes <= newestBytes {
		return
	}
	cut := 0
	for bytes := n.bytes; cut < len(n.entries) && (len(n.entries)-cut > newestEntries/2 || bytes > newestBytes/2); cut++ {
		bytes -= len(n.entries[cut].Data)
		n.after, n.bytes = n.entries[cut].Seq, bytes
	}
	n.entries = slices.Clone(n.entries[cut:])
}

// gather keeps the newest entries until ctx ends.
func (l *Log) gather(ctx context.Context) {
	defer l.readable.set()
	defer l.newest.end()
	var (
		head   int64
		placed bool
	)
	for ctx.Err() == nil {
		woken := l.numbered.next()
		entries, err := l.gatherOnce(ctx, &head, &placed)
		switch {
		case err != nil && ctx.Err() == nil:
			l.logger.Error("the event log cannot be read; trying again", "error", err)
			wait(ctx, nil, pollInterval)
		case entries > 0:
			l.readable.set()
		default:
			wait(ctx, woken, pollInterval)
		}
	}
}

func (l *Log) gatherOnce(ctx context.Context, head *int64, placed *bool) (int, error) {
	if !*placed {
		at, err := l.Head(ctx)
		if err != nil {
			return 0, err
		}
		*head, *placed = at, true
		l.newest.begin(at)
		l.readable.set() // who asked the database until now asks here
	}
	entries, err := l.Read(ctx, *head, gatherBatch)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	l.newest.add(entries)
	*head = entries[len(entries)-1].Seq
	return len(entries), nil
}

// read is Read for the readers of this node. What it returns is shared: nobody may change it.
func (l *Log) read(ctx context.Context, after int64, limit int) ([]event.Entry, error) {
	if entries, ok := l.newest.since(after, limit); ok {
		return entries, nil
	}
	return l.Read(ctx, after, limit)
}
