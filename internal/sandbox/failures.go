package sandbox

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The modes in which a service can fail.
const (
	ModeTimeout     = "timeout" // reads everything and never answers
	ModeRateLimited = "429"     // says that it is too much; RetryAfter goes with it where the protocol has it
	ModeBroken      = "500"     // says that it is broken
	ModeReject      = "reject"  // refuses the address for good
	ModeReset       = "reset"   // reads everything and breaks the connection
	ModeSlow        = "slow"    // takes the message after Delay
)

// Modes lists the modes.
func Modes() []string {
	return []string{ModeTimeout, ModeRateLimited, ModeBroken, ModeReject, ModeReset, ModeSlow}
}

// Transports lists the transports whose services are here.
func Transports() []string { return []string{"email", "sms", "whatsapp", "webhook"} }

// Failure is how a service fails at its next calls.
type Failure struct {
	Transport string `json:"transport"`
	Mode      string `json:"mode"`
	Count     int    `json:"count"` // calls yet to fail; 0 means 1
	// Taken lets the message be captured before the failure, for timeout, 500 and reset: what a caller cannot know.
	Taken bool `json:"taken,omitempty"`
	// Delay of slow in milliseconds; 0 means 2000.
	Delay int `json:"delay,omitempty"`
	// RetryAfter of 429 in seconds; 0 means 1.
	RetryAfter int `json:"retry_after,omitempty"`
}

// maxFailures bounds what can be asked for.
const maxFailures = 1_000_000

// check returns the field that is wrong and why.
func (f *Failure) check() *apiError {
	switch {
	case !slices.Contains(Transports(), f.Transport):
		return invalid("transport", "must be one of email, sms, whatsapp, webhook")
	case !slices.Contains(Modes(), f.Mode):
		return invalid("mode", "must be one of timeout, 429, 500, reject, reset, slow")
	case f.Count < 0 || f.Count > maxFailures:
		return invalid("count", "must be between 1 and 1000000")
	case f.Delay < 0 || f.Delay > int(time.Hour/time.Millisecond):
		return invalid("delay", "must be between 0 and 3600000 milliseconds")
	case f.RetryAfter < 0 || f.RetryAfter > int(24*time.Hour/time.Second):
		return invalid("retry_after", "must be between 0 and 86400 seconds")
	case f.Taken && !slices.Contains([]string{ModeTimeout, ModeBroken, ModeReset}, f.Mode):
		return invalid("taken", "is for the modes timeout, 500 and reset")
	}
	f.Count = max(f.Count, 1)
	return nil
}

func (f *Failure) delay() time.Duration {
	if f.Delay == 0 {
		return 2 * time.Second
	}
	return time.Duration(f.Delay) * time.Millisecond
}

func (f *Failure) retryAfter() string { return strconv.Itoa(max(f.RetryAfter, 1)) }

// failures is what is yet to fail, in the order in which it was asked for.
type failures struct {
	mu    sync.Mutex
	queue []Failure
}

func (q *failures) add(f Failure) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, f)
}

// next takes the failure of the next call of a transport; nil when it is to succeed.
func (q *failures) next(transport string) *Failure {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.queue {
		if q.queue[i].Transport != transport {
			continue
		}
		f := q.queue[i]
		q.queue[i].Count--
		if q.queue[i].Count == 0 {
			q.queue = slices.Delete(q.queue, i, i+1)
		}
		return &f
	}
	return nil
}

func (q *failures) list() []Failure {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]Failure{}, q.queue...)
}

func (q *failures) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = nil
}

// Fail makes a service fail at its next calls. It panics on a Failure that POST /failures would refuse.
func (s *Sandbox) Fail(f Failure) {
	if problem := f.check(); problem != nil {
		panic("sandbox: " + problem.Field + " " + problem.Message)
	}
	s.failures.add(f)
}

// Failures returns what is yet to fail.
func (s *Sandbox) Failures() []Failure { return s.failures.list() }

// Heal makes every service work again.
func (s *Sandbox) Heal() { s.failures.clear() }

// wait waits for d and tells whether it passed before ctx was done.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// failHTTP does what f says to an HTTP call whose body is read, and tells whether the call is over. refuse writes the
// service's own words for a status.
func failHTTP(w http.ResponseWriter, r *http.Request, f *Failure, refuse func(status int)) (over bool) {
	switch f.Mode {
	case ModeSlow:
		return !wait(r.Context(), f.delay())
	case ModeTimeout:
		<-r.Context().Done() // the caller has gone, or Stop
	case ModeReset:
		resetHTTP(w)
	case ModeRateLimited:
		w.Header().Set("Retry-After", f.retryAfter())
		refuse(http.StatusTooManyRequests)
	case ModeBroken:
		refuse(http.StatusInternalServerError)
	case ModeReject:
		refuse(http.StatusBadRequest)
	}
	return true
}

// resetHTTP breaks the connection so that the other side sees a reset.
func resetHTTP(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	reset(conn)
}

// reset closes conn without the good-bye of TCP.
func reset(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}
