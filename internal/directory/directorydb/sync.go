package directorydb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// FindUsersByEmail implements directory.Store.
func (s *Store) FindUsersByEmail(ctx context.Context, organization id.ID, emails []string) (map[string][]directory.User, error) {
	out := map[string][]directory.User{}
	keys := make([]string, 0, len(emails))
	for _, e := range emails {
		if key := directory.FoldName(e); key != "" {
			keys = append(keys, key)
		}
	}
	err := db.Chunks(keys, chunk, func(keys []string) error {
		var w db.Where
		w.And("organization_id = "+living, organization)
		w.Raw("email_key in (" + db.List(&w.Args, keys) + ")")
		w.Raw("deleted_at is null")
		// In the order of their index: by id alone SQLite would walk the list of the whole organization.
		users, err := db.All(ctx, s.db.Q(ctx), s.scanUser, "select "+userColumns+" from users"+w.String()+" order by email_key, id", w.Args...)
		for _, u := range users {
			key := directory.FoldName(u.Email)
			out[key] = append(out[key], u)
		}
		return err
	})
	return out, err
}

// LockGroupHead implements directory.Store.
func (s *Store) LockGroupHead(ctx context.Context, organization, group id.ID) (directory.Group, error) {
	g, err := db.Get(ctx, s.db.Q(ctx), scanGroupHead, "select "+groupColumns+
		" from individual_groups where id = $1 and organization_id = "+of("$2")+" and deleted_at is null"+s.db.ForUpdate(), group, organization)
	return g, must(1, err, "individual-group")
}

// scanGroupHead leaves the lists of members empty, not nil.
func scanGroupHead(r db.Row) (directory.Group, error) {
	g, err := scanGroup(r)
	g.LeaderIDs, g.IndividualIDs = []id.ID{}, []id.ID{}
	return g, err
}

// FindGroupHeads implements directory.Store.
func (s *Store) FindGroupHeads(ctx context.Context, organization id.ID, groups []id.ID) (map[id.ID]directory.Group, error) {
	out := make(map[id.ID]directory.Group, len(groups))
	err := find(ctx, s, organization, groups, scanGroupHead, "select "+groupColumns+" from individual_groups", "",
		func(g directory.Group) { out[g.ID] = g })
	return out, err
}

// FindGroupsNamed implements directory.Store. The index has lower(name), in each database's own way, and so has the
// condition.
func (s *Store) FindGroupsNamed(ctx context.Context, organization id.ID, name string, limit int) ([]directory.Group, error) {
	return db.All(ctx, s.db.Q(ctx), scanGroupHead, "select "+groupColumns+" from individual_groups where organization_id = "+of("$1")+
		" and lower(name) = lower($2) and deleted_at is null order by id limit $3", organization, name, limit)
}

// FindPlaces implements directory.Store.
func (s *Store) FindPlaces(ctx context.Context, organization, group id.ID, individuals []id.ID) (map[id.ID]directory.Membership, error) {
	out := make(map[id.ID]directory.Membership, len(individuals))
	err := db.Chunks(individuals, chunk, func(part []id.ID) error {
		var args db.Args
		query := "select group_id, individual_id, leader from individual_group_members where group_id = " + args.Add(group) +
			" and organization_id = " + of(args.Add(organization)) + " and individual_id in (" + db.List(&args, part) + ")"
		found, err := db.All(ctx, s.db.Q(ctx), scanMembership, query, args...)
		for _, m := range found {
			out[m.IndividualID] = m
		}
		return err
	})
	return out, err
}

// CountMembers implements directory.Store.
func (s *Store) CountMembers(ctx context.Context, organization id.ID, groups []id.ID, most int) (int, error) {
	total := 0
	err := db.Chunks(groups, chunk, func(part []id.ID) error {
		var args db.Args
		query := "select count(*) from (select 1 from individual_group_members where group_id in (" + db.List(&args, part) +
			") and organization_id = " + of(args.Add(organization)) + " limit " + args.Add(most) + ") as members"
		n, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], query, args...)
		total = min(total+int(n), most)
		return err
	})
	return total, err
}

// WalkUsers implements directory.Store.
func (s *Store) WalkUsers(ctx context.Context, organization id.ID, w directory.Walk) (page.List[directory.User], error) {
	return walk(ctx, s, listOf("users", userColumns, kindUser, organization), organization, w, s.scanUser)
}

// WalkGroups implements directory.Store.
func (s *Store) WalkGroups(ctx context.Context, organization id.ID, w directory.Walk) (page.List[directory.Group], error) {
	return walk(ctx, s, listOf("individual_groups", groupColumns, kindGroup, organization), organization, w, scanGroupHead)
}

// walk returns the records of a list, oldest first.
func walk[T any](ctx context.Context, s *Store, l *list, org id.ID, w directory.Walk, scan func(db.Row) (T, error)) (page.List[T], error) {
	total, err := l.total(ctx, s, org)
	if err != nil || w.Limit <= 0 {
		return page.List[T]{Items: []T{}, Total: total}, err
	}
	if !w.After.IsZero() {
		l.where.And("t.id > %s", w.After)
	}
	args := l.where.Args
	query := "select " + l.columns + l.from() + " order by t.id limit " + args.Add(w.Limit) + " offset " + args.Add(w.Skip)
	items, err := db.All(ctx, s.db.Q(ctx), scan, query, args...)
	return page.List[T]{Items: items, Total: total}, err
}
