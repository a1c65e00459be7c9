package replication

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/setting"
)

// Settings are those that every kind of replicator has.
type Settings struct {
	Organization string        `key:"organization,required" doc:"Name or id of the organization whose directory is kept in step."`
	Interval     time.Duration `key:"interval" default:"15m" doc:"How often it polls."`
	Adopt        bool          `key:"adopt" default:"false" doc:"Take an existing user of the same username, or else the only one of the same e-mail address, and an existing group that alone has the name, for the record that the source names for the first time. Otherwise a username that exists is a conflict."`
	OnDelete     string        `key:"on_delete" default:"archive" doc:"What a tombstone does: archive or delete. What is only missing stays in any case."`
}

// Check implements setting.Checker.
func (s *Settings) Check(f *errs.Fields) {
	if s.Interval < 10*time.Second {
		f.Add("interval", "must be at least 10s")
	}
	errs.OneOf(f, "on_delete", s.OnDelete, "archive", "delete")
}

// Replicator is one of the configuration.
type Replicator struct {
	Settings
	Kind   string // "directory.csv"
	Opener Opener
}

// Factory makes the replicators of one kind.
type Factory struct {
	Doc      string // one sentence
	Settings []setting.Setting
	// New reads the settings that are the kind's own. Invalid: some are wrong, named by their keys.
	New func(raw map[string]any) (Opener, error)
}

// NewFactory returns the factory of a kind whose own settings are an S.
func NewFactory[S any](doc string, open func(S) Opener) Factory {
	return Factory{Doc: doc, Settings: setting.Describe(new(S)), New: func(raw map[string]any) (Opener, error) {
		s, err := setting.Decode[S](raw)
		if err != nil {
			return nil, err
		}
		return open(s), nil
	}}
}

// Configure makes the replicators that a configuration names. The error blames settings by their paths below replicators.
func Configure(given map[string]map[string]any, kinds map[string]Factory) (map[string]Replicator, error) {
	out := map[string]Replicator{}
	var faults errs.Fields
	for _, name := range slices.Sorted(maps.Keys(given)) {
		r, err := configure(given[name], kinds)
		if e, ok := asError(err); ok {
			for _, f := range e.Fields {
				f.Path = name + "." + f.Path
				faults = append(faults, f)
			}
		} else if err != nil {
			return nil, err
		}
		if name == PushedBySCIM {
			faults.Add(name, "must not be the name of a replicator: it stands for what is pushed")
		}
		out[name] = r
	}
	return out, faults.Err()
}

func configure(raw map[string]any, kinds map[string]Factory) (Replicator, error) {
	common, own := map[string]any{}, maps.Clone(raw)
	for _, s := range setting.Describe(Settings{}) {
		if v, ok := own[s.Key]; ok {
			common[s.Key] = v
			delete(own, s.Key)
		}
	}
	kind, _ := own["kind"].(string)
	delete(own, "kind")
	factory, known := kinds[kind]
	if !known {
		var f errs.Fields
		errs.OneOf(&f, "kind", kind, slices.Sorted(maps.Keys(kinds))...)
		return Replicator{}, f.Err()
	}
	settings, wrong := setting.Decode[Settings](common)
	opener, err := factory.New(own)
	return Replicator{Settings: settings, Kind: kind, Opener: opener}, gather(wrong, err)
}

// gather joins the fields of several errors about settings.
func gather(all ...error) error {
	var f errs.Fields
	for _, err := range all {
		e, ok := asError(err)
		if err != nil && !ok {
			return err
		}
		if ok {
			f = append(f, e.Fields...)
		}
	}
	return f.Err()
}

// Status is a replicator as it is kept: since when it exists, and what came of its polls.
type Status struct {
	ID, OrganizationID id.ID
	Name               string // that of the configuration
	Kind               string
	CreatedAt          time.Time
	LastPollAt         time.Time // when the last poll ended; zero before the first
	State              State
}

// State is what a poll leaves for the next one.
type State struct {
	Report  Report `json:"report"`            // of the poll that runs, or of the last one
	Running bool   `json:"running,omitempty"` // or was interrupted
	// Place is where the poll that runs stands, or the edition that was read last.
	Place Place `json:"place"`
}

// Claimed is a replicator that is ours until its lease ends.
type Claimed struct {
	Status
	Lease  id.ID
	Forced bool // somebody asked for the poll: the feed is read even if it is the same
}

// errLost says that the lease of a poll has ended: another node may be at work.
var errLost = errs.CodeConflict.Errorf("the lease of the replicator has ended")

// ErrLost is what a store returns for a lease that is no more. A poll that meets it stores nothing of its batch.
func ErrLost() error { return errLost }

// ReplicatorStore keeps the state of replicators. Every method takes part in the transaction of its context value. Times are
// the caller's.
type ReplicatorStore interface {
	// PutReplicator stores a replicator that is due at once, unless the organization has one of the name; then only its kind
	// changes.
	PutReplicator(ctx context.Context, s Status) error
	// GetReplicator returns one of those with a name among names. NotFound.
	GetReplicator(ctx context.Context, organization, replicator id.ID, names []string) (Status, error)
	// ListReplicators returns those of an organization with a name among names, by name; Nil stands for every organization.
	ListReplicators(ctx context.Context, organization id.ID, names []string) ([]Status, error)
	// ClaimReplicator takes the one that has been due for longest, of those with a name among names, until a time. found is
	// false when none is due.
	ClaimReplicator(ctx context.Context, names []string, now, until time.Time) (c Claimed, found bool, err error)
	// SeizeReplicator takes one that nobody has, due or not, as if somebody had asked for the poll.
	SeizeReplicator(ctx context.Context, replicator id.ID, now, until time.Time) (c Claimed, found bool, err error)
	// Advance stores how far a poll has come and keeps the replicator for longer. ErrLost.
	Advance(ctx context.Context, c Claimed, state State, until time.Time) error
	// Finish stores how a poll ended and gives the replicator back; lastPoll zero leaves that as it was. ErrLost. One that
	// was asked for meanwhile is due at once.
	Finish(ctx context.Context, c Claimed, state State, lastPoll, due time.Time) error
	// Ask makes a replicator due, or, while a poll runs, due again after it. NotFound.
	Ask(ctx context.Context, organization, replicator id.ID, now time.Time) error
	// NextDue returns when the next one is due, leases included, and whether there is one.
	NextDue(ctx context.Context, names []string) (time.Time, bool, error)
}

func (s *Service) names() []string { return slices.Sorted(maps.Keys(s.replicators)) }

// ListReplicators returns the replicators of the actor's organization, by name.
func (s *Service) ListReplicators(ctx context.Context) ([]Status, error) {
	a, err := mayUse(ctx, scopeReplicators, "read")
	if err != nil {
		return nil, err
	}
	return s.store.ListReplicators(ctx, a.OrganizationID, s.names())
}

// GetReplicator returns a replicator of the actor's organization. NotFound.
func (s *Service) GetReplicator(ctx context.Context, replicator id.ID) (Status, error) {
	a, err := mayUse(ctx, scopeReplicators, "read")
	if err != nil {
		return Status{}, err
	}
	return s.store.GetReplicator(ctx, a.OrganizationID, replicator, s.names())
}

// AskForPoll makes a replicator poll at once, or again when a poll runs. NotFound. One transaction.
func (s *Service) AskForPoll(ctx context.Context, replicator id.ID) (Status, error) {
	a, err := mayUse(ctx, scopeReplicators, "write")
	if err != nil {
		return Status{}, err
	}
	var st Status
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if st, err = s.store.GetReplicator(ctx, a.OrganizationID, replicator, s.names()); err != nil {
			return err
		}
		if err := s.store.Ask(ctx, a.OrganizationID, replicator, s.now()); err != nil {
			return err
		}
		return s.events.Audit(ctx, event.Change{
			OrganizationID: a.OrganizationID, Type: "replication.poll.asked", Subject: replicator, After: map[string]any{"name": st.Name},
		})
	})
	s.stir()
	return st, err
}

// stir wakes the runner of this node.
func (s *Service) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Provenance returns what every source calls a user or a group, and what it said of it. NotFound for a record of nobody's
// interest: it has no link.
func (s *Service) Provenance(ctx context.Context, record id.ID) ([]Link, error) {
	a, err := mayUse(ctx, scopeReplicators, "read")
	if err != nil {
		return nil, err
	}
	return s.store.LinksOf(ctx, a.OrganizationID, record)
}

// Register makes known the replicators of the configuration whose organization exists. What cannot be registered is
// returned as one error; the others are.
func (s *Service) Register(ctx context.Context) error {
	var problems []error
	for _, name := range s.names() {
		r := s.replicators[name]
		org, err := s.choose(ctx, r.Organization)
		if err == nil {
			err = s.store.PutReplicator(ctx, Status{ID: id.New(), OrganizationID: org, Name: name, Kind: r.Kind, CreatedAt: s.now()})
		}
		if err != nil {
			problems = append(problems, errs.CodeUnavailable.Errorf("the replicator %s: %v", name, err))
		}
	}
	return errors.Join(problems...)
}
