package crashtest

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"switchboard/internal/db/dbtest"
	"switchboard/internal/sandbox"
)

var (
	roundsFlag = flag.Int("rounds", 0, "how often the server is killed on each database; 0 means 15, or 3 with -short")
	seedFlag   = flag.Uint64("seed", 0, "what the random moments come from; 0 draws one")
)

func TestServer_killed(t *testing.T) {
	rounds := *roundsFlag
	switch {
	case rounds > 0:
	case testing.Short():
		rounds = 3
	default:
		rounds = 15
	}
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	binary := build(t)
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("repeat with -seed %d -rounds %d", seed, rounds)
				}
			})
			tr := newTrial(t, binary, url, seed)
			for round := range rounds {
				tr.round(round)
				if t.Failed() {
					return // what follows would only say it again
				}
			}
			tr.finish(rounds)
		})
	}
}

// trial is the whole life of one database.
type trial struct {
	t        *testing.T
	database string
	random   *rand.Rand
	sandbox  *sandbox.Sandbox
	program  *program
	world    *world
	record   *record
	outbox   *outbox
	checked  checked
}

// callbackDelay is how long after a text was taken the sandbox reports on it: long enough that some reports come when the
// process that sent the text is dead.
const callbackDelay = 30 * time.Millisecond

// webhookSecret signs the webhooks.
const webhookSecret = "whsec_" + "c3dpdGNoYm9hcmQtY3Jhc2gtdHJpYWwtc2VjcmV0"

func newTrial(t *testing.T, binary, database string, seed uint64) *trial {
	t.Helper()
	box, err := sandbox.New(sandbox.Options{Addr: "127.0.0.1:0", SMTPAddr: "127.0.0.1:0", CallbackDelay: callbackDelay})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Stop(context.Background()); err != nil {
			t.Logf("stopping the sandbox: %v", err)
		}
	})
	providers := box.Providers()
	providers["webhook"]["secrets"] = []string{webhookSecret}
	tr := &trial{
		t: t, database: database, random: rand.New(rand.NewPCG(seed, 0)), sandbox: box, record: &record{},
		program: newProgram(t, binary, database, providers), outbox: newOutbox(),
	}
	tr.program.start()
	tr.world = newWorld(t, tr.program, box.WebhookURL)
	return tr
}

// How much a round does: the kill comes at one of the first requests, and the clients would go on for some more.
const (
	mostRequests = 90
	overshoot    = 60
)

// round loads the server, kills it at a random moment, starts it again and checks what it had acknowledged.
func (tr *trial) round(n int) {
	tr.t.Helper()
	tr.disturb()
	l := &load{t: tr.t, world: tr.world, record: tr.record, round: n}
	target := 3 + tr.random.IntN(mostRequests)
	if tr.random.IntN(5) == 0 {
		tr.killAfter(l, target)
	} else {
		tr.killDuring(l, target)
	}
	if tr.random.IntN(4) == 0 { // once more, while it starts
		tr.program.launch()
		wait(time.Duration(tr.random.Int64N(int64(150 * time.Millisecond))))
		tr.program.kill()
	}
	tr.program.start()
	tr.check()
	tr.outbox.collect(tr.t, tr.sandbox)
}

// killAfter kills the server when the clients are done and the dispatcher may not be.
func (tr *trial) killAfter(l *load, requests int) {
	tr.t.Helper()
	l.run(requests, tr.random.Uint64(), make(chan struct{}), func(int) {})
	wait(time.Duration(tr.random.Int64N(int64(200 * time.Millisecond))))
	tr.program.kill()
}

// killDuring kills the server when the clients have sent so many requests and are sending more.
func (tr *trial) killDuring(l *load, target int) {
	tr.t.Helper()
	var (
		delay   = time.Duration(tr.random.Int64N(int64(8 * time.Millisecond)))
		reached = make(chan struct{})
		killed  = make(chan struct{})
		killer  sync.WaitGroup
	)
	killer.Go(func() {
		<-reached
		wait(delay)
		close(killed)
		tr.program.kill()
	})
	l.run(target+overshoot, tr.random.Uint64(), killed, func(sent int) {
		if sent == target {
			close(reached)
		}
	})
	if l.made < target { // the clients gave up before, and have said why
		close(reached)
	}
	killer.Wait()
}

// wait lets a random time pass; nothing depends on what happens meanwhile.
func wait(d time.Duration) { <-time.After(d) }

// disturb makes some sends of a round slow, so that the kill often comes while they are under way, and lets a few fail in
// ways of which the server knows and in ways of which it cannot.
func (tr *trial) disturb() {
	tr.sandbox.Heal()
	for _, f := range []sandbox.Failure{
		{Transport: "sms", Mode: sandbox.ModeSlow, Count: 10, Delay: 40},
		{Transport: "sms", Mode: sandbox.ModeReset, Taken: true, Count: 1},
		{Transport: "sms", Mode: sandbox.ModeRateLimited, Count: 1},
		{Transport: "email", Mode: sandbox.ModeSlow, Count: 10, Delay: 40},
		{Transport: "webhook", Mode: sandbox.ModeSlow, Count: 10, Delay: 40},
		{Transport: "webhook", Mode: sandbox.ModeBroken, Taken: true, Count: 1},
		{Transport: "whatsapp", Mode: sandbox.ModeReset, Count: 1},
		{Transport: "whatsapp", Mode: sandbox.ModeSlow, Count: 10, Delay: 40},
	} {
		tr.sandbox.Fail(f)
	}
}
