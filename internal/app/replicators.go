package app

import (
	"context"
	"fmt"

	"switchboard/internal/clock"
	"switchboard/internal/config"
	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/privacy"
	"switchboard/internal/privacy/privacydb"
	"switchboard/internal/replication"
	"switchboard/internal/replication/feed"
	"switchboard/internal/replication/replicationdb"
	"switchboard/internal/replication/scimpull"
	"switchboard/internal/setting"
	"switchboard/internal/vault"
)

// replicatorKinds lists the kinds of replicators.
func replicatorKinds() map[string]replication.Factory {
	return map[string]replication.Factory{
		"directory.csv":       replication.NewFactory("Reads a CSV file.", feed.OpenCSV),
		"directory.jsonl":     replication.NewFactory("Reads a file of JSON Lines.", feed.OpenJSONL),
		"directory.scim-pull": replication.NewFactory("Reads another SCIM server.", scimpull.Open),
	}
}

// ReplicatorSettings are the settings that every kind of replicator has.
func ReplicatorSettings() []setting.Setting { return setting.Describe(replication.Settings{}) }

// ReplicatorKinds describes the kinds of replicators, for the reference of settings.
func ReplicatorKinds() map[string]config.Kind {
	out := map[string]config.Kind{}
	for name, f := range replicatorKinds() {
		out[name] = config.Kind{Doc: f.Doc, Settings: f.Settings}
	}
	return out
}

// CheckReplicators tells what is wrong with the replicators of a configuration, without reading any feed.
func CheckReplicators(cfg config.Config) error {
	_, err := openReplicators(cfg)
	return err
}

// openReplicators makes the replicators of the configuration. It reads no feed.
func openReplicators(cfg config.Config) (map[string]replication.Replicator, error) {
	out, err := replication.Configure(cfg.Replicators, replicatorKinds())
	if err != nil {
		return nil, fmt.Errorf("the replicators are not usable: %w", err)
	}
	return out, nil
}

// newReplication makes the service.
func newReplication(configured map[string]replication.Replicator, d *db.DB, events *eventlog.Log, people *directory.Service, keys *vault.Service, now clock.Clock) *replication.Service {
	return replication.New(replication.Options{
		Store: replicationdb.New(d), Tx: d, Directory: people, Events: events, Clock: now, Replicators: configured,
		Purged: purgedIn(privacydb.New(d), keys),
	})
}

// stoneOf is the identifier of the tombstone that stays of what a source called a record. It is made with a secret, because
// external ids are short enough to try all of them: a copy of the database is not to tell who was purged.
func stoneOf(keys *vault.Service, n replication.Name) (id.ID, error) {
	sum, err := keys.Digest("external-id", n.OrganizationID.String(), n.Source, string(n.Kind), n.ExternalID)
	return id.Derived("external-id", string(sum[:])), err
}

// purgedIn answers which records are those of the purged.
func purgedIn(s *privacydb.Store, keys *vault.Service) replication.Purged {
	return func(ctx context.Context, names []replication.Name) ([]replication.Name, error) {
		ids, nameOf := make([]id.ID, len(names)), map[id.ID]replication.Name{}
		for i, n := range names {
			stone, err := stoneOf(keys, n)
			if err != nil {
				return nil, err
			}
			ids[i], nameOf[stone] = stone, n
		}
		stones, err := s.FindTombstones(ctx, ids)
		out := make([]replication.Name, len(stones))
		for i, t := range stones {
			out[i] = nameOf[t.ID]
		}
		return out, err
	}
}

// linkedNames returns the tombstones of what other systems call a user or a group.
func linkedNames(s *replicationdb.Store, keys *vault.Service) privacy.Names {
	return func(ctx context.Context, subject privacy.Subject) ([]id.ID, error) {
		links, err := s.LinksOf(ctx, subject.OrganizationID, subject.ID)
		if err != nil {
			return nil, err
		}
		var out []id.ID
		for _, l := range links {
			if l.ExternalID == "" {
				continue
			}
			stone, err := stoneOf(keys, l.Name())
			if err != nil {
				return nil, err
			}
			out = append(out, stone)
		}
		return out, nil
	}
}

// Replicators returns the replicators of one organization, or of all for an empty text, after making known those that are new
// in the configuration.
func (a *Admin) Replicators(ctx context.Context, nameOrID string) ([]replication.Status, error) {
	r, err := a.replication()
	if err == nil {
		err = r.Register(ctx)
	}
	if err != nil {
		return nil, err
	}
	organizations, err := a.some(ctx, nameOrID)
	var out []replication.Status
	for _, o := range organizations {
		list, err := r.ListReplicators(a.As(ctx, o))
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, err
}

// some returns the organization that is named, or all for an empty text.
func (a *Admin) some(ctx context.Context, nameOrID string) ([]id.ID, error) {
	if nameOrID != "" {
		o, err := a.Organization(ctx, nameOrID)
		return []id.ID{o}, err
	}
	organizations, err := a.Directory.Organizations(ctx)
	var out []id.ID
	for _, o := range organizations {
		out = append(out, o.ID)
	}
	return out, err
}

// Poll polls a replicator of the configuration in this process, and returns the report. With dry nothing is stored.
func (a *Admin) Poll(ctx context.Context, name string, dry bool) (replication.Report, error) {
	all, err := a.Replicators(ctx, "")
	if err != nil {
		return replication.Report{}, err
	}
	r, err := a.replication()
	if err != nil {
		return replication.Report{}, err
	}
	for _, one := range all {
		if one.Name == name {
			return r.PollNow(a.As(ctx, one.OrganizationID), name, dry)
		}
	}
	return replication.Report{}, fmt.Errorf("the configuration has no replicator %q", name)
}
