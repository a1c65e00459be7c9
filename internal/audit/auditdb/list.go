package auditdb

import (
	"context"
	"strings"

	"switchboard/internal/audit"
	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// where is the conditions of a filter, without the organization and the action.
func where(f audit.Filter) *db.Where {
	w := &db.Where{}
	w.Raw("place is not null")
	for _, c := range []struct {
		column string
		value  id.ID
	}{{"actor_id", f.KeyID}, {"user_id", f.UserID}, {"as_individual_id", f.IndividualID}, {"subject", f.Subject}} {
		if !c.value.IsZero() {
			w.And(c.column+" = %s", c.value)
		}
	}
	if !f.From.IsZero() {
		w.And("at >= %s", f.From)
	}
	if !f.Until.IsZero() {
		w.And("at < %s", f.Until)
	}
	return w
}

// List implements audit.Store.
func (s *Store) List(ctx context.Context, f audit.Filter, p page.Offset) (page.List[audit.Event], error) {
	actions, total, err := s.actions(ctx, f)
	if err != nil || len(actions) == 0 {
		return page.List[audit.Event]{Items: []audit.Event{}}, err
	}
	if f.Action == "" {
		actions = nil
	}
	if f.Named() {
		if total, err = s.count(ctx, f, actions); err != nil {
			return page.List[audit.Event]{}, err
		}
	}
	query, args := listQuery(f, actions, p)
	items, err := db.All(ctx, s.db.Q(ctx), scanEvent, query, args...)
	return page.List[audit.Event]{Items: items, Total: int(total)}, err
}

// actions returns the actions of an organization that begin as f says, and how many rows have them. There are as many as the
// server knows: a hundred or two.
func (s *Store) actions(ctx context.Context, f audit.Filter) (actions []string, total int64, err error) {
	err = s.db.Q(ctx).Query(ctx, func(r db.Row) error {
		var (
			action string
			n      int64
		)
		if err := r.Scan(&action, &n); err != nil {
			return err
		}
		if strings.HasPrefix(action, f.Action) {
			actions = append(actions, action)
			total += n
		}
		return nil
	}, "select action, total from audit_totals where organization_id = $1 order by action", f.OrganizationID)
	return actions, total, err
}

func (s *Store) count(ctx context.Context, f audit.Filter, actions []string) (int64, error) {
	w := where(f)
	w.And("organization_id = %s", f.OrganizationID)
	if actions != nil {
		w.Raw("action in (" + db.List(&w.Args, actions) + ")")
	}
	limit := w.Args.Add(audit.CountLimit)
	return db.Get(ctx, s.db.Q(ctx), db.Scalar[int64],
		"select count(*) from (select 1 from audit"+w.String()+" limit "+limit+") c", w.Args...)
}

const newestFirst = " order by at desc, seq desc"

// listQuery is the page of rows newest first. Of several actions each is read along its own index, no further than the page
// reaches, and merged: along the index of all rows a rare action would be looked for among everything else.
func listQuery(f audit.Filter, actions []string, p page.Offset) (string, []any) {
	w := where(f)
	w.And("organization_id = %s", f.OrganizationID)
	conditions := w.String()
	rows := "select " + columns + " from audit" + conditions
	page := newestFirst + " limit " + w.Args.Add(p.Limit) + " offset " + w.Args.Add(p.Offset)
	if len(actions) == 0 {
		return rows + page, w.Args
	}
	upTo := w.Args.Add(p.Offset + p.Limit)
	var parts []string
	for _, a := range actions {
		parts = append(parts, "select * from ("+rows+" and action = "+w.Args.Add(a)+newestFirst+" limit "+upTo+") a")
	}
	return "select " + columns + " from (" + strings.Join(parts, " union all ") + ") m" + page, w.Args
}
