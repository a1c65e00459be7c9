package deliverytest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"switchboard/internal/delivery"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func gets(t *testing.T, s suite) {
	_, list := s.enqueue(t, 1)
	_, _, err := s.Get(t.Context(), id.New(), list[0].ID)
	wantMissing(t, "of another organization", err)
	_, _, err = s.Get(t.Context(), s.org, id.New())
	wantMissing(t, "that is not there", err)
}

// shelf is what lists are taken from: an alert to three users, and a message to an individual and one of those users.
type shelf struct {
	alert, message delivery.Content
	all            []delivery.Delivery // newest first
	users          []id.ID
	individual     id.ID
}

func (s suite) fill(t *testing.T) shelf {
	t.Helper()
	out := shelf{individual: id.New()}
	out.alert = Content(s.org, delivery.Source{Type: "alert", ID: id.New()})
	out.message = Content(s.org, delivery.Source{Type: delivery.SourceMessage, ID: id.New()})
	var alerts, messages []delivery.Delivery
	for i := range 3 {
		d := Delivery(out.alert, s.transportOf())
		if i == 1 {
			d.State, d.Reason, d.DueAt = delivery.Failed, reason.GaveUp, time.Time{}
		}
		out.users = append(out.users, d.UserID)
		alerts = append(alerts, d)
	}
	must(t, s.Insert(t.Context(), out.alert, alerts))
	for i := range 2 {
		d := Delivery(out.message, transport.Email)
		d.DueAt = Noon.Add(time.Hour)
		d.UserID = id.Nil
		if i == 0 {
			d.UserID, d.IndividualID = out.users[0], out.individual
		}
		messages = append(messages, d)
	}
	must(t, s.Insert(t.Context(), out.message, messages))
	out.all = append(alerts, messages...)
	slices.Reverse(out.all)
	other := Content(id.New(), out.alert.Source) // another organization's, of the same source and user
	theirs := Delivery(other, s.transportOf())
	theirs.UserID = out.users[0]
	must(t, s.Insert(t.Context(), other, []delivery.Delivery{theirs}))
	return out
}

func lists(t *testing.T, s suite) {
	sh := s.fill(t)
	pick := func(places ...int) []delivery.Delivery {
		out := []delivery.Delivery{}
		for _, p := range places {
			out = append(out, sh.all[p])
		}
		return out
	}
	for name, c := range map[string]struct {
		filter delivery.Filter
		want   []delivery.Delivery
	}{
		"all":                    {delivery.Filter{}, sh.all},
		"source":                 {delivery.Filter{SourceID: sh.message.Source.ID}, pick(0, 1)},
		"source and types":       {delivery.Filter{SourceID: sh.alert.Source.ID, Sources: []string{"alert", "alert-resolved"}}, pick(2, 3, 4)},
		"types":                  {delivery.Filter{Sources: []string{delivery.SourceMessage}}, pick(0, 1)},
		"source of another type": {delivery.Filter{SourceID: sh.alert.Source.ID, Sources: []string{"message"}}, pick()},
		"user":                   {delivery.Filter{UserID: sh.users[0]}, pick(1, 4)},
		"individual":             {delivery.Filter{IndividualID: sh.individual, IndividualUser: sh.users[0]}, pick(1, 4)},
		"individual alone":       {delivery.Filter{IndividualID: sh.individual}, pick(1)},
		"only":                   {delivery.Filter{Only: &delivery.People{Users: sh.users[1:2], Individuals: []id.ID{sh.individual}}}, pick(1, 3)},
		"only nobody":            {delivery.Filter{Only: &delivery.People{}}, pick()},
		"transport":              {delivery.Filter{Transport: transport.Email}, pick(0, 1)},
		"failed":                 {delivery.Filter{State: delivery.Failed}, pick(3)},
		"state":                  {delivery.Filter{State: delivery.Queued, Transport: s.transportOf()}, pick(2, 4)},
		"everything":             {delivery.Filter{UserID: sh.users[0], State: delivery.Queued, Transport: transport.Email, SourceID: sh.message.Source.ID}, pick(1)},
	} {
		c.filter.OrganizationID = s.org
		got, contents, err := s.List(t.Context(), c.filter, page.Offset{Limit: 10})
		must(t, err)
		same(t, name, got.Items, c.want)
		same(t, name+": total", got.Total, len(c.want))
		for _, d := range got.Items {
			if contents[d.ContentID].ID != d.ContentID {
				t.Errorf("%s: the content of %v is missing", name, d.ID)
			}
		}
	}
	got, _, err := s.List(t.Context(), delivery.Filter{OrganizationID: s.org}, page.Offset{Limit: 2, Offset: 1})
	must(t, err)
	same(t, "a page", got.Items, pick(1, 2))
	same(t, "its total", got.Total, 5)
	got, _, err = s.List(t.Context(), delivery.Filter{OrganizationID: id.New()}, page.Offset{Limit: 2})
	must(t, err)
	same(t, "of nobody", got, page.List[delivery.Delivery]{Items: []delivery.Delivery{}})
}

func readsSource(t *testing.T, s suite) {
	sh := s.fill(t)
	again := Content(s.org, sh.alert.Source)
	later := Delivery(again, s.transportOf())
	must(t, s.Insert(t.Context(), again, []delivery.Delivery{later}))
	got, err := s.OfSource(t.Context(), s.org, sh.alert.Source)
	must(t, err)
	same(t, "in the order of enqueueing", got, []delivery.Delivery{sh.all[4], sh.all[3], sh.all[2], later})
	for _, other := range []delivery.Source{{Type: "message", ID: sh.alert.Source.ID}, {Type: "alert", ID: id.New()}} {
		got, err := s.OfSource(t.Context(), s.org, other)
		must(t, err)
		same(t, "of another source", got, []delivery.Delivery{})
	}
}

func readsStates(t *testing.T, s suite) {
	sh := s.fill(t)
	got, err := s.States(t.Context(), s.org, "alert", []id.ID{sh.alert.Source.ID, sh.message.Source.ID, id.New()})
	must(t, err)
	if len(got) != 1 {
		t.Errorf("states of %d sources, want 1", len(got))
	}
	list := got[sh.alert.Source.ID]
	slices.SortFunc(list, func(a, b delivery.Delivery) int { return cmp.Compare(a.State, b.State) })
	same(t, "each once", list, []delivery.Delivery{
		{Transport: s.transportOf(), State: delivery.Failed, Reason: reason.GaveUp}, {Transport: s.transportOf(), State: delivery.Queued},
	})
	got, err = s.States(t.Context(), id.New(), "alert", []id.ID{sh.alert.Source.ID})
	must(t, err)
	same(t, "of another organization", got, map[id.ID][]delivery.Delivery{})
}

func readsWaiting(t *testing.T, s suite) {
	sh := s.fill(t)
	for source, want := range map[string][]delivery.Delivery{
		delivery.SourceMessage: {sh.all[1], sh.all[0]},
		"alert":                {sh.all[4], sh.all[2]}, // the one between them has failed
		"digest":               {},
	} {
		list, contents, err := s.Waiting(t.Context(), s.org, source)
		must(t, err)
		same(t, source, list, want)
		for _, d := range list {
			if contents[d.ContentID].Source.Type != source {
				t.Errorf("%s: a content of %+v", source, contents[d.ContentID].Source)
			}
		}
	}
}

func readsWaitingFor(t *testing.T, s suite) {
	sh := s.fill(t)
	waits, sent, old, arrived := sh.all[1], Delivery(sh.message, transport.SMS), Delivery(sh.message, transport.SMS), Delivery(sh.message, transport.SMS)
	again := sh.message
	again.ID = id.New()
	more := []*delivery.Delivery{&sent, &old, &arrived}
	for i, d := range more {
		d.ContentID, d.IndividualID = again.ID, sh.individual
		d.State, d.DueAt, d.SentAt = delivery.Sent, time.Time{}, Noon.Add(-time.Duration(i)*time.Hour)
	}
	arrived.State, arrived.SentAt = delivery.Delivered, Noon
	must(t, s.Insert(t.Context(), again, []delivery.Delivery{sent, old, arrived}))
	for _, d := range more {
		must(t, s.Advance(t.Context(), *d, ""))
	}
	for name, test := range map[string]struct {
		organization id.ID
		to           delivery.People
		want         []delivery.Delivery
	}{
		"to an individual":           {s.org, delivery.People{Individuals: []id.ID{sh.individual, id.New()}}, []delivery.Delivery{waits, sent}},
		"to a user":                  {s.org, delivery.People{Users: []id.ID{sh.users[0]}}, []delivery.Delivery{sh.all[4], waits}},
		"to both, each once":         {s.org, delivery.People{Individuals: []id.ID{sh.individual}, Users: []id.ID{sh.users[0]}}, []delivery.Delivery{sh.all[4], waits, sent}},
		"to whom it failed":          {s.org, delivery.People{Users: []id.ID{sh.users[1]}}, []delivery.Delivery{}},
		"to nobody":                  {s.org, delivery.People{}, []delivery.Delivery{}},
		"of an unknown organization": {id.New(), delivery.People{Individuals: []id.ID{sh.individual}}, []delivery.Delivery{}},
	} {
		list, contents, err := s.WaitingFor(t.Context(), test.organization, test.to, Noon)
		must(t, err)
		same(t, name, list, test.want)
		for _, d := range list {
			if contents[d.ContentID].ID != d.ContentID {
				t.Errorf("%s: a content of %+v", name, contents[d.ContentID])
			}
		}
	}
}

func forgoes(t *testing.T, s suite) {
	_, list := s.enqueue(t, 3)
	c, _ := s.begin(t, Noon)
	ids := c.IDs()
	must(t, s.Forgo(t.Context(), ids[:1], reason.ReadElsewhere))
	must(t, s.Forgo(t.Context(), ids[:2], reason.NotSubscribed))
	held, err := s.Leased(t.Context(), c.Lease, ids)
	must(t, err)
	same(t, "leased", held, map[id.ID]reason.Reason{ids[0]: reason.ReadElsewhere, ids[1]: reason.NotSubscribed, ids[2]: ""})
	for i := range list {
		d := s.get(t, ids[i])
		d.State, d.DueAt = delivery.Queued, Noon
		must(t, s.Save(t.Context(), c.Lease, []delivery.Delivery{d}))
		if got := s.get(t, d.ID); got.Withdrawn != held[d.ID] {
			t.Errorf("saved, it is withdrawn for %q, want %q", got.Withdrawn, held[d.ID])
		}
		must(t, s.Advance(t.Context(), d, ""))
		if got := s.get(t, d.ID); got.Withdrawn != held[d.ID] {
			t.Errorf("advanced, it is withdrawn for %q, want %q", got.Withdrawn, held[d.ID])
		}
	}
}
