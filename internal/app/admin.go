package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"switchboard/internal/access"
	"switchboard/internal/access/accessoidc"
	"switchboard/internal/actor"
	"switchboard/internal/audit"
	"switchboard/internal/audit/auditdb"
	"switchboard/internal/clock"
	"switchboard/internal/config"
	"switchboard/internal/consent"
	"switchboard/internal/consent/consentdb"
	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingdb"
	"switchboard/internal/page"
	"switchboard/internal/privacy"
	"switchboard/internal/replication"
	"switchboard/internal/vault"
)

// Admin is the services as the command line uses them: on the database itself, with every right, beside a running server or
// without one. What it does is audited as done by the operator.
type Admin struct {
	Access    *access.Service
	Vault     *vault.Service
	Consent   ConsentReader
	Directory *directory.Service
	Privacy   *privacy.Service
	Audit     *audit.Service
	chainer   *audit.Chainer
	db        *db.DB
	log       *slog.Logger
	// replication makes the service of replicators; what is wrong with their settings concerns no other command.
	replication func() (*replication.Service, error)
}

// OpenAdmin opens and migrates the configured database.
func OpenAdmin(ctx context.Context, cfg config.Config, log *slog.Logger) (*Admin, error) {
	a := &App{cfg: cfg, log: log, issuers: &accessoidc.Set{}}
	if err := a.openDatabase(ctx); err != nil {
		return nil, err
	}
	if err := a.openVault(ctx, clock.System); err != nil {
		return nil, errors.Join(err, a.db.Close())
	}
	events := a.events
	people := directory.New(directorydb.New(a.db, a.vault), a.db, events, clock.System)
	talk := messaging.New(messagingdb.New(a.db), people, a.db, events, clock.System)
	trail := auditdb.New(a.db)
	ledger := consent.NewLedger(consentdb.New(a.db), a.db, events, people, clock.System)
	return &Admin{
		Consent: consent.New(ledger, nil, notary{a.vault}), // asks nobody, so that it needs no outbox
		Vault:   a.vault, Access: a.newAccess(events, people, clock.System), Directory: people, db: a.db, log: log,
		Audit:   audit.New(trail, events, a.vault, clock.System),
		chainer: audit.NewChainer(trail, a.db, a.vault, clock.System, log),
		Privacy: a.newPrivacy(events, people, talk, clock.System),
		replication: func() (*replication.Service, error) {
			configured, err := openReplicators(cfg)
			return newReplication(configured, a.db, events, people, a.vault, clock.System), err
		},
	}, nil
}

// ConsentReader is what an operator does with consents. Asking for them is the server's, which sends the question.
type ConsentReader interface {
	Get(ctx context.Context, consent id.ID) (consent.Consent, error)
	List(ctx context.Context, user id.ID, p page.Offset) (page.List[consent.Consent], error)
	Proof(ctx context.Context, consent id.ID) (consent.Proof, error)
}

// As returns a context in which the operator acts as an administrator of an organization.
func (a *Admin) As(ctx context.Context, organization id.ID) context.Context {
	return actor.With(ctx, actor.Actor{
		OrganizationID: organization, Role: actor.Administrator, Scopes: []string{"*"}, Via: actor.ViaCommandLine,
		RequestID: fmt.Sprintf("command line of user %d", os.Getuid()),
	})
}

// AsInstaller returns a context in which the operator acts on the whole installation, such as on its keys. It is an administrator
// of no organization.
func (a *Admin) AsInstaller(ctx context.Context) context.Context {
	return a.As(ctx, actor.Installation())
}

// Organization finds an organization by id or name; the only one there is for an empty text. When there is none at all it
// makes one of that name, so that the first key can be made on an empty database.
func (a *Admin) Organization(ctx context.Context, nameOrID string) (id.ID, error) {
	o, err := a.FindOrganization(ctx, nameOrID)
	if !errs.Is(err, errs.CodeNotFound) {
		return o.ID, err
	}
	some, walkErr := a.Directory.WalkOrganizations(ctx, directory.Walk{Limit: 1})
	switch {
	case walkErr != nil || len(some) > 0:
		return id.Nil, errors.Join(walkErr, err)
	case nameOrID == "":
		return id.Nil, fmt.Errorf("there is no organization yet; name one with --organization and it is made")
	}
	o, err = a.Directory.CreateOrganization(a.As(ctx, id.Nil), directory.OrganizationEdit{Name: &nameOrID})
	return o.ID, err
}

// Keys returns the keys of one organization, or of all for an empty text.
func (a *Admin) Keys(ctx context.Context, nameOrID string) ([]access.Key, error) {
	var organizations []id.ID
	if nameOrID != "" {
		organization, err := a.Organization(ctx, nameOrID)
		if err != nil {
			return nil, err
		}
		organizations = append(organizations, organization)
	} else {
		err := a.EachOrganization(ctx, func(o directory.Organization) error {
			organizations = append(organizations, o.ID)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var out []access.Key
	for _, organization := range organizations {
		keys, err := a.keysOf(ctx, organization)
		if err != nil {
			return nil, err
		}
		out = append(out, keys...)
	}
	return out, nil
}

func (a *Admin) keysOf(ctx context.Context, organization id.ID) ([]access.Key, error) {
	var out []access.Key
	for {
		keys, err := a.Access.ListKeys(a.As(ctx, organization), organization, page.Offset{Limit: 1000, Offset: len(out)})
		if err != nil {
			return nil, err
		}
		if out = append(out, keys.Items...); len(keys.Items) == 0 || len(out) >= keys.Total {
			return out, nil
		}
	}
}

// AsOwner returns a context in which the operator acts as an administrator of the organization that a key is of.
func (a *Admin) AsOwner(ctx context.Context, key id.ID) (context.Context, id.ID, error) {
	organization, err := a.Access.OrganizationOfKey(ctx, key)
	if err != nil {
		return nil, id.Nil, fmt.Errorf("there is no key %s", key)
	}
	return a.As(ctx, organization), organization, nil
}
