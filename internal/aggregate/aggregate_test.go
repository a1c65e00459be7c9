package aggregate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/actor"
	"switchboard/internal/aggregate"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is sources in which everybody who is known has the same.
type world struct {
	org, ada, ben, ward id.ID // the ward has no user
	users               map[id.ID]id.ID
	calls               map[string]int
	asked               map[string]int
	err                 error
}

func newWorld() *world {
	w := &world{org: id.New(), ada: id.New(), ben: id.New(), ward: id.New(), calls: map[string]int{}, asked: map[string]int{}}
	w.users = map[id.ID]id.ID{w.ada: id.New(), w.ben: id.New(), w.ward: id.Nil}
	return w
}

func (w *world) service() *aggregate.Service {
	counts := func(name string, n int) aggregate.Counts {
		return func(_ context.Context, organization id.ID, of []id.ID) (map[id.ID]int, error) {
			w.calls[name]++
			w.asked[name] += len(of)
			out := map[id.ID]int{}
			for _, i := range of {
				if organization == w.org {
					out[i] = n
				}
			}
			return out, w.err
		}
	}
	instants := func(name string) aggregate.Instants {
		return func(ctx context.Context, organization id.ID, of []id.ID) (map[id.ID]time.Time, error) {
			found, err := counts(name, 1)(ctx, organization, of)
			out := map[id.ID]time.Time{}
			for i := range found {
				out[i] = noon
			}
			return out, err
		}
	}
	return aggregate.New(aggregate.Sources{
		Visible: func(_ context.Context, individuals []id.ID) (map[id.ID]directory.Individual, error) {
			w.calls["visible"]++
			out := map[id.ID]directory.Individual{}
			for _, i := range individuals {
				if user, ok := w.users[i]; ok {
					out[i] = directory.Individual{ID: i, OwnerID: user, OwnerType: directory.OwnedByUser}
				}
			}
			return out, nil
		},
		UnreadMessages: counts("unread", 3), LastMessage: instants("message"), LastLogin: instants("login"), PendingConsent: counts("consent", 2),
	})
}

func (w *world) as(t *testing.T, scopes ...string) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.Actor{OrganizationID: w.org, Role: actor.Member, Scopes: scopes})
}

func TestService_Answer(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var entries []aggregate.Entry
	for _, c := range aggregate.Columns() {
		for _, i := range []id.ID{w.ada, w.ward, id.New(), w.ada} {
			entries = append(entries, aggregate.Entry{Column: c, IndividualID: i})
		}
	}
	entries = append(entries, aggregate.Entry{Column: aggregate.UnreadMessages, IndividualID: w.ben})
	got, err := w.service().Answer(w.as(t, "aggregation-requests:read"), entries)
	if err != nil {
		t.Fatal(err)
	}
	want := aggregate.Answers{
		w.ada: {
			aggregate.UnreadMessages: {Count: 3}, aggregate.UnreadNotifications: {}, aggregate.LastMessageTime: {At: noon},
			aggregate.LastLoginTime: {At: noon}, aggregate.OpenVideoChannels: {}, aggregate.PendingConsents: {Count: 2},
		},
		w.ward: {
			aggregate.UnreadMessages: {Count: 3}, aggregate.UnreadNotifications: {}, aggregate.LastMessageTime: {At: noon},
			aggregate.LastLoginTime: {}, aggregate.OpenVideoChannels: {}, aggregate.PendingConsents: {},
		},
		w.ben: {aggregate.UnreadMessages: {Count: 3}},
	}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	// However many are asked for, each source is asked once, and of each person once.
	if want := map[string]int{"visible": 1, "unread": 1, "message": 1, "login": 1, "consent": 1}; !cmp.Equal(w.calls, want) {
		t.Error(cmp.Diff(want, w.calls))
	}
	if want := map[string]int{"unread": 3, "message": 2, "login": 1, "consent": 1}; !cmp.Equal(w.asked, want) {
		t.Error(cmp.Diff(want, w.asked))
	}
}

func TestService_Answer_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld()
	one := []aggregate.Entry{{Column: aggregate.UnreadMessages, IndividualID: w.ada}}
	many := make([]aggregate.Entry, aggregate.MaxEntries+1)
	for name, tc := range map[string]struct {
		as      context.Context
		entries []aggregate.Entry
		kind    errs.Kind
		field   string
	}{
		"nobody":            {t.Context(), one, errs.Unauthenticated, ""},
		"without the scope": {w.as(t, "messaging-messages"), one, errs.Denied, ""},
		"none":              {w.as(t, "*"), nil, errs.Invalid, "entries"},
		"too many":          {w.as(t, "*"), many, errs.Invalid, "entries"},
		"an unknown column": {w.as(t, "*"), append(one, aggregate.Entry{Column: "height", IndividualID: w.ada}), errs.Invalid, "entries[1].column"},
	} {
		_, err := w.service().Answer(tc.as, tc.entries)
		var e *errs.Error
		if !errors.As(err, &e) || e.Code.Kind != tc.kind || tc.field != "" && (len(e.Fields) != 1 || e.Fields[0].Path != tc.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(w.calls) != 0 {
		t.Errorf("refused, and asked: %v", w.calls)
	}
	w.err = errs.CodeUnavailable.Errorf("down")
	if _, err := w.service().Answer(w.as(t, "*"), one); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("a source that fails: %v", err)
	}
}
