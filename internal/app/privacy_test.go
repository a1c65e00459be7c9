package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/access/accessoidc"
	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/config"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/db/personal"
	"switchboard/internal/delivery"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/privacy"
	"switchboard/internal/replication"
	"switchboard/internal/scim"
	"switchboard/internal/transport"
)

// hospital is a server that serves nobody: its services on a database, with the demo's people in it.
type hospital struct {
	*testing.T
	*App
	url  string
	demo demoFile
}

// The planted text, in parts, so that no file of this repository has it.
const planted = "needle" + "7731"

func newHospital(t *testing.T, url string) *hospital {
	t.Helper()
	return newNode(t, url, t.TempDir())
}

// newNode returns a server with the keys of those that have the same folder.
func newNode(t *testing.T, url, folder string) *hospital {
	t.Helper()
	var cfg config.Config
	cfg.Server.Data = folder
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	h := &hospital{T: t, url: url, App: &App{
		cfg: cfg, db: d, log: quiet, metrics: prometheus.NewRegistry(), providers: &transport.Set{}, issuers: &accessoidc.Set{},
	}}
	h.must(h.openVault(t.Context(), clock.System))
	h.must(h.assemble(Options{Clock: clock.System}))
	return h
}

func (h *hospital) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// populate fills the hospital with the demo and with what the member has left everywhere.
func (h *hospital) populate() {
	h.Helper()
	var err error
	h.demo, err = (&demo{services: h.services, sandbox: "http://127.0.0.1:9"}).seed(h.Context())
	h.must(err)
	ctx, s := h.admin(), h.services
	first, phone, hook := "Ada"+planted, "+12025550199", "https://example.org/"+planted
	_, err = s.directory.UpdateUser(ctx, h.user(), directory.UserEdit{FirstName: &first, Phone: &phone, WebhookURL: &hook})
	h.must(err)
	_, err = s.directory.UpdateIndividual(ctx, h.member(), directory.IndividualEdit{FirstName: &first})
	h.must(err)
	v, err := s.messaging.CreateChannel(ctx, messaging.NewChannel{
		GroupID: h.demo.IndividualGroups[0].ID, Name: first + " Patient's care", Type: messaging.Open, Floating: true, EventsEnabled: true,
		IndividualIDs: []id.ID{h.demo.Individuals[demoVisitor].ID},
	})
	h.must(err)
	_, err = s.messaging.Subscribe(ctx, v.ID, []id.ID{h.member()}) // announced by name
	h.must(err)
	said := h.post(v.ID, h.member(), "I am "+planted)
	_, err = s.messaging.ChangeMessage(ctx, said, messaging.MessageChange{IndividualID: h.member(), Text: new("I was " + planted)})
	h.must(err)
	gone := h.post(v.ID, h.member(), "taken back "+planted)
	_, err = s.messaging.ChangeMessage(ctx, gone, messaging.MessageChange{IndividualID: h.member(), Removed: new(true)})
	h.must(err)
	answer := h.post(v.ID, h.demo.Individuals[demoVisitor].ID, "get well")
	_, err = s.messaging.AddReaction(ctx, answer, h.member(), "thanks")
	h.must(err)
	_, err = s.messaging.Ack(ctx, messaging.AckRequest{MessageID: answer, IndividualID: h.member()})
	h.must(err)
	_, err = s.messaging.SetBookmark(actor.With(ctx, h.as(h.member())), v.ID, answer, true)
	h.must(err)
	h.deliver(h.post(v.ID, h.member(), "by text: "+planted, "sms"))
	h.deliver(h.post(v.ID, h.demo.Individuals[demoVisitor].ID, "to everybody", "sms"))
	h.exec("update deliveries set due_at = null, state = 'sent'")
	h.exec("insert into delivery_attempts (delivery_id, id, address, started_at, outcome, detail) select id, id, address, created_at, 'sent', '"+planted+"' from deliveries where user_id = $1", h.user())
	h.exec("insert into delivery_texts (id, organization_id, user_id, provider, provider_id, transport, sender, recipient, body, received_at) values ($1,$2,$3,'x','y','sms',$4,'z',$5,$6)",
		id.New(), h.demo.OrganizationID, h.user(), phone, planted, clock.System())
}

func (h *hospital) user() id.ID   { return h.demo.Users[demoMember].ID }
func (h *hospital) member() id.ID { return h.demo.Individuals[demoMember].ID }

func (h *hospital) as(individual id.ID) actor.Actor {
	a := actor.System(h.demo.OrganizationID)
	a.RequestID, a.Via = "test", actor.ViaKey
	if !individual.IsZero() {
		a.Individuals = []id.ID{individual}
	}
	return a
}

func (h *hospital) admin() context.Context { return actor.With(h.Context(), h.as(id.Nil)) }

func (h *hospital) post(channel, by id.ID, text string, to ...string) id.ID {
	h.Helper()
	m, err := h.services.messaging.Post(h.admin(), messaging.NewMessage{ChannelID: channel, IndividualID: by, Text: text, Destinations: to})
	h.must(err)
	return m.ID
}

// deliver plans a message as the log's consumer would.
func (h *hospital) deliver(message id.ID) {
	h.Helper()
	raw, err := json.Marshal(messaging.Posted{MessageID: message, Destinations: []string{"sms"}})
	h.must(err)
	entry := event.Entry{OrganizationID: h.demo.OrganizationID, Type: messaging.EventPosted, Data: raw}
	h.must(h.db.Do(h.Context(), func(ctx context.Context) error {
		return delivery.NewPlanner(h.services.delivery, h.services.messaging).Handle(ctx, []event.Entry{entry})
	}))
}

func (h *hospital) exec(query string, args ...any) {
	h.Helper()
	_, err := h.db.Q(h.Context()).Exec(h.Context(), query, args...)
	h.must(err)
}

// remains lists where a text still stands in the database.
func (h *hospital) remains(text string) []string {
	h.Helper()
	var out []string
	for _, t := range personal.New(h.db, personalTables()).Tables() {
		for _, c := range t.Columns() {
			n, err := db.Get(h.Context(), h.db.Q(h.Context()), db.Scalar[int64], "select count(*) from "+t.Name+" where cast("+c+" as text) like '%"+text+"%'")
			h.must(err)
			if n > 0 {
				out = append(out, fmt.Sprintf("%s.%s %d times", t.Name, c, n))
			}
		}
	}
	return out
}

// inFiles lists the files of a SQLite database in which a text stands.
func (h *hospital) inFiles(text string) []string {
	var out []string
	path, lite := strings.CutPrefix(h.url, "sqlite:")
	if !lite {
		return nil
	}
	for _, name := range []string{path, path + "-wal", path + "-journal"} {
		if raw, err := os.ReadFile(name); err == nil && bytes.Contains(raw, []byte(text)) {
			out = append(out, filepath.Base(name))
		}
	}
	return out
}

// records returns the files of an export by name, save the manifest, which has the time.
func (h *hospital) records(folder string) map[string]string {
	h.Helper()
	out := map[string]string{}
	h.must(filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "manifest.json" {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		out[name] = string(raw)
		return err
	}))
	return out
}

func (h *hospital) export(kind privacy.Kind, entity id.ID) (string, privacy.Export) {
	h.Helper()
	path := filepath.Join(h.TempDir(), "export")
	e, err := h.services.privacy.Export(h.admin(), kind, entity, path, nil)
	h.must(err)
	return path, e
}

func (h *hospital) purged(n privacy.NewPurge) privacy.Purge {
	h.Helper()
	p, err := h.services.privacy.RequestPurge(h.admin(), n)
	h.must(err)
	_, err = h.services.privacy.Work(h.Context())
	h.must(err)
	p, err = h.services.privacy.GetPurge(h.admin(), p.ID)
	h.must(err)
	if p.State != privacy.Completed {
		h.Fatalf("the purge is %s: %s", p.State, p.Failure)
	}
	return p
}

func eachHospital(t *testing.T, test func(h *hospital)) {
	t.Helper()
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHospital(t, url)
			h.populate()
			test(h)
		})
	}
}

func TestPurge_ofAUserLeavesNothing(t *testing.T) {
	eachHospital(t, func(h *hospital) {
		if len(h.remains(planted)) < 10 {
			h.Fatalf("the world is too small: %v", h.remains(planted))
		}
		p := h.purged(privacy.NewPurge{Kind: privacy.User, EntityID: h.user()})
		if left := h.remains(planted); len(left) > 0 {
			h.Errorf("it is left in %v", left)
		}
		if left := h.inFiles(planted); len(left) > 0 {
			h.Errorf("it is left in the files %v", left)
		}
		if counts := p.Counts; counts["users"].Deleted != 1 || counts["individuals"].Deleted != 1 || counts["deliveries"].Deleted < 1 || counts["audit"].Blanked < 1 {
			h.Errorf("counts = %v", counts)
		}
		h.verify(p)
		if _, err := h.services.directory.GetUser(h.admin(), h.user()); !errs.Is(err, errs.CodeNotFound) {
			h.Errorf("the purged user is answered: %v", err)
		}
		if _, err := h.services.privacy.RequestPurge(h.admin(), privacy.NewPurge{Kind: privacy.User, EntityID: h.user()}); !errs.Is(err, errs.CodeNotFound) {
			h.Errorf("purging it again: %v", err)
		}
	})
}

// verify holds the report of a purge to its signature.
func (h *hospital) verify(p privacy.Purge) {
	h.Helper()
	r, err := privacy.VerifyReport(h.Context(), []byte(p.Report), h.vault.Verify)
	if err != nil || r.PurgeID != p.ID || r.Subject.ID != p.EntityID || len(r.Tables) != len(p.Counts) {
		h.Errorf("report = %+v, %v", r, err)
	}
	for _, forged := range []string{strings.Replace(p.Report, `"deleted":1`, `"deleted":2`, 1), "{}", "", "[]"} {
		if _, err := privacy.VerifyReport(h.Context(), []byte(forged), h.vault.Verify); err == nil {
			h.Errorf("a forged report is believed: %s", forged)
		}
	}
}

func TestPurge_leavesOthersTheConversation(t *testing.T) {
	eachHospital(t, func(h *hospital) {
		before := h.count("messages")
		h.purged(privacy.NewPurge{Kind: privacy.Individual, EntityID: h.member()})
		if after := h.count("messages"); after != before {
			h.Errorf("%d of %d messages are left", after, before)
		}
		if n := h.count("messages where text = 'get well'"); n != 1 {
			h.Error("what others said is gone")
		}
		if n := h.count("events where type = '" + messaging.EventRemoved + "' and data like '%\"purged\":true%'"); n == 0 {
			h.Error("live clients are not told")
		}
	})
}

func (h *hospital) count(what string) int64 {
	h.Helper()
	n, err := db.Get(h.Context(), h.db.Q(h.Context()), db.Scalar[int64], "select count(*) from "+what)
	h.must(err)
	return n
}

// TestExport_roundTrip takes people, a group and an organization out, purges them, brings them back and takes them out again.
func TestExport_roundTrip(t *testing.T) {
	for _, kind := range privacy.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			eachHospital(t, func(h *hospital) {
				entity := map[privacy.Kind]id.ID{
					privacy.User: h.user(), privacy.Individual: h.member(), privacy.Group: h.demo.IndividualGroups[0].ID,
					privacy.Organization: h.demo.OrganizationID,
				}[kind]
				h.roundTrip(kind, entity)
			})
		})
	}
}

func (h *hospital) roundTrip(kind privacy.Kind, entity id.ID) {
	h.Helper()
	folder, e := h.export(kind, entity)
	first := h.records(folder)
	for table, n := range e.Manifest.Counts {
		if lines := int64(strings.Count(first["records/"+table+".jsonl"], "\n")); lines != n {
			h.Errorf("%s has %d lines of %d", table, lines, n)
		}
	}
	h.purged(privacy.NewPurge{Kind: kind, EntityID: entity})
	again := filepath.Join(h.TempDir(), "again")
	if _, err := h.services.privacy.Export(h.admin(), kind, entity, again, nil); !errs.Is(err, errs.CodeNotFound) {
		h.Errorf("what was purged is exported: %v", err)
	}
	o := privacy.ImportOptions{Verify: h.vault.Verify}
	if _, err := h.services.privacy.Import(h.admin(), folder, o); !errs.Is(err, privacy.Tombstoned) {
		h.Errorf("what was purged comes back: %v", err)
	}
	o.ForceTombstoned = true
	h.imported(folder, o)
	for name, want := range first {
		folder, _ := h.export(kind, entity)
		if got := h.records(folder)[name]; got != want {
			h.Errorf("%s came back as\n%s\nand was\n%s", name, got, want)
		}
	}
	twice := h.imported(folder, o)
	if twice.Added+twice.Restored != 0 || twice.Present == 0 {
		h.Errorf("importing twice: %+v", twice.Outcome)
	}
}

func (h *hospital) imported(folder string, o privacy.ImportOptions) privacy.Imported {
	h.Helper()
	out, err := h.services.privacy.Import(h.admin(), folder, o)
	h.must(err)
	if len(out.Conflicts) > 0 {
		h.Fatalf("conflicts: %v", out.Conflicts)
	}
	return out
}

// TestExport_movesToAnotherDatabase takes an organization from each kind of database to a fresh one of each kind.
func TestExport_movesToAnotherDatabase(t *testing.T) {
	eachHospital(t, func(h *hospital) {
		folder, _ := h.export(privacy.Organization, h.demo.OrganizationID)
		want := h.records(folder)
		for name, url := range dbtest.URLs(h.T) {
			to := newHospital(h.T, url)
			to.demo = h.demo
			to.imported(folder, privacy.ImportOptions{Verify: h.vault.Verify})
			moved, _ := to.export(privacy.Organization, h.demo.OrganizationID)
			got := to.records(moved)
			if len(got) != len(want) {
				h.Errorf("to %s: %d of %d tables", name, len(got), len(want))
			}
			for file, text := range want {
				if got[file] != text {
					h.Errorf("to %s: %s is\n%s\nand was\n%s", name, file, got[file], text)
				}
			}
			if n := to.count("directory_counts where count > 0 and organization_id = '" + h.demo.OrganizationID.String() + "'"); n == 0 {
				h.Errorf("to %s: what came is not counted", name)
			}
			u, err := to.services.directory.GetUser(to.admin(), h.user())
			if err != nil || !strings.Contains(u.WebhookURL, planted) {
				h.Errorf("to %s: the sealed address is %q, %v", name, u.WebhookURL, err)
			}
		}
	})
}

func TestPurge_writesTheArchiveFirst(t *testing.T) {
	eachHospital(t, func(h *hospital) {
		p := h.purged(privacy.NewPurge{Kind: privacy.User, EntityID: h.user(), Archive: true, ReferenceID: "case 7", RequestID: "r1"})
		raw, err := os.ReadFile(filepath.Join(h.cfg.Server.Data, "archives", p.Archived.File))
		h.must(err)
		if sum := fmt.Sprintf("%x", sha256.Sum256(raw)); sum != p.Archived.SHA256 {
			h.Errorf("the archive's hash is %s, the purge says %s", sum, p.Archived.SHA256)
		}
		h.imported(filepath.Join(h.cfg.Server.Data, "archives", p.Archived.File), privacy.ImportOptions{Verify: h.vault.Verify, ForceTombstoned: true})
		if n := h.count("messages where text = 'I was " + planted + "'"); n != 1 {
			h.Error("the archive does not bring the person back")
		}
	})
}

func TestPurge_withoutItsArchiveRemovesNothing(t *testing.T) {
	eachHospital(t, func(h *hospital) {
		h.must(os.WriteFile(filepath.Join(h.cfg.Server.Data, "archives"), nil, 0o600)) // where the folder should be
		before := h.count("messages where text like '%" + planted + "%'")
		p, err := h.services.privacy.RequestPurge(h.admin(), privacy.NewPurge{Kind: privacy.User, EntityID: h.user(), Archive: true})
		h.must(err)
		_, err = h.services.privacy.Work(h.Context())
		h.must(err)
		p, err = h.services.privacy.GetPurge(h.admin(), p.ID)
		h.must(err)
		if p.State != privacy.Failed || !strings.Contains(p.Failure, "archive") || h.count("messages where text like '%"+planted+"%'") != before {
			h.Errorf("the purge is %s: %s", p.State, p.Failure)
		}
		if h.count("tombstones") != 0 {
			h.Error("there is a tombstone of what lives")
		}
	})
}

// dying fails after some batches, as a process that is killed does.
type dying struct {
	privacy.Data
	left int
	die  context.CancelFunc
}

var errKilled = errors.New("killed")

func (d *dying) Erase(ctx context.Context, s privacy.Subject, progress json.RawMessage, limit int, save privacy.SaveProgress) (privacy.Erased, error) {
	if d.left--; d.left < 0 {
		d.die()
		return privacy.Erased{}, errKilled
	}
	return d.Data.Erase(ctx, s, progress, 3, save)
}

func TestPurge_goesOnAfterADeath(t *testing.T) {
	eachHospital(t, func(h *hospital) {
		s := h.services.privacy
		whole := s.Data
		p, err := s.RequestPurge(h.admin(), privacy.NewPurge{Kind: privacy.Organization, EntityID: h.demo.OrganizationID})
		h.must(err)
		deaths := 0
		for lives := 2; ; lives += 5 {
			ctx, die := context.WithCancel(h.Context())
			s.Data = &dying{Data: whole, left: lives, die: die}
			_, err := s.Work(ctx)
			die()
			if err == nil {
				break
			}
			if !errors.Is(err, errKilled) {
				h.Fatal(err)
			}
			deaths++
		}
		p, err = s.GetPurge(h.admin(), p.ID)
		h.must(err)
		if deaths < 3 || p.State != privacy.Completed {
			h.Errorf("after %d deaths the purge is %s", deaths, p.State)
		}
		if left := h.remains(planted); len(left) > 0 {
			h.Errorf("it is left in %v", left)
		}
		h.verify(p)
		if _, err := h.services.access.Authenticate(h.Context(), h.demo.Keys.Administrator); errs.KindOf(err) != errs.Unauthenticated {
			h.Errorf("somebody can still act in it: %v", err)
		}
		if _, err := h.services.access.Authenticate(h.Context(), h.demo.Keys.OtherAdministrator); err != nil {
			h.Errorf("the other organization is gone too: %v", err)
		}
	})
}

// TestPurge_killsKeysEverywhere shows that another node, which has just let a key in, lets it in no more once its log has told it
// of the purge or the import.
func TestPurge_killsKeysEverywhere(t *testing.T) {
	for _, kind := range []privacy.Kind{privacy.User, privacy.Organization} {
		t.Run(string(kind), func(t *testing.T) {
			eachHospital(t, func(h *hospital) {
				other := newNode(h.T, h.url, h.cfg.Server.Data)
				key := map[privacy.Kind]string{privacy.User: h.demo.Keys.Member, privacy.Organization: h.demo.Keys.Administrator}[kind]
				entity := map[privacy.Kind]id.ID{privacy.User: h.user(), privacy.Organization: h.demo.OrganizationID}[kind]
				for _, node := range []*hospital{h, other} {
					_, err := node.services.access.Authenticate(h.Context(), key)
					h.must(err)
				}
				h.exec("delete from events") // of those before the purge nothing is to follow
				h.purged(privacy.NewPurge{Kind: kind, EntityID: entity})
				entries, err := db.All(h.Context(), h.db.Q(h.Context()), func(r db.Row) (e event.Entry, err error) {
					return e, r.Scan(&e.OrganizationID, &e.Type)
				}, "select organization_id, type from events")
				h.must(err)
				h.services.access.Follow(entries)
				other.services.access.Follow(entries)
				for n, node := range []*hospital{h, other} {
					if _, err := node.services.access.Authenticate(h.Context(), key); errs.KindOf(err) != errs.Unauthenticated {
						h.Errorf("node %d still lets it in: %v", n, err)
					}
				}
			})
		})
	}
}

// TestPurge_keepsReplicationFromBringingBack purges somebody whom an identity provider has pushed, and who is pushed again.
func TestPurge_keepsReplicationFromBringingBack(t *testing.T) {
	eachHospital(t, func(h *hospital) {
		ctx, feeds := h.admin(), h.services.feeds
		pushed := func(name string) (replication.Resource, error) {
			return feeds.CreateSCIMUser(ctx, "", scim.Object{"userName": name, "externalId": "emp-7731"})
		}
		made, err := pushed("zoe")
		h.must(err)
		text, _ := made.Object["id"].(string)
		user := id.MustParse(text)
		folder, _ := h.export(privacy.User, user)
		h.purged(privacy.NewPurge{Kind: privacy.User, EntityID: user})
		if _, err := pushed("zoe"); !errs.Is(err, errs.CodeConflict) {
			h.Errorf("who was purged is pushed again: %v", err)
		}
		if left := h.remains("emp-7731"); len(left) > 0 {
			h.Errorf("the external id is left in %v", left)
		}
		_, err = h.vault.Rotate(h.Context(), nil)
		h.must(err)
		if _, err := pushed("zoe"); !errs.Is(err, errs.CodeConflict) {
			h.Errorf("who was purged is pushed after a rotation: %v", err)
		}
		h.imported(folder, privacy.ImportOptions{Verify: h.vault.Verify, ForceTombstoned: true})
		if _, err := feeds.ReplaceSCIMUser(ctx, "", user, "", scim.Object{"userName": "zoe.b", "externalId": "emp-7731"}); err != nil {
			h.Errorf("who was brought back cannot be changed: %v", err)
		}
	})
}
