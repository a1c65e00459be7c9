package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// load is requests over several connections at once.
type load struct {
	host     string
	requests []request // one for each connection
	want     int       // the status that is a success
	// rate is how many requests a second all connections together begin; 0 means that each connection sends its next one
	// as soon as it has its answer.
	rate float64
	// sent, when set, is told the number of each request just before it goes out.
	sent func(number int64)
	next *atomic.Int64 // the numbers
}

// warmUp is how long the load runs before anything is counted.
const warmUp = 400 * time.Millisecond

// loaded is what came of a load, within the window.
type loaded struct {
	done    int
	total   int // with the warm-up and what was under way at the end
	elapsed time.Duration
	took    []time.Duration
	use     processors
}

// cost is how much time of a processor the server took for each request, in microseconds.
func (l loaded) cost() float64 {
	return l.use.server.Seconds() * l.elapsed.Seconds() * 1e6 / float64(l.done)
}

// run loads the server for the warm-up and then for window. It fails at the first answer that is not a success.
func (l load) run(ctx context.Context, window time.Duration, server int) (loaded, error) {
	parent := ctx
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	var (
		workers  sync.WaitGroup
		counting atomic.Bool
		results  = make([]loaded, len(l.requests))
		faults   = make([]error, len(l.requests))
	)
	for i := range l.requests {
		c, err := dial(l.host)
		if err != nil {
			cancel()
			workers.Wait()
			return loaded{}, err
		}
		workers.Go(func() {
			defer c.close()
			if faults[i] = l.worker(ctx, c, i, &counting, &results[i]); faults[i] != nil {
				cancel()
			}
		})
	}
	pause(ctx, warmUp)
	before, begun := usage(server), time.Now()
	counting.Store(true)
	pause(ctx, window)
	counting.Store(false)
	cancel()
	out := loaded{elapsed: time.Since(begun), use: usage(server).since(before, time.Since(begun))}
	workers.Wait()
	for _, r := range results {
		out.done += r.done
		out.total += r.total
		out.took = append(out.took, r.took...)
	}
	err := errors.Join(append(faults, parent.Err())...)
	if err == nil && out.done == 0 {
		err = errors.New("nothing was answered within the window")
	}
	return out, err
}

// pause waits for d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// worker sends over one connection until ctx ends.
func (l load) worker(ctx context.Context, c *connection, i int, counting *atomic.Bool, out *loaded) error {
	r := l.requests[i].clone()
	out.took = make([]time.Duration, 0, 1<<14)
	var gap time.Duration
	if l.rate > 0 {
		gap = time.Duration(float64(len(l.requests)) / l.rate * float64(time.Second))
	}
	due := time.Now().Add(gap * time.Duration(i) / time.Duration(len(l.requests))) // not all at once
	for ctx.Err() == nil {
		if gap > 0 {
			if pause(ctx, time.Until(due)); ctx.Err() != nil {
				return nil
			}
			due = due.Add(gap)
		}
		number := l.next.Add(1)
		r.setNumber(number)
		begun := time.Now()
		if l.sent != nil {
			l.sent(number)
		}
		status, problem, err := c.do(&r)
		if err != nil {
			return err
		}
		if status != l.want {
			return fmt.Errorf("answered %d: %s", status, problem)
		}
		out.total++
		if counting.Load() {
			out.done++
			out.took = append(out.took, time.Since(begun))
		}
	}
	return nil
}
