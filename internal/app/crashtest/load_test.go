package crashtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
)

// request is something that a client asked for and that must happen at most once: exactly once when it was acknowledged.
type request struct {
	path  string
	key   string // the Idempotency-Key; empty for none
	body  any
	text  string // by which what it makes is found in the database: unique in the trial
	id    string // of what it made, once that is known
	acked bool
	// destined tells whether a message is to leave by other transports too.
	destined bool
}

// acknowledgement is a message that an individual was acknowledged to have read.
type acknowledgement struct{ message, individual string }

// record is what the clients know. It is safe for concurrent use.
type record struct {
	mu       sync.Mutex
	messages []*request
	events   []*request
	people   []*request
	acks     []acknowledgement

	// The groups that are replaced again and again, by one client, one request after the other: what was acknowledged
	// last, and what is asked for but not answered.
	members, asked       []string
	groupName, askedName string
	requests, cutIn      int
}

func (r *record) keep(list *[]*request, q *request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, q)
}

// settled notes that a request was acknowledged.
func (r *record) settled(q *request, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.acked, q.id = true, id
}

// anyMessage returns the id of a message that was acknowledged, or nothing.
func (r *record) anyMessage(random *rand.Rand) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.messages) == 0 {
		return ""
	}
	if q := r.messages[random.IntN(len(r.messages))]; q.acked {
		return q.id
	}
	return ""
}

// load is the clients of one round.
type load struct {
	t      *testing.T
	world  *world
	record *record
	round  int

	mu   sync.Mutex
	made int
}

// workers is how many clients there are at once; one more changes the groups.
const workers = 6

// run lets the clients work until the server is gone or n requests have been sent. killed is closed when the server is
// killed: from then on it need not answer.
func (l *load) run(n int, seed uint64, killed <-chan struct{}, kill func(sent int)) {
	var clients sync.WaitGroup
	work := func(worker int, step func(*rand.Rand, int) error) {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for {
				sent, ok := l.take(n)
				if !ok {
					return
				}
				kill(sent)
				if err := step(random, sent); err != nil {
					select {
					case <-killed:
					default:
						l.t.Errorf("the server did not answer although it was not killed: %v", err)
					}
					return
				}
			}
		})
	}
	for i := range workers {
		work(i, l.step)
	}
	work(workers, l.change)
	clients.Wait()
}

// take counts a request, and returns false when there have been n.
func (l *load) take(n int) (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made == n {
		return 0, false
	}
	l.made++
	return l.made, true
}

// step is one request of an ordinary client. The error says that the server is gone.
func (l *load) step(random *rand.Rand, sent int) error {
	name := fmt.Sprintf("r%d-%d", l.round, sent)
	switch d := random.IntN(100); {
	case d < 60:
		return l.post(random, name)
	case d < 75:
		return l.ack(random)
	case d < 92:
		return l.event(random, name)
	default:
		return l.person(random, name)
	}
}

// keyed is an Idempotency-Key for half of the requests.
func keyed(random *rand.Rand, name string) string {
	if random.IntN(2) == 0 {
		return ""
	}
	return "key-" + name
}

func (l *load) post(random *rand.Rand, name string) error {
	attributes := map[string]any{
		"channel-id": l.world.channels[random.IntN(len(l.world.channels))], "message": "text " + name,
	}
	if random.IntN(2) == 0 {
		attributes["individual-id"] = l.world.providers[random.IntN(len(l.world.providers))]
	}
	if random.IntN(4) == 0 {
		attributes["auto-ack"] = []string{"all", "group"}[random.IntN(2)]
	}
	q := &request{path: "/v1/messaging-messages/", key: keyed(random, name), text: "text " + name}
	if random.IntN(8) == 0 {
		attributes["include-destinations"] = []string{"sms", "email"}
		q.destined = true
	}
	q.body = resource("messaging-messages", attributes)
	l.record.keep(&l.record.messages, q)
	return l.make(q)
}

func (l *load) event(random *rand.Rand, name string) error {
	q := &request{path: "/events", key: keyed(random, name), text: "event " + name}
	body := map[string]any{"topic": l.world.steady, "site": l.world.site, "severity": "high", "title": q.text, "body": "for the trial"}
	if random.IntN(2) == 0 {
		body["dedup_key"] = "dedup-" + name
	}
	q.body = body
	l.record.keep(&l.record.events, q)
	return l.make(q)
}

func (l *load) person(random *rand.Rand, name string) error {
	q := &request{path: "/v1/users/", key: keyed(random, name), text: "user-" + name}
	q.body = resource("users", map[string]any{"username": q.text, "last-name": name})
	l.record.keep(&l.record.people, q)
	return l.make(q)
}

// make sends a request that makes something and notes whether it was acknowledged.
func (l *load) make(q *request) error {
	a, err := l.send(http.MethodPost, q.path, q.key, q.body)
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated && a.status != http.StatusAccepted {
		l.t.Errorf("POST %s %q was answered %d: %s", q.path, q.text, a.status, a.body)
		return nil
	}
	l.record.settled(q, idOf(l.t, a))
	return nil
}

// idOf reads the id of what was made, in either API.
func idOf(t *testing.T, a answer) string {
	t.Helper()
	var made struct {
		ID   string `json:"id"`
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	a.into(t, &made)
	if made.ID != "" {
		return bare(made.ID)
	}
	return made.Data.ID
}

// ack acknowledges a message for a leader of the care group, who is in every channel.
func (l *load) ack(random *rand.Rand) error {
	message := l.record.anyMessage(random)
	if message == "" {
		return nil
	}
	individual := l.world.providers[random.IntN(len(l.world.providers))]
	a, err := l.send(http.MethodPost, "/v1/messaging-messages/"+message+"/ack/", "", map[string]any{"individual-id": individual})
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated {
		l.t.Errorf("acknowledging was answered %d: %s", a.status, a.body)
		return nil
	}
	l.record.mu.Lock()
	defer l.record.mu.Unlock()
	l.record.acks = append(l.record.acks, acknowledgement{message, individual})
	return nil
}

// change replaces the members of the care group or the changing notification group.
func (l *load) change(random *rand.Rand, sent int) error {
	if random.IntN(2) == 0 {
		return l.changeMembers(random)
	}
	return l.changeRouting(random, fmt.Sprintf("Changing r%d-%d", l.round, sent))
}

func (l *load) changeMembers(random *rand.Rand) error {
	members := slices.Clone(l.world.participants)
	random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	members = members[:1+random.IntN(len(members))]
	l.record.mu.Lock()
	l.record.asked = members
	l.record.mu.Unlock()
	a, err := l.send(http.MethodPatch, "/v1/individual-groups/"+l.world.careGroup+"/", "",
		map[string]any{"data": map[string]any{"type": "individual-groups", "id": l.world.careGroup, "attributes": map[string]any{"individual-ids": members}}})
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		l.t.Errorf("changing a group was answered %d: %s", a.status, a.body)
		return nil
	}
	l.record.mu.Lock()
	defer l.record.mu.Unlock()
	l.record.members, l.record.asked = members, nil
	return nil
}

func (l *load) changeRouting(random *rand.Rand, name string) error {
	user := l.world.users[random.IntN(len(l.world.users))]
	body := l.world.notificationGroup(name, l.world.heartbeat, []any{map[string]any{"id": user, "channel": "email"}})
	l.record.mu.Lock()
	l.record.askedName = name
	l.record.mu.Unlock()
	a, err := l.send(http.MethodPut, "/notifications/"+l.world.changing, "", body)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		l.t.Errorf("changing a notification group was answered %d: %s", a.status, a.body)
		return nil
	}
	l.record.mu.Lock()
	defer l.record.mu.Unlock()
	l.record.groupName, l.record.askedName = name, ""
	return nil
}

// send counts.
func (l *load) send(method, path, key string, body any) (answer, error) {
	a, err := l.world.admin.send(method, path, key, body)
	l.record.mu.Lock()
	defer l.record.mu.Unlock()
	l.record.requests++
	if errors.Is(err, errCut) {
		l.record.cutIn++
	}
	return a, err
}
