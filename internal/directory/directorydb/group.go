package directorydb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

const groupColumns = `id, organization_id, parent_id, name, description, avatar_url, archived_at, last_sync_at, created_at, modified_at`

func scanGroup(r db.Row) (directory.Group, error) {
	var g directory.Group
	err := r.Scan(&g.ID, &g.OrganizationID, &g.ParentID, &g.Name, &g.Description, &g.AvatarURL, &g.ArchivedAt, &g.LastSyncAt,
		&g.CreatedAt, &g.ModifiedAt)
	return g, err
}

// InsertGroup implements directory.Store.
func (s *Store) InsertGroup(ctx context.Context, g directory.Group) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into individual_groups ("+groupColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)",
		g.ID, g.OrganizationID, g.ParentID, g.Name, g.Description, g.AvatarURL, g.ArchivedAt, g.LastSyncAt, g.CreatedAt, g.ModifiedAt)
	if err != nil {
		return err
	}
	members := make([]directory.Membership, 0, len(g.LeaderIDs)+len(g.IndividualIDs))
	for _, i := range g.LeaderIDs {
		members = append(members, directory.Membership{GroupID: g.ID, IndividualID: i, Leader: true})
	}
	for _, i := range g.IndividualIDs {
		members = append(members, directory.Membership{GroupID: g.ID, IndividualID: i})
	}
	if err := s.SetMembers(ctx, g.OrganizationID, g.ID, members, nil); err != nil {
		return err
	}
	if err := s.addWords(ctx, g.OrganizationID, kindGroup, g.ID, g.Name); err != nil {
		return err
	}
	return s.tally(ctx, g.OrganizationID, kindGroup, g.ID, 1)
}

// UpdateGroup implements directory.Store.
func (s *Store) UpdateGroup(ctx context.Context, g directory.Group) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update individual_groups set parent_id = $3, name = $4, description = $5, avatar_url = $6,
		archived_at = $7, last_sync_at = $8, modified_at = $9 where id = $1 and organization_id = $2 and deleted_at is null`,
		g.ID, g.OrganizationID, g.ParentID, g.Name, g.Description, g.AvatarURL, g.ArchivedAt, g.LastSyncAt, g.ModifiedAt)
	if err := must(n, err, "individual-group"); err != nil {
		return err
	}
	return s.index(ctx, g.OrganizationID, kindGroup, g.ID, g.Name)
}

// SetMembers implements directory.Store.
func (s *Store) SetMembers(ctx context.Context, organization, group id.ID, add []directory.Membership, remove []id.ID) error {
	err := db.Chunks(remove, chunk, func(part []id.ID) error {
		var args db.Args
		query := "delete from individual_group_members where group_id = " + args.Add(group) + " and organization_id = " +
			args.Add(organization) + " and individual_id in (" + db.List(&args, part) + ")"
		return s.db.Q(ctx).Defer(ctx, query, args...)
	})
	if err != nil {
		return err
	}
	rows := make([][]any, len(add))
	for i, m := range add {
		rows[i] = []any{group, m.IndividualID, organization, m.Leader}
	}
	return db.InsertMany(ctx, s.db, "individual_group_members (group_id, individual_id, organization_id, leader)", rows,
		"on conflict (group_id, individual_id) do update set leader = excluded.leader")
}

// DeleteGroup implements directory.Store.
func (s *Store) DeleteGroup(ctx context.Context, organization, group id.ID, at time.Time) error {
	q := s.db.Q(ctx)
	n, err := q.Exec(ctx, "update individual_groups set deleted_at = $3, parent_id = null where id = $1 and organization_id = $2 and deleted_at is null",
		group, organization, at)
	if err := must(n, err, "individual-group"); err != nil {
		return err
	}
	for _, query := range []string{
		"update individual_groups set parent_id = null where parent_id = $1",
		"delete from individual_group_members where group_id = $1",
	} {
		if err := q.Defer(ctx, query, group); err != nil {
			return err
		}
	}
	if err := s.unindex(ctx, group); err != nil {
		return err
	}
	return s.tally(ctx, organization, kindGroup, group, -1)
}

// LockGroup implements directory.Store.
func (s *Store) LockGroup(ctx context.Context, organization, group id.ID) (directory.Group, error) {
	g, err := db.Get(ctx, s.db.Q(ctx), scanGroup, "select "+groupColumns+
		" from individual_groups where id = $1 and organization_id = "+of("$2")+" and deleted_at is null"+s.db.ForUpdate(), group, organization)
	if err != nil {
		return g, must(1, err, "individual-group")
	}
	groups := []directory.Group{g}
	err = s.addMembers(ctx, groups)
	return groups[0], err
}

// LockGroups implements directory.Store.
func (s *Store) LockGroups(ctx context.Context, organization id.ID, groups []id.ID) ([]directory.Group, error) {
	var out []directory.Group
	err := find(ctx, s, organization, groups, scanGroupHead, "select "+groupColumns+" from individual_groups", " order by id"+s.db.ForUpdate(),
		func(g directory.Group) { out = append(out, g) })
	return out, err
}

// FindGroups implements directory.Store.
func (s *Store) FindGroups(ctx context.Context, organization id.ID, groups []id.ID) (map[id.ID]directory.Group, error) {
	var found []directory.Group
	err := find(ctx, s, organization, groups, scanGroup, "select "+groupColumns+" from individual_groups", "",
		func(g directory.Group) { found = append(found, g) })
	if err != nil {
		return nil, err
	}
	if err := s.addMembers(ctx, found); err != nil {
		return nil, err
	}
	out := make(map[id.ID]directory.Group, len(found))
	for _, g := range found {
		out[g.ID] = g
	}
	return out, nil
}

// addMembers fills in who is in the groups.
func (s *Store) addMembers(ctx context.Context, groups []directory.Group) error {
	at := make(map[id.ID]*directory.Group, len(groups))
	ids := make([]id.ID, len(groups))
	for i := range groups {
		groups[i].LeaderIDs, groups[i].IndividualIDs = []id.ID{}, []id.ID{}
		at[groups[i].ID], ids[i] = &groups[i], groups[i].ID
	}
	return db.Chunks(ids, chunk, func(ids []id.ID) error {
		var args db.Args
		query := "select group_id, individual_id, leader from individual_group_members where group_id in (" + db.List(&args, ids) +
			") order by group_id, individual_id"
		return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
			m, err := scanMembership(r)
			if err != nil {
				return err
			}
			g := at[m.GroupID]
			if m.Leader {
				g.LeaderIDs = append(g.LeaderIDs, m.IndividualID)
			} else {
				g.IndividualIDs = append(g.IndividualIDs, m.IndividualID)
			}
			return nil
		}, query, args...)
	})
}

func scanMembership(r db.Row) (directory.Membership, error) {
	var m directory.Membership
	err := r.Scan(&m.GroupID, &m.IndividualID, &m.Leader)
	return m, err
}

// FindMemberships implements directory.Store.
func (s *Store) FindMemberships(ctx context.Context, organization id.ID, individuals []id.ID) ([]directory.Membership, error) {
	var out []directory.Membership
	err := db.Chunks(individuals, chunk, func(part []id.ID) error {
		var args db.Args
		query := "select group_id, individual_id, leader from individual_group_members where individual_id in (" + db.List(&args, part) +
			") and organization_id = " + of(args.Add(organization)) + " order by individual_id, group_id"
		found, err := db.All(ctx, s.db.Q(ctx), scanMembership, query, args...)
		out = append(out, found...)
		return err
	})
	return out, err
}

// Leads implements directory.Store.
func (s *Store) Leads(ctx context.Context, organization, group id.ID, individuals []id.ID) (bool, error) {
	var args db.Args
	query := "select 1 from individual_group_members where group_id = " + args.Add(group) + " and organization_id = " + of(args.Add(organization)) +
		" and leader and individual_id in (" + db.List(&args, individuals) + ") and " + inUse("group_id") + " limit 1"
	_, found, err := db.Find(ctx, s.db.Q(ctx), db.Scalar[int64], query, args...)
	return found, err
}

// inUse holds where a column names a group that is not archived.
func inUse(column string) string {
	return "exists (select 1 from individual_groups g where g.id = " + column + " and g.archived_at is null)"
}

// LeadsIndividual implements directory.Store.
func (s *Store) LeadsIndividual(ctx context.Context, organization id.ID, leaders []id.ID, individual id.ID) (bool, error) {
	var args db.Args
	query := `select 1 from individual_group_members them where not them.leader and them.individual_id = ` + args.Add(individual) +
		` and them.organization_id = ` + of(args.Add(organization)) + ` and exists (select 1 from individual_group_members us
		where us.group_id = them.group_id and us.leader and us.individual_id in (` + db.List(&args, leaders) + `)) and ` + inUse("them.group_id") + ` limit 1`
	_, found, err := db.Find(ctx, s.db.Q(ctx), db.Scalar[int64], query, args...)
	return found, err
}

// ListGroups implements directory.Store.
func (s *Store) ListGroups(ctx context.Context, f directory.GroupFilter, p page.Offset) (page.List[directory.Group], error) {
	out, err := read(ctx, s, groupList(f), f.OrganizationID, p, scanGroup)
	if err != nil {
		return out, err
	}
	return out, s.addMembers(ctx, out.Items)
}

// TurnGroups implements directory.Store.
func (s *Store) TurnGroups(ctx context.Context, f directory.GroupFilter, p page.Cursor) (page.List[directory.Group], error) {
	out, err := turn(ctx, s, groupList(f), p, scanGroup)
	if err != nil {
		return out, err
	}
	return out, s.addMembers(ctx, out.Items)
}

func groupList(f directory.GroupFilter) *list {
	l := listOf("individual_groups", groupColumns, kindGroup, f.OrganizationID)
	if f.Name != "" {
		l.named(f.OrganizationID, f.Name)
	}
	switch {
	case f.Archived == nil:
	case *f.Archived:
		l.and("t.archived_at is not null")
	default:
		l.and("t.archived_at is null")
	}
	if !f.With.IsZero() {
		l.and("t.id in (select group_id from individual_group_members where individual_id = %s)", f.With)
	}
	if f.Of != nil {
		l.whole = false
		l.where.Raw("t.id in (select group_id from individual_group_members where individual_id in (" + db.List(&l.where.Args, f.Of) + "))")
	}
	return l
}
