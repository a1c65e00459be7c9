package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// live measures how long after a message was sent to the server a subscriber has it, at half the load that the server can
// take.
func (s *site) live(ctx context.Context) error {
	if len(s.rates) == 0 {
		r, err := s.load(s.world.posts(false), 201).run(ctx, s.window()/2, s.server.pid())
		if err != nil {
			return err
		}
		s.rates = sample{perSecond(r.done, r.elapsed)}
	}
	rate := s.rates.median() / 2
	half := row{database: s.name, what: fmt.Sprintf("post to live subscriber ms, p50, at %s posts/s", figure(rate))}
	tail := row{database: s.name, what: "post to live subscriber ms, p99"}
	var answer, answerTail sample
	for range s.runs {
		took, answered, use, err := s.follow(ctx, rate)
		if err != nil {
			return err
		}
		half.got, tail.got = append(half.got, milliseconds(percentile(took, .5))), append(tail.got, milliseconds(percentile(took, .99)))
		answer, answerTail = append(answer, milliseconds(percentile(answered, .5))), append(answerTail, milliseconds(percentile(answered, .99)))
		half.share = use.String()
	}
	half.limits = []limit{{"the same post is answered (durable) after ms, p50", answer}}
	tail.limits = []limit{{"p99", answerTail}}
	s.table.add(half)
	s.table.add(tail)
	return nil
}

// follow posts at a rate and returns how long each message took to its subscriber, and each post to its answer.
func (s *site) follow(ctx context.Context, rate float64) (took, answered []time.Duration, use processors, err error) {
	sub, err := s.subscribe(ctx)
	if err != nil {
		return nil, nil, use, err
	}
	l := s.load(s.world.posts(false), 201)
	l.rate, l.sent = rate, sub.sent
	r, err := l.run(ctx, s.window(), s.server.pid())
	if err == nil {
		err = sub.await(ctx, r.total)
	}
	return sub.stop(), r.took, r.use, err
}

// subscriber follows every channel over one WebSocket connection.
type subscriber struct {
	conn   *websocket.Conn
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	begun   map[int64]time.Time // by number
	arrived map[int64]time.Time
	fault   error
	change  chan struct{} // holds something when something has come
}

// maxFrame is the largest frame that is taken: several messages may come in one.
const maxFrame = 4 << 20

func (s *site) subscribe(ctx context.Context) (*subscriber, error) {
	ctx, cancel := context.WithCancel(ctx)
	conn, _, err := websocket.Dial(ctx, "ws://"+s.server.host+"/live/websocket", nil) //nolint:bodyclose // the library closes it
	if err != nil {
		cancel()
		return nil, err
	}
	conn.SetReadLimit(maxFrame)
	sub := &subscriber{
		conn: conn, cancel: cancel, done: make(chan struct{}), begun: map[int64]time.Time{}, arrived: map[int64]time.Time{},
		change: make(chan struct{}, 1),
	}
	err = conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"id":1,"connect":{"token":%q}}`, s.world.key))
	for i, channel := range s.world.channels {
		if err == nil {
			err = conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"id":%d,"subscribe":{"channel":"channel:%s"}}`, i+2, channel))
		}
	}
	if err == nil {
		err = sub.subscribed(ctx, len(s.world.channels))
	}
	if err != nil {
		cancel()
		_ = conn.CloseNow()
		return nil, fmt.Errorf("following the channels: %w", err)
	}
	go sub.read(ctx)
	return sub, nil
}

// subscribed reads until that many subscriptions are confirmed.
func (s *subscriber) subscribed(ctx context.Context, want int) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for got := 0; got < want; {
		_, raw, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		if bytes.Contains(raw, []byte(`"error"`)) {
			return fmt.Errorf("refused: %s", raw)
		}
		got += bytes.Count(raw, []byte(`"subscribe":`))
	}
	return nil
}

// sent notes that a message goes out now.
func (s *subscriber) sent(number int64) {
	now := time.Now()
	s.mu.Lock()
	s.begun[number] = now
	s.mu.Unlock()
}

// textMark begins the text of every message that the load posts.
var textMark = []byte(`"message":"bench `)

// read notes what arrives until the connection ends, and answers the server's pings.
func (s *subscriber) read(ctx context.Context) {
	defer close(s.done)
	for {
		_, raw, err := s.conn.Read(ctx)
		now := time.Now()
		if err == nil && bytes.Equal(bytes.TrimSpace(raw), []byte("{}")) {
			err = s.conn.Write(ctx, websocket.MessageText, []byte("{}"))
		}
		s.mu.Lock()
		if err != nil {
			s.fault = err
			s.mu.Unlock()
			return
		}
		for _, number := range numbersIn(raw) {
			if _, ours := s.begun[number]; ours { // others were posted by the load before, and are late
				s.arrived[number] = now
			}
		}
		s.mu.Unlock()
		select {
		case s.change <- struct{}{}:
		default:
		}
	}
}

// numbersIn finds the numbers of the messages in a frame.
func numbersIn(raw []byte) []int64 {
	var out []int64
	for {
		at := bytes.Index(raw, textMark)
		if at < 0 || len(raw) < at+len(textMark)+len(numberMark) {
			return out
		}
		raw = raw[at+len(textMark):]
		if n, err := strconv.ParseInt(string(raw[:len(numberMark)]), 10, 64); err == nil {
			out = append(out, n)
		}
	}
}

// await waits until that many messages have arrived.
func (s *subscriber) await(ctx context.Context, want int) error {
	timer := time.NewTimer(requestTimeout)
	defer timer.Stop()
	for {
		s.mu.Lock()
		got, fault := len(s.arrived), s.fault
		s.mu.Unlock()
		if got >= want {
			return nil
		}
		select {
		case <-s.change:
		case <-s.done:
			return fmt.Errorf("%d of %d messages arrived: %w", got, want, fault)
		case <-timer.C:
			return fmt.Errorf("%d of %d messages arrived", got, want)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stop closes the connection and returns how long each message that arrived took.
func (s *subscriber) stop() []time.Duration {
	s.cancel()
	_ = s.conn.CloseNow()
	<-s.done
	took := make([]time.Duration, 0, len(s.arrived))
	for number, at := range s.arrived {
		took = append(took, at.Sub(s.begun[number]))
	}
	return took
}
