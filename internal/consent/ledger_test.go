package consent_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/consent"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
)

// TestLedger_Hear is the conversation as a person has it.
func TestLedger_Hear(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		c := w.ask(w.ann.ID)
		same(t, "what nobody understands", w.says(annsNumber, "who is this?"), "invalid-response: YES or STOP?")
		same(t, "again", w.says(annsNumber, "no idea"), "")
		help := w.says(annsNumber, "help")
		if !strings.HasPrefix(help, "help: Ours: ") {
			t.Errorf("HELP: %q", help)
		}
		same(t, "yes", w.says(annsNumber, "Yes please!"), "accept: Welcome")
		same(t, "yes again", w.says(annsNumber, "yes"), "")
		same(t, "a conversation", w.says(annsNumber, "I will be there at 5"), "")
		if stop := w.says(annsNumber, "Please stop"); !strings.HasPrefix(stop, "stopped: Ours: ") {
			t.Errorf("STOP: %q", stop)
		}
		same(t, "STOP again", w.says(annsNumber, "STOP!!!"), "")
		same(t, "state", w.state(c), consent.Revoked)
		same(t, "a yes that is no START", w.says(annsNumber, "yep"), "")
		if start := w.says(annsNumber, "start"); !strings.HasPrefix(start, "restarted: Ours: ") {
			t.Errorf("START: %q", start)
		}
		same(t, "START again", w.says(annsNumber, "start"), "")
		same(t, "state", w.state(c), consent.Accepted)
		same(t, "ledger", w.ledger(c), "requested invited replied answered help-asked answered replied accepted answered "+
			"replied revoked answered replied restored answered")
		same(t, "events", w.events(), []string{consent.EventRequested, consent.EventAccepted, consent.EventRevoked, consent.EventAccepted})
	})
}

// STOP is about the number: everybody who has it, every organization, every consent.
func TestLedger_Hear_stopIsAboutTheNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anns, bens := w.ask(w.ann.ID), w.ask(w.ben.ID)
	theirs, err := w.Create(actor.With(t.Context(), w.actor(w.other.ID, actor.Administrator, nil)), consent.NewConsent{UserID: w.twin.ID, Type: consent.SMS})
	w.must(err)
	w.says(annsNumber, "yes") // to the newest question
	same(t, "the older question", w.state(anns), consent.Pending)
	same(t, "the newer question", w.state(theirs), consent.Accepted)
	w.says(annsNumber, "QUIT")
	same(t, "ours", w.state(anns), consent.Rejected)
	same(t, "theirs", w.state(theirs), consent.Revoked)
	same(t, "another number", w.state(bens), consent.Pending)
	same(t, "our ledger", w.ledger(anns), "requested invited replied rejected")
	same(t, "their ledger, whose question the answer was to", w.ledger(theirs), "requested invited replied accepted answered replied revoked answered")
	for u, want := range map[*directory.User]bool{&w.ann: true, &w.twin: true, &w.ben: false} {
		if w.unsubscribed(*u) != want {
			t.Errorf("%s is unsubscribed: %v", u.Username, !want)
		}
	}
	w.says(annsNumber, "UNSTOP")
	same(t, "what was refused", w.state(anns), consent.Rejected)
	same(t, "what was accepted", w.state(theirs), consent.Accepted)
	if w.unsubscribed(w.ann) || w.unsubscribed(w.twin) {
		t.Error("START did not subscribe again")
	}
}

// A number that nobody has yet can be stopped too.
func TestLedger_Hear_numberOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const number = "+12015550150"
	same(t, "nobody is answered", w.says(number, "STOP"), "")
	late, _ := w.person(w.org.ID, "late", number)
	standings, err := w.Standings(t.Context(), w.org.ID, consent.SMS, []directory.User{late, w.ann, {ID: id.New()}})
	w.must(err)
	same(t, "standings", standings, map[id.ID]consent.Standing{late.ID: {Stopped: true}, w.ann.ID: {}})
	_, err = w.Create(w.admin(), consent.NewConsent{UserID: late.ID, Type: consent.SMS})
	w.refused("asked", err, consent.NumberOptedOut)
	if again := w.says(number, "START"); !strings.HasPrefix(again, "restarted: ") {
		t.Errorf("START: %q", again)
	}
	w.ask(late.ID)
}

// Users were marked as unsubscribed before there was a ledger of numbers.
func TestLedger_Hear_markedBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.people.SetPhoneUnsubscribed(t.Context(), w.org.ID, w.ann.ID, true))
	same(t, "STOP again", w.says(annsNumber, "STOP"), "")
	if !w.unsubscribed(w.twin) {
		t.Error("the twin has the number too")
	}
	if got := w.says(annsNumber, "START"); !strings.HasPrefix(got, "restarted: ") || w.unsubscribed(w.ann) {
		t.Errorf("START: %q", got)
	}
}

// What a provider has answered is not answered again; a yes to our question is no keyword of theirs.
func TestLedger_Hear_providerAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.ask(w.ann.ID)
	for _, tc := range []struct{ words, optOut, want string }{
		{"YES", "START", "accept: Welcome"},
		{"HELP", "HELP", ""},
		{"arrête", "STOP", ""},
		{"START", "START", ""},
	} {
		reply, err := w.hear(annsNumber, tc.words, tc.optOut)
		w.must(err)
		same(t, tc.words, told(reply), tc.want)
	}
	same(t, "ledger", w.ledger(c), "requested invited replied accepted answered help-asked replied revoked replied restored")
	entries, err := w.store.Entries(t.Context(), w.org.ID, c.ID)
	w.must(err)
	if d := entries[len(entries)-1].Detail; !strings.Contains(d, "provider") {
		t.Errorf("who has answered is not told: %q", d)
	}
}

// The person has another number by now: what they say from the old one counts, and is not answered to the new one.
func TestLedger_Hear_oldNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.ask(w.ben.ID)
	w.ben.Phone = "+12015550109"
	w.must(w.rows.UpdateUser(t.Context(), w.ben))
	same(t, "yes", w.says(bensNumber, "yes"), "")
	same(t, "state", w.state(c), consent.Accepted)
	same(t, "STOP", w.says(bensNumber, "STOP"), "")
	same(t, "state", w.state(c), consent.Revoked)
	if w.unsubscribed(w.ben) {
		t.Error("the new number was not stopped")
	}
}

func TestLedger_Hear_takenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.ask(w.ann.ID)
	w.must(w.Revoke(w.admin(), c.ID))
	same(t, "yes", w.says(annsNumber, "yes"), "")
	same(t, "START", w.says(annsNumber, "start"), "")
	same(t, "state", w.state(c), consent.Revoked)
	// What STOP ended and the organization took back as well does not come back with START.
	again := w.ask(w.ann.ID)
	w.says(annsNumber, "yes")
	w.says(annsNumber, "stop")
	w.must(w.Revoke(w.as(actor.Member, &w.annsSelf), again.ID))
	w.says(annsNumber, "start")
	same(t, "after START", w.state(again), consent.Revoked)
}

func TestLedger_Hear_nothingIsHalfDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.ask(w.ann.ID)
	w.says(annsNumber, "yes")
	errLater := errors.New("something later fails")
	users, err := w.people.UsersWithPhone(t.Context(), annsNumber)
	w.must(err)
	err = w.db.Do(t.Context(), func(ctx context.Context) error {
		if _, err := w.Hear(ctx, consent.Text{ID: id.New(), Transport: consent.SMS, From: annsNumber, Words: "stop", Input: consent.Stop, At: w.clock()}, users); err != nil {
			return err
		}
		return errLater
	})
	if !errors.Is(err, errLater) {
		t.Fatal(err)
	}
	same(t, "state", w.state(c), consent.Accepted)
	if w.unsubscribed(w.ann) {
		t.Error("marked all the same")
	}
	same(t, "ledger", w.ledger(c), "requested invited replied accepted answered")
}

// TestLedger_races lets everything happen at once. Whatever the order, each text is answered at most once, taking back
// wins, and every ledger holds.
func TestLedger_races(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		second := consent.New(consent.NewLedger(w.store, d, eventlog.New(d, w.clock, slog.New(slog.DiscardHandler)), w.people, w.clock), w.outbox, nil)
		for round := range 5 {
			t.Run("asked twice", func(t *testing.T) {
				errsOf := w.together(
					func() error { _, err := w.Create(w.admin(), newSMS(w.ben.ID)); return err },
					func() error { _, err := second.Create(w.admin(), newSMS(w.ben.ID)); return err },
				)
				if (errsOf[0] == nil) == (errsOf[1] == nil) || !errs.Is(errors.Join(errsOf...), consent.DuplicateConsent) {
					t.Errorf("round %d: %v", round, errsOf)
				}
				list, err := w.List(w.admin(), w.ben.ID, everything())
				w.must(err)
				w.must(w.Revoke(w.admin(), list.Items[0].ID))
			})
			t.Run("two replies, and taken back", func(t *testing.T) {
				c := w.ask(w.ann.ID)
				var (
					mu      sync.Mutex
					answers []string
				)
				says := func(words string) func() error {
					return func() error {
						reply, err := w.hear(annsNumber, words, "")
						mu.Lock()
						defer mu.Unlock()
						if a := told(reply); a != "" {
							answers = append(answers, a)
						}
						return err
					}
				}
				for _, err := range w.together(says("yes"), says("Yes!"), says("yes"), func() error { return second.Revoke(w.admin(), c.ID) }) {
					w.must(err)
				}
				same(t, "state", w.state(c), consent.Revoked)
				if len(answers) > 1 {
					t.Errorf("answered %v", answers)
				}
				w.ledger(c)
			})
			t.Run("STOP from everywhere", func(t *testing.T) {
				c := w.ask(w.ann.ID)
				w.says(annsNumber, "yes")
				var (
					mu sync.Mutex
					n  int
				)
				stop := func() error {
					reply, err := w.hear(annsNumber, "STOP", "")
					mu.Lock()
					defer mu.Unlock()
					if reply != nil {
						n++
					}
					return err
				}
				for _, err := range w.together(stop, stop, stop, stop) {
					w.must(err)
				}
				same(t, "answers", n, 1)
				same(t, "state", w.state(c), consent.Revoked)
				same(t, "ledger", w.ledger(c), "requested invited replied accepted answered replied revoked answered")
				w.says(annsNumber, "START")
				w.must(w.Revoke(w.admin(), c.ID))
			})
		}
	})
}

func newSMS(user id.ID) consent.NewConsent {
	return consent.NewConsent{UserID: user, Type: consent.SMS}
}

// together runs functions at once and returns their errors in order.
func (w *world) together(fns ...func() error) []error {
	var (
		all   sync.WaitGroup
		start = make(chan struct{})
		out   = make([]error, len(fns))
	)
	for i, fn := range fns {
		all.Go(func() {
			<-start
			out[i] = fn()
		})
	}
	close(start)
	all.Wait()
	return out
}
