package access

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/tx"
)

// Sniffer records what one user asks of the server and is answered, until ValidUntil.
type Sniffer struct {
	ID, OrganizationID, UserID id.ID
	CreatedAt                  time.Time
	ValidUntil                 time.Time // exclusive
}

// SnifferLog is one request of the user and its answer, without secrets and cut to size.
type SnifferLog struct {
	ID, OrganizationID, SnifferID id.ID
	CreatedAt                     time.Time // when the request came
	Method, Path, Query           string
	UserAgent, ContentType        string
	Body, Response                string
	Status                        int // 0: the answer was never written
	RequestID, TraceID            string
	Message                       string // what the answer said was wrong; empty when nothing was
}

// Size is how many bytes its texts have.
func (l SnifferLog) Size() int {
	n := 0
	for _, text := range []string{l.Method, l.Path, l.Query, l.UserAgent, l.ContentType, l.Body, l.Response, l.RequestID, l.TraceID, l.Message} {
		n += len(text)
	}
	return n
}

// The bounds of sniffers.
const (
	SnifferLife  = 7 * 24 * time.Hour // that one may record at most
	SnifferKept  = 7 * 24 * time.Hour // after its end, together with what it recorded
	SnifferLogs  = 10_000             // that one keeps: the newest
	SnifferPage  = 8 << 20            // bytes of logs that are read at a time
	LiveSniffers = 100                // that an organization may have at a time; two made at once may be one too many
)

// CodeSniffers is the refusal of one sniffer too many.
var CodeSniffers = errs.Code{
	Name: "TooManySniffers", Kind: errs.Conflict,
	Doc: "The organization has as many sniffers at work as it may. Delete one, or wait for one to end.",
}

// snifferScope is what scopes call sniffers.
const snifferScope = "sniffers"

// The entries of the log about sniffers, by which every node learns of them, and the audit's name for reading.
const (
	snifferCreated = "access.sniffer.created"
	snifferDeleted = "access.sniffer.deleted"
	snifferRead    = "access.sniffer.logs-read"
)

// SnifferStore keeps sniffers and what they recorded.
type SnifferStore interface {
	InsertSniffer(ctx context.Context, s Sniffer) error
	// GetSniffer returns a sniffer, live or ended. NotFound.
	GetSniffer(ctx context.Context, organization, sniffer id.ID) (Sniffer, error)
	// ListSniffers returns sniffers newest first and their Total; of every user for Nil.
	ListSniffers(ctx context.Context, organization, user id.ID, p page.Offset) (page.List[Sniffer], error)
	// CountLiveSniffers counts those of an organization that are live at an instant.
	CountLiveSniffers(ctx context.Context, organization id.ID, at time.Time) (int, error)
	// LiveSniffers returns those of every organization that are live at an instant.
	LiveSniffers(ctx context.Context, at time.Time) ([]Sniffer, error)
	// DeleteSniffer deletes a sniffer and what it recorded. NotFound.
	DeleteSniffer(ctx context.Context, organization, sniffer id.ID) error
	// AppendLogs stores what was recorded and forgets the oldest beyond keep of each sniffer. What belongs to a sniffer
	// that there is no more is passed over. One transaction.
	AppendLogs(ctx context.Context, logs []SnifferLog, keep int) error
	// ListSnifferLogs returns what a sniffer recorded, newest first, and its Total. It stops early, but not before the first,
	// at a log with which the sizes would come to more than most bytes.
	ListSnifferLogs(ctx context.Context, organization, sniffer id.ID, p page.Offset, most int) (page.List[SnifferLog], error)
	// PruneSniffers deletes the sniffers that ended before an instant, with what they recorded, and returns how many.
	PruneSniffers(ctx context.Context, endedBefore time.Time) (int64, error)
}

// SnifferOptions are what Sniffers need.
type SnifferOptions struct {
	Store     SnifferStore
	Tx        tx.Runner
	Events    event.Recorder
	Directory interface {
		// Users returns those of the users that exist.
		Users(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]directory.User, error)
	}
	Clock   clock.Clock
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil: nothing is counted
}

// Sniffers is the rules of sniffers: who may have one, and what becomes of what goes by. Only administrators see them, and
// everything that they do with them is in the audit, each reading included.
//
// Start is needed for anything to be recorded.
type Sniffers struct {
	o SnifferOptions
	recorder
}

// NewSniffers returns the rules.
func NewSniffers(o SnifferOptions) *Sniffers {
	return &Sniffers{o: o, recorder: newRecorder(o)}
}

// mayHandleSniffers lets administrators through.
func mayHandleSniffers(ctx context.Context, action string) (actor.Actor, error) {
	a := actor.From(ctx)
	switch {
	case a.IsZero():
		return a, errs.CodeUnauthenticated.Errorf("no key was sent")
	case a.Role != actor.Administrator:
		return a, errs.Forbidden("only an administrator of the organization handles sniffers")
	case !a.Has(snifferScope, action):
		return a, errs.Forbidden("the scopes of this key do not cover %s:%s", snifferScope, action)
	}
	return a, nil
}

// Create begins to record a user of the organization, on this and every other node, within a second or so.
//
// Denied; Invalid: validUntil is not in the next seven days; NotFound: no such user; TooManySniffers. One transaction.
func (s *Sniffers) Create(ctx context.Context, user id.ID, validUntil time.Time) (Sniffer, error) {
	a, err := mayHandleSniffers(ctx, actor.Write)
	if err != nil {
		return Sniffer{}, err
	}
	now := s.o.Clock()
	if !validUntil.After(now) || validUntil.After(now.Add(SnifferLife)) {
		return Sniffer{}, errs.InvalidField("valid_until", "must be in the next %d days", SnifferLife/(24*time.Hour))
	}
	n := Sniffer{ID: id.New(), OrganizationID: a.OrganizationID, UserID: user, CreatedAt: now, ValidUntil: validUntil}
	err = s.o.Tx.Do(ctx, func(ctx context.Context) error {
		users, err := s.o.Directory.Users(ctx, a.OrganizationID, []id.ID{user})
		if err != nil {
			return err
		}
		if _, ok := users[user]; !ok {
			return errs.MissingRecord("user").At("user_id")
		}
		live, err := s.o.Store.CountLiveSniffers(ctx, a.OrganizationID, now)
		if err != nil {
			return err
		}
		if live >= LiveSniffers {
			return CodeSniffers.Errorf("the organization has %d sniffers at work, which is as many as it may", live)
		}
		if err := s.o.Store.InsertSniffer(ctx, n); err != nil {
			return err
		}
		return s.o.Events.Record(ctx, n.change(snifferCreated, nil, n.state()))
	})
	return n, err
}

// state is what the audit keeps of a sniffer.
func (n Sniffer) state() map[string]any {
	return map[string]any{"user-id": n.UserID, "valid-until": n.ValidUntil}
}

func (n Sniffer) change(what string, before, after any) event.Change {
	return event.Change{
		OrganizationID: n.OrganizationID, Type: what, Subject: n.ID,
		Data: map[string]any{"id": n.ID, "user-id": n.UserID}, Before: before, After: after,
	}
}

// Get returns a sniffer, live or ended. Denied, NotFound.
func (s *Sniffers) Get(ctx context.Context, sniffer id.ID) (Sniffer, error) {
	a, err := mayHandleSniffers(ctx, actor.Read)
	if err != nil {
		return Sniffer{}, err
	}
	return s.o.Store.GetSniffer(ctx, a.OrganizationID, sniffer)
}

// List returns the organization's sniffers, live and ended, newest first; those of one user unless Nil. Denied.
func (s *Sniffers) List(ctx context.Context, user id.ID, p page.Offset) (page.List[Sniffer], error) {
	a, err := mayHandleSniffers(ctx, actor.Read)
	if err != nil {
		return page.List[Sniffer]{}, err
	}
	return s.o.Store.ListSniffers(ctx, a.OrganizationID, user, p)
}

// Delete ends a sniffer and deletes what it recorded. Denied, NotFound. One transaction.
func (s *Sniffers) Delete(ctx context.Context, sniffer id.ID) error {
	a, err := mayHandleSniffers(ctx, actor.Write)
	if err != nil {
		return err
	}
	return s.o.Tx.Do(ctx, func(ctx context.Context) error {
		n, err := s.o.Store.GetSniffer(ctx, a.OrganizationID, sniffer)
		if err != nil {
			return err
		}
		if err := s.o.Store.DeleteSniffer(ctx, a.OrganizationID, sniffer); err != nil {
			return err
		}
		return s.o.Events.Record(ctx, n.change(snifferDeleted, n.state(), nil))
	})
}

// Logs returns what a sniffer recorded, newest first: as many as p asks for, or as fit into SnifferPage. The audit says who read which page before there is an answer, and
// without it there is none.
//
// Denied, NotFound.
func (s *Sniffers) Logs(ctx context.Context, sniffer id.ID, p page.Offset) (page.List[SnifferLog], error) {
	a, err := mayHandleSniffers(ctx, actor.Read)
	if err != nil {
		return page.List[SnifferLog]{}, err
	}
	n, err := s.o.Store.GetSniffer(ctx, a.OrganizationID, sniffer)
	if err != nil {
		return page.List[SnifferLog]{}, err
	}
	read := map[string]any{"user-id": n.UserID, "limit": p.Limit, "offset": p.Offset}
	if err := s.o.Events.Audit(ctx, n.change(snifferRead, nil, read)); err != nil {
		return page.List[SnifferLog]{}, err
	}
	return s.o.Store.ListSnifferLogs(ctx, a.OrganizationID, sniffer, p, SnifferPage)
}

// Prune forgets the sniffers that ended long enough ago.
func (s *Sniffers) Prune(ctx context.Context) (int64, error) {
	return s.o.Store.PruneSniffers(ctx, s.o.Clock().Add(-SnifferKept))
}
