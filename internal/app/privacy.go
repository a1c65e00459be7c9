package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"switchboard/internal/audit/auditdb"
	"switchboard/internal/clock"
	"switchboard/internal/db/personal"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/privacy"
	"switchboard/internal/privacy/privacydb"
	"switchboard/internal/replication/replicationdb"
	"switchboard/internal/vault"
)

// newPrivacy connects what may be purged, and who closes it before.
func (a *App) newPrivacy(events *eventlog.Log, people *directory.Service, talk *messaging.Service, now clock.Clock) *privacy.Service {
	subjects := directorydb.New(a.db, a.vault)
	engine := personal.New(a.db, personalTables()).Sealed(a.vault, sealedColumns())
	folder := a.cfg.Privacy.ArchiveFolder
	if folder == "" {
		folder = filepath.Join(a.cfg.Server.Data, "archives")
	}
	return privacy.New(privacy.Options{
		Store: privacydb.New(a.db), Data: privacydb.NewData(a.db, engine, subjects.FindSubjects),
		Tx: a.db, Events: events, People: belonging{people}, Names: linkedNames(replicationdb.New(a.db), a.vault), Audit: auditdb.New(a.db), Signer: a.vault, Clock: now, Folder: folder,
		Closers: []privacy.Closer{closeMessages(talk), closeDirectory(people)},
	})
}

// closeMessages takes what a subject has said out of the conversations that go on.
func closeMessages(s *messaging.Service) privacy.CloserFunc {
	return func(ctx context.Context, subject privacy.Subject) error {
		switch subject.Kind {
		case privacy.Individual:
			return s.Silence(ctx, subject.ID)
		case privacy.Group:
			return s.CloseGroup(ctx, subject.ID)
		case privacy.Organization, privacy.User: // nobody is left to read it; an account speaks by its individuals
		}
		return nil
	}
}

// closeDirectory deletes a subject as an administrator would, so that everybody who follows the directory hears of it.
func closeDirectory(s *directory.Service) privacy.CloserFunc {
	return func(ctx context.Context, subject privacy.Subject) error {
		var err error
		switch subject.Kind {
		case privacy.Individual:
			err = s.DeleteIndividual(ctx, subject.ID)
		case privacy.Group:
			err = s.DeleteGroup(ctx, subject.ID)
		case privacy.Organization:
			err = s.DeleteOrganization(ctx, subject.ID)
		case privacy.User:
			err = s.DeleteUser(ctx, subject.ID)
		}
		if errs.Is(err, errs.CodeNotFound) { // it was deleted before
			return nil
		}
		return err
	}
}

// belonging answers privacy's questions from the directory.
type belonging struct{ directory *directory.Service }

// GroupsOf implements privacy.People.
func (b belonging) GroupsOf(ctx context.Context, organization id.ID, individuals []id.ID) ([]id.ID, error) {
	places, err := b.directory.Memberships(ctx, organization, individuals)
	out := make([]id.ID, len(places))
	for i, p := range places {
		out[i] = p.GroupID
	}
	return out, err
}

// purgePoll is how often a node looks for purges that another has left.
const purgePoll = 30 * time.Second

// purge works on purges until ctx ends.
func (a *App) purge(ctx context.Context) {
	a.services.privacy.Run(ctx, purgePoll, func(err error) {
		a.log.Error("a purge was interrupted and will be gone on with", "error", err)
	})
}

// Verifier verifies exports. One that another server has signed, whose key is not known here, is told of and taken: its hashes
// are checked all the same.
func (a *Admin) Verifier(warn io.Writer) privacy.Verifier {
	told := map[string]bool{}
	return func(ctx context.Context, keyID string, message, signature []byte) error {
		err := a.Vault.Verify(ctx, keyID, message, signature)
		if errors.Is(err, vault.ErrUnknownKey) {
			if !told[keyID] {
				told[keyID] = true
				fmt.Fprintf(warn, "the export is signed by another server, with key %s, which is not known here\n", keyID)
			}
			return nil
		}
		return err
	}
}
