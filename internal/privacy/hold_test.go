package privacy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/privacy"
)

func TestCreateHold_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.traces()
	_, err := w.CreateHold(w.admin(), privacy.NewHold{Kind: "pet", Until: start.Add(-time.Second)})
	for _, field := range []string{"entity_type", "entity_id", "reason", "until"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
	for name, entity := range map[string]id.ID{"another organization's": w.eve, "nobody's": id.New()} {
		_, err := w.CreateHold(w.admin(), privacy.NewHold{Kind: privacy.Individual, EntityID: entity, Reason: "x"})
		if !errs.Is(err, errs.CodeNotFound) || strings.Contains(err.Error(), entity.String()) {
			t.Errorf("a hold of %s: %v", name, err)
		}
	}
	_, err = w.CreateHold(w.admin(), privacy.NewHold{Kind: privacy.User, EntityID: w.person, Reason: "x"})
	w.refused("an individual as a user", err, errs.CodeNotFound)
	if after := w.traces(); after != before {
		t.Errorf("refusals left %s, was %s", after, before)
	}
}

// TestHolds_roles shows that everybody but an administrator with the scope is refused, before it is told what there is.
func TestHolds_roles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hold(privacy.Individual, w.ben)
	before := w.traces()
	for _, entity := range []id.ID{w.ben, id.New()} {
		for _, role := range []actor.Role{actor.Member, actor.Leader, actor.Service} {
			_, err := w.CreateHold(w.as(role, "*"), privacy.NewHold{Kind: privacy.Individual, EntityID: entity, Reason: "x"})
			w.refused(string(role)+" creates", err, errs.CodeDenied)
			_, err = w.RequestPurge(w.as(role, "*"), privacy.NewPurge{Kind: privacy.Individual, EntityID: entity})
			w.refused(string(role)+" purges", err, errs.CodeDenied)
		}
	}
	for _, role := range []actor.Role{actor.Member, actor.Leader, actor.Service} {
		for _, hold := range []id.ID{h.ID, id.New()} {
			_, err := w.GetHold(w.as(role, "*"), hold)
			w.refused(string(role)+" reads", err, errs.CodeDenied)
			w.refused(string(role)+" releases", w.ReleaseHold(w.as(role, "*"), hold), errs.CodeDenied)
		}
		_, err := w.ListHolds(w.as(role, "*"), page.Offset{Limit: 10})
		w.refused(string(role)+" lists", err, errs.CodeDenied)
	}
	reader := w.as(actor.Administrator, "legal-holds:read")
	if _, err := w.GetHold(reader, h.ID); err != nil {
		t.Errorf("a reader: %v", err)
	}
	w.refused("a reader releases", w.ReleaseHold(reader, h.ID), errs.CodeDenied)
	_, err := w.GetHold(w.as(actor.Administrator, "purge-data"), h.ID)
	w.refused("the scope of purges", err, errs.CodeDenied)
	_, err = w.GetHold(t.Context(), h.ID)
	w.refused("nobody", err, errs.CodeUnauthenticated)
	_, err = w.GetHold(w.stranger(), h.ID)
	w.refused("a stranger", err, errs.CodeNotFound)
	w.refused("a stranger releases", w.ReleaseHold(w.stranger(), h.ID), errs.CodeNotFound)
	if l, err := w.ListHolds(w.stranger(), page.Offset{Limit: 10}); err != nil || l.Total != 0 || len(l.Items) != 0 {
		t.Errorf("a stranger's list = %v, %v", l, err)
	}
	if after := w.traces(); after != before {
		t.Errorf("refusals left %s, was %s", after, before)
	}
}

// TestHolds_cover lists what each hold keeps and what it does not.
func TestHolds_cover(t *testing.T) {
	t.Parallel()
	type one struct {
		kind privacy.Kind
		of   func(*world) id.ID
	}
	var (
		ann    = one{privacy.User, func(w *world) id.ID { return w.ann }}
		person = one{privacy.Individual, func(w *world) id.ID { return w.person }}
		ben    = one{privacy.Individual, func(w *world) id.ID { return w.ben }}
		ward   = one{privacy.Group, func(w *world) id.ID { return w.ward }}
		all    = one{privacy.Organization, func(w *world) id.ID { return w.ours }}
	)
	for name, c := range map[string]struct {
		hold       one
		keeps      []one
		keepsNotBy []one
	}{
		"an organization": {all, []one{all, ann, person, ben, ward}, nil},
		"a group":         {ward, []one{ward, ann, person, all}, []one{ben}},
		"a user":          {ann, []one{ann, person, ward, all}, []one{ben}},
		"an individual":   {person, []one{person, ann, ward, all}, []one{ben}},
		"somebody alone":  {ben, []one{ben, all}, []one{ann, person, ward}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h := w.hold(c.hold.kind, c.hold.of(w))
			for _, o := range c.keeps {
				_, err := w.ask(o.kind, o.of(w))
				if w.refused("a purge of "+string(o.kind), err, privacy.LegalHold); metaID(err) != h.ID {
					t.Errorf("a purge of %s names %v, not the hold", o.kind, metaID(err))
				}
			}
			if w.count("purges") != 0 {
				t.Error("a purge that is held was accepted")
			}
			for _, o := range c.keepsNotBy {
				if _, err := w.ask(o.kind, o.of(w)); err != nil {
					t.Errorf("a purge of %s beside the hold: %v", o.kind, err)
				}
			}
		})
	}
}

// metaID is the identifier that an error points to.
func metaID(err error) id.ID {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return id.Nil
	}
	found, _ := e.Meta["id"].(id.ID)
	return found
}

func TestHolds_end(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, err := w.CreateHold(w.admin(), privacy.NewHold{Kind: privacy.Individual, EntityID: w.ben, Reason: "x", Until: start.Add(time.Hour)})
	w.must(err)
	_, err = w.ask(privacy.Individual, w.ben)
	w.refused("before its end", err, privacy.LegalHold)
	w.pass(time.Hour)
	if _, err := w.ask(privacy.Individual, w.ben); err != nil {
		t.Errorf("at its end: %v", err)
	}
	if got, err := w.GetHold(w.admin(), h.ID); err != nil || !got.Until.Equal(start.Add(time.Hour)) {
		t.Errorf("the hold that has ended is %v, %v", got, err)
	}

	second := w.hold(privacy.User, w.ann)
	_, err = w.ask(privacy.User, w.ann)
	w.refused("while it stands", err, privacy.LegalHold)
	w.must(w.ReleaseHold(w.admin(), second.ID))
	w.refused("releasing twice", w.ReleaseHold(w.admin(), second.ID), errs.CodeNotFound)
	if _, err := w.ask(privacy.User, w.ann); err != nil {
		t.Errorf("once it is released: %v", err)
	}
	for typ, want := range map[string]int64{"privacy.hold.created": 2, "privacy.hold.released": 1} {
		if n := w.count("audit where action = '" + typ + "'"); n != want {
			t.Errorf("%d rows of the audit are %s, want %d", n, typ, want)
		}
	}
	if n := w.count("audit where action = 'privacy.hold.released' and detail like '%a court asks%'"); n != 1 {
		t.Error("the audit does not keep what was released")
	}
}

// TestHolds_stopsWhatHasNotBegun sets a hold between the request and the worker.
func TestHolds_stopsWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, err := w.ask(privacy.User, w.ann)
	w.must(err)
	w.hold(privacy.Individual, w.person)
	_, err = w.Work(t.Context())
	w.must(err)
	p, err = w.GetPurge(w.admin(), p.ID)
	w.must(err)
	if p.State != privacy.Failed || !strings.Contains(p.Failure, "legal hold") || len(w.data.erased) != 0 || w.count("tombstones") != 0 {
		t.Errorf("the purge is %s: %q, erased %v", p.State, p.Failure, w.data.erased)
	}
}
