package messaging_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
)

func newWorld(t *testing.T) *messagingtest.World {
	t.Helper()
	return messagingtest.NewWorld(t, dbtest.SQLite(t))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// refused checks an error's code, and the field that it blames unless that is empty.
func refused(t *testing.T, what string, err error, code errs.Code, field string) {
	t.Helper()
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || e.Code.Name != code.Name {
		t.Errorf("%s: %v, want %s", what, err, code.Name)
		return
	}
	if field != "" && (len(e.Fields) == 0 || e.Fields[0].Path != field) {
		t.Errorf("%s: blames %v, want %s", what, e.Fields, field)
	}
}

// existing is the channel that DuplicateChannel names.
func existing(t *testing.T, err error) id.ID {
	t.Helper()
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || e.Code.Name != messaging.DuplicateChannel.Name {
		t.Errorf("%v, want DuplicateChannel", err)
		return id.Nil
	}
	channel, _ := e.Meta["id"].(id.ID)
	return channel
}

// unchanged checks that fn stores nothing.
func unchanged(t *testing.T, w *messagingtest.World, what string, fn func()) {
	t.Helper()
	before := w.Rows(t)
	fn()
	if after := w.Rows(t); after != before {
		t.Errorf("%s: stored rows went from %v to %v", what, before, after)
	}
}

func types(entries []event.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Type
	}
	return out
}

// last is the newest entry of a channel's stream, with its data decoded.
func last[D any](t *testing.T, w *messagingtest.World, channel id.ID) (event.Entry, D) {
	t.Helper()
	entries := w.Events(t, channel)
	if len(entries) == 0 {
		t.Fatal("the stream is empty")
	}
	e := entries[len(entries)-1]
	return e, decode[D](t, e)
}

func decode[D any](t *testing.T, e event.Entry) D {
	t.Helper()
	var data D
	must(t, json.Unmarshal(e.Data, &data))
	return data
}

// who names the people of a world, for failures that can be read.
func who(w *messagingtest.World, individuals []id.ID) []string {
	out := []string{}
	for _, i := range individuals {
		name := i.String()
		for _, p := range []directory.Individual{w.Nurse, w.Doctor, w.Clerk, w.Ada, w.Ben, w.Cy, w.Alien} {
			if p.ID == i {
				name = p.FirstName
			}
		}
		out = append(out, name)
	}
	return out
}

// members are the names of a channel's subscribers.
func members(t *testing.T, w *messagingtest.World, channel id.ID) []string {
	t.Helper()
	found, err := w.Store.FindSubscribers(t.Context(), w.Org, []id.ID{channel})
	must(t, err)
	var individuals []id.ID
	for _, sub := range found[channel] {
		individuals = append(individuals, sub.IndividualID)
	}
	return who(w, individuals)
}

// newGroup stores a group.
func newGroup(t *testing.T, w *messagingtest.World, name string, leaders, individuals []id.ID) directory.Group {
	t.Helper()
	g := directorytest.Group(w.Org, name)
	g.LeaderIDs, g.IndividualIDs = leaders, individuals
	must(t, w.People.InsertGroup(t.Context(), g))
	return g
}

// second is the error of a call whose answer does not matter.
func second[T any](_ T, err error) error { return err }
