package deliverydb

import (
	"context"
	"errors"
	"strings"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/delivery"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Get implements delivery.LedgerStore.
func (s *Store) Get(ctx context.Context, organization, wanted id.ID) (delivery.Delivery, delivery.Content, error) {
	d, err := db.Get(ctx, s.q(ctx), scanDelivery,
		"select "+deliveryColumns+" from deliveries d where d.id = $1 and d.organization_id = $2", wanted, organization)
	if errors.Is(err, db.ErrNoRows) {
		return d, delivery.Content{}, errs.MissingRecord("delivery")
	}
	if err != nil {
		return d, delivery.Content{}, err
	}
	contents, err := s.contentsOf(ctx, []delivery.Delivery{d})
	return d, contents[d.ContentID], err
}

// List implements delivery.LedgerStore. The total of an unfiltered list comes from the contents, of which there are far
// fewer; with filters the rows that match are counted, which for a transport or a state alone means all rows of the
// organization, failed ones excepted.
func (s *Store) List(ctx context.Context, f delivery.Filter, p page.Offset) (page.List[delivery.Delivery], map[id.ID]delivery.Content, error) {
	var out page.List[delivery.Delivery]
	w, filtered := where(f)
	count := "select count(*) from deliveries d" + w.String()
	args := []any(w.Args)
	if !filtered {
		count, args = "select cast(coalesce(sum(deliveries), 0) as bigint) from delivery_contents where organization_id = $1", []any{f.OrganizationID}
	}
	total, err := db.Get(ctx, s.q(ctx), db.Scalar[int], count, args...)
	if err != nil {
		return out, nil, err
	}
	query := "select " + deliveryColumns + " from deliveries d" + w.String() +
		" order by d.id desc limit " + w.Args.Add(p.Limit) + " offset " + w.Args.Add(p.Offset)
	out.Items, err = db.All(ctx, s.q(ctx), scanDelivery, query, w.Args...)
	if err != nil {
		return out, nil, err
	}
	out.Total = total
	contents, err := s.contentsOf(ctx, out.Items)
	return out, contents, err
}

// where turns a filter into conditions, and tells whether there is any besides the organization.
func where(f delivery.Filter) (w db.Where, filtered bool) {
	organization := "d.organization_id"
	if !f.SourceID.IsZero() || !f.UserID.IsZero() || !f.IndividualID.IsZero() || f.Only != nil {
		organization = db.Checked(organization) // found by what is rarer
	}
	w.And(organization+" = %s", f.OrganizationID)
	everything := w.String()
	if len(f.Sources) > 0 || !f.SourceID.IsZero() {
		w.Raw("d.content_id in (select c.id from delivery_contents c where " + sources(f, &w.Args) + ")")
	}
	if !f.UserID.IsZero() {
		w.And("d.user_id = %s", f.UserID)
	}
	if !f.IndividualID.IsZero() {
		individuals(&w, []id.ID{f.IndividualID}, []id.ID{f.IndividualUser})
	}
	if f.Only != nil {
		individuals(&w, f.Only.Individuals, f.Only.Users)
	}
	if f.Transport != "" {
		w.And("d.transport = %s", string(f.Transport))
	}
	switch {
	case f.State == delivery.Failed: // literal, so that the index of failed deliveries is found
		w.Raw("d.state = 'failed'")
	case f.State != "":
		w.And("d.state = %s", string(f.State))
	}
	return w, w.String() != everything
}

func sources(f delivery.Filter, args *db.Args) string {
	var conds []string
	if f.SourceID.IsZero() {
		conds = append(conds, "c.organization_id = "+args.Add(f.OrganizationID))
	} else {
		conds = append(conds, db.Checked("c.organization_id")+" = "+args.Add(f.OrganizationID), "c.source_id = "+args.Add(f.SourceID))
	}
	if len(f.Sources) > 0 {
		conds = append(conds, "c.source_type in ("+db.List(args, f.Sources)+")")
	}
	return strings.Join(conds, " and ")
}

// individuals admits deliveries that are addressed to one of the individuals or users.
func individuals(w *db.Where, of, users []id.ID) {
	w.Raw("(d.individual_id in (" + db.List(&w.Args, of) + ") or d.user_id in (" + db.List(&w.Args, users) + "))")
}

// OfSource implements delivery.LedgerStore.
func (s *Store) OfSource(ctx context.Context, organization id.ID, src delivery.Source) ([]delivery.Delivery, error) {
	return db.All(ctx, s.q(ctx), scanDelivery, "select "+deliveryColumns+` from deliveries d join delivery_contents c on c.id = d.content_id
		where c.source_id = $1 and c.source_type = $2 and `+db.Checked("c.organization_id")+` = $3 order by d.id`, src.ID, src.Type, organization)
}

// Waiting implements delivery.LedgerStore.
func (s *Store) Waiting(ctx context.Context, organization id.ID, sourceType string) ([]delivery.Delivery, map[id.ID]delivery.Content, error) {
	var w db.Where
	w.And("d.organization_id = %s", organization)
	w.And("c.source_type = %s", sourceType)
	w.Raw("d.due_at is not null")
	return s.withContents(ctx, " from deliveries d join delivery_contents c on c.id = d.content_id"+w.String(), w.Args)
}

// WaitingFor implements delivery.LedgerStore.
func (s *Store) WaitingFor(ctx context.Context, organization id.ID, p delivery.People, since time.Time) ([]delivery.Delivery, map[id.ID]delivery.Content, error) {
	var w db.Where
	w.And(db.Checked("d.organization_id")+" = %s", organization)
	individuals(&w, p.Individuals, p.Users)
	w.And("(d.due_at is not null or d.state = 'sent' and d.sent_at >= %s)", since)
	return s.withContents(ctx, " from deliveries d"+w.String(), w.Args)
}

// withContents returns the deliveries d of a query in the order in which they were enqueued.
func (s *Store) withContents(ctx context.Context, from string, args []any) ([]delivery.Delivery, map[id.ID]delivery.Content, error) {
	list, err := db.All(ctx, s.q(ctx), scanDelivery, "select "+deliveryColumns+from+" order by d.id", args...)
	if err != nil {
		return nil, nil, err
	}
	contents, err := s.contentsOf(ctx, list)
	return list, contents, err
}

// States implements delivery.LedgerStore.
func (s *Store) States(ctx context.Context, organization id.ID, sourceType string, wanted []id.ID) (map[id.ID][]delivery.Delivery, error) {
	out := map[id.ID][]delivery.Delivery{}
	err := byID(wanted, []any{organization, sourceType}, func(list string, args []any) error {
		return s.q(ctx).Query(ctx, func(r db.Row) error {
			var (
				source id.ID
				d      delivery.Delivery
			)
			err := r.Scan(&source, &d.Transport, &d.State, &d.Reason)
			out[source] = append(out[source], d)
			return err
		}, `select distinct c.source_id, d.transport, d.state, d.reason from delivery_contents c join deliveries d on d.content_id = c.id
			where `+db.Checked("c.organization_id")+` = $1 and c.source_type = $2 and c.source_id in (`+list+`)`, args...)
	})
	return out, err
}

// Attempts implements delivery.LedgerStore.
func (s *Store) Attempts(ctx context.Context, deliveries []id.ID) (map[id.ID][]delivery.Attempt, error) {
	out := map[id.ID][]delivery.Attempt{}
	err := byID(deliveries, nil, func(list string, args []any) error {
		part, err := db.All(ctx, s.q(ctx), scanAttempt, `select delivery_id, id, provider, address, started_at, finished_at, outcome, reason, code,
			provider_id, detail from delivery_attempts where delivery_id in (`+list+`) order by started_at, id`, args...)
		for _, a := range part {
			out[a.DeliveryID] = append(out[a.DeliveryID], a)
		}
		return err
	})
	return out, err
}

func scanAttempt(r db.Row) (a delivery.Attempt, err error) {
	return a, r.Scan(&a.DeliveryID, &a.ID, &a.Provider, &a.Address, &a.StartedAt, &a.FinishedAt, &a.Outcome, &a.Reason, &a.Code,
		&a.ProviderID, &a.Detail)
}

// Callbacks implements delivery.LedgerStore.
func (s *Store) Callbacks(ctx context.Context, wanted id.ID) ([]delivery.Callback, error) {
	return db.All(ctx, s.q(ctx), scanCallback,
		"select "+callbackColumns+" from delivery_callbacks k where k.delivery_id = $1 order by k.id", wanted)
}
