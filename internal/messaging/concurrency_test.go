package messaging_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
)

// Many do everything at once in one channel; then all that is counted is counted again from scratch.
func TestService_concurrently(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		v, err := w.CreateChannel(w.Admin(t), messaging.NewChannel{
			GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ada.ID, w.Ben.ID}, Type: messaging.Open, EventsEnabled: true,
		})
		must(t, err)
		people := []directory.Individual{w.Nurse, w.Doctor, w.Ada, w.Ben, w.Cy}
		var (
			mu   sync.Mutex
			said []id.ID
			wg   sync.WaitGroup
		)
		any := func() id.ID {
			mu.Lock()
			defer mu.Unlock()
			if len(said) == 0 {
				return id.Nil
			}
			return said[rand.N(len(said))]
		}
		note := func(m messaging.MessageView, err error) error {
			if err == nil && !m.Draft {
				mu.Lock()
				said = append(said, m.ID)
				mu.Unlock()
			}
			return err
		}
		act := func(ctx, admin context.Context, n int) error {
			message := any()
			switch kind := rand.N(12); {
			case message.IsZero() || kind < 4:
				acks := messaging.AutoAcks()
				return note(w.Post(ctx, messaging.NewMessage{ChannelID: v.ID, Text: fmt.Sprint(n), AutoAck: acks[rand.N(len(acks))]}))
			case kind < 5:
				draft, err := w.Post(ctx, messaging.NewMessage{ChannelID: v.ID, Text: "draft", Draft: true})
				if err != nil {
					return err
				}
				return note(w.ChangeMessage(ctx, draft.ID, messaging.MessageChange{Draft: new(false)}))
			case kind < 8:
				_, err := w.Ack(ctx, messaging.AckRequest{MessageID: message, AllowPast: rand.N(3) == 0})
				return err
			case kind < 9:
				_, err := w.Subscribe(admin, v.ID, []id.ID{w.Cy.ID})
				return err
			case kind < 10:
				_, err := w.Unsubscribe(admin, v.ID, []id.ID{w.Cy.ID})
				return err
			case kind < 11:
				_, err := w.AddReaction(ctx, message, id.Nil, fmt.Sprint(rand.N(3)))
				return err
			default:
				_, err := w.ChangeMessage(admin, message, messaging.MessageChange{Removed: new(true)})
				return err
			}
		}
		for n := range 16 {
			ctx, admin := w.Member(t, people[n%len(people)]), w.Admin(t)
			wg.Go(func() {
				for i := range 15 {
					err := act(ctx, admin, i)
					switch errs.KindOf(err) { // Cy comes and goes; a message may be removed meanwhile
					case errs.NotFound, errs.Denied, errs.Conflict:
					default:
						if err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		w.CheckCounters(t, v.ID)
	})
}

// A draft that is posted twice at once is posted once.
func TestService_ChangeMessage_draftPostedTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		v := w.Single(t, false)
		ctx := w.Member(t, w.Ada)
		draft, err := w.Post(ctx, messaging.NewMessage{ChannelID: v.ID, Text: "once", Draft: true})
		must(t, err)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := w.ChangeMessage(ctx, draft.ID, messaging.MessageChange{Draft: new(false)}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.CheckCounters(t, v.ID)
		c, err := w.Store.GetChannel(ctx, w.Org, v.ID)
		must(t, err)
		if c.MessageSeq != 1 || c.StreamOffset != 2 {
			t.Errorf("%d messages, %d entries", c.MessageSeq, c.StreamOffset)
		}
	})
}

// Of channels that are opened for the same at once, one is, and the others are told which.
func TestService_CreateChannel_sameTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		var (
			wg    sync.WaitGroup
			mu    sync.Mutex
			first = map[id.ID]int{}
		)
		for range 8 {
			ctx := w.As(t, actor.Leader, w.Nurse)
			wg.Go(func() {
				v, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ada.ID}})
				made := v.ID
				if err != nil {
					made = existing(t, err)
				}
				mu.Lock()
				defer mu.Unlock()
				first[made]++
			})
		}
		wg.Wait()
		if len(first) != 1 || w.Count(t, "select count(*) from channels") != 1 {
			t.Errorf("the channels are %v", first)
		}
	})
}
