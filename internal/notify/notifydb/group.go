package notifydb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
)

const groupColumns = "id, organization_id, schedule_id, name, mute, all_sites, created_at, updated_at"

func scanGroup(r db.Row) (g notify.Group, err error) {
	return g, r.Scan(&g.ID, &g.OrganizationID, &g.ScheduleID, &g.Name, (*string)(&g.Mute), &g.AllSites, &g.CreatedAt, &g.UpdatedAt)
}

// InsertGroup implements notify.Store.
func (s *Store) InsertGroup(ctx context.Context, g notify.Group) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		err := s.db.Q(ctx).Defer(ctx, "insert into notify_groups ("+groupColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8)",
			g.ID, g.OrganizationID, g.ScheduleID, g.Name, string(g.Mute), g.AllSites, g.CreatedAt, g.UpdatedAt)
		if err != nil {
			return err
		}
		return s.insertLists(ctx, g)
	})
}

// UpdateGroup implements notify.Store. The group's own row comes first: its lock keeps two updates from mixing their
// lists.
func (s *Store) UpdateGroup(ctx context.Context, g notify.Group) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		q := s.db.Q(ctx)
		n, err := q.Exec(ctx, `update notify_groups set schedule_id = $3, name = $4, mute = $5, all_sites = $6, updated_at = $7
			where id = $1 and organization_id = $2`, g.ID, g.OrganizationID, g.ScheduleID, g.Name, string(g.Mute), g.AllSites, g.UpdatedAt)
		if err := changed(n, err, "notification group"); err != nil {
			return err
		}
		for _, query := range []string{
			"delete from notify_group_topics where group_id = $1",
			"delete from notify_group_sites where group_id = $1",
			"delete from notify_group_notifiables where group_id = $1",
		} {
			if err := q.Defer(ctx, query, g.ID); err != nil {
				return err
			}
		}
		return s.insertLists(ctx, g)
	})
}

func (s *Store) insertLists(ctx context.Context, g notify.Group) error {
	topics, sites, people := make([][]any, len(g.Topics)), make([][]any, len(g.Sites)), make([][]any, len(g.Notifiables))
	for i, t := range g.Topics {
		topics[i] = []any{g.ID, t, g.OrganizationID, i, g.AllSites}
	}
	for i, site := range g.Sites {
		sites[i] = []any{g.ID, site, g.OrganizationID, i}
	}
	for i, n := range g.Notifiables {
		people[i] = []any{g.ID, n.UserID, string(n.Channel), g.OrganizationID, i}
	}
	err := db.InsertMany(ctx, s.db, "notify_group_topics (group_id, topic_id, organization_id, position, all_sites)", topics, "")
	if err != nil {
		return err
	}
	if err := db.InsertMany(ctx, s.db, "notify_group_sites (group_id, site_id, organization_id, position)", sites, ""); err != nil {
		return err
	}
	return db.InsertMany(ctx, s.db, "notify_group_notifiables (group_id, user_id, channel, organization_id, position)", people, "")
}

// DeleteGroup implements notify.Store.
func (s *Store) DeleteGroup(ctx context.Context, organization, group id.ID) error {
	n, err := s.db.Q(ctx).Exec(ctx, "delete from notify_groups where id = $1 and organization_id = $2", group, organization)
	return changed(n, err, "notification group")
}

// GetGroup implements notify.Store.
func (s *Store) GetGroup(ctx context.Context, organization, group id.ID) (notify.Group, error) {
	groups, err := s.groups(ctx, "organization_id = $1 and id = $2", organization, group)
	if err != nil {
		return notify.Group{}, err
	}
	if len(groups) == 0 {
		return notify.Group{}, errs.MissingRecord("notification group")
	}
	return groups[0], nil
}

// ListGroups implements notify.Store.
func (s *Store) ListGroups(ctx context.Context, organization id.ID) ([]notify.Group, error) {
	return s.groups(ctx, "organization_id = $1", organization)
}

// groups returns the groups for which a condition on notify_groups holds, with their lists.
func (s *Store) groups(ctx context.Context, where string, args ...any) ([]notify.Group, error) {
	q := s.db.Q(ctx)
	groups, err := db.All(ctx, q, scanGroup, "select "+groupColumns+" from notify_groups where "+where+" order by id desc", args...)
	if err != nil || len(groups) == 0 {
		return groups, err
	}
	at := make(map[id.ID]*notify.Group, len(groups))
	for i := range groups {
		at[groups[i].ID] = &groups[i]
	}
	theirs := " where group_id in (select id from notify_groups where " + where + ") order by group_id, position"
	err = q.Query(ctx, func(r db.Row) error {
		return scanMember(r, at, func(g *notify.Group, topic id.ID) { g.Topics = append(g.Topics, topic) })
	}, "select group_id, topic_id from notify_group_topics"+theirs, args...)
	if err != nil {
		return nil, err
	}
	err = q.Query(ctx, func(r db.Row) error {
		return scanMember(r, at, func(g *notify.Group, site id.ID) { g.Sites = append(g.Sites, site) })
	}, "select group_id, site_id from notify_group_sites"+theirs, args...)
	if err != nil {
		return nil, err
	}
	err = q.Query(ctx, func(r db.Row) error {
		var n notify.Notifiable
		return scanMember(r, at, func(g *notify.Group, user id.ID) {
			n.UserID = user
			g.Notifiables = append(g.Notifiables, n)
		}, (*string)(&n.Channel))
	}, "select group_id, user_id, channel from notify_group_notifiables"+theirs, args...)
	return groups, err
}

// scanMember hands one row of a list to its group; a group that came after the groups were read is passed over.
func scanMember(r db.Row, groups map[id.ID]*notify.Group, add func(*notify.Group, id.ID), more ...any) error {
	var group, member id.ID
	if err := r.Scan(append([]any{&group, &member}, more...)...); err != nil {
		return err
	}
	if g := groups[group]; g != nil {
		add(g, member)
	}
	return nil
}

// matching finds groups from two sides, both by an index: the groups of the topic that cover every site, and the groups of
// the site that have the topic. No group is on both, because one that covers every site has no sites. Everything is read
// by one statement, so that a group is seen as it was at one moment.
const matching = `with matched as (
		select t.group_id from notify_group_topics t where t.topic_id = $2 and t.all_sites = true and t.organization_id = $1
		union all
		select s.group_id from notify_group_sites s join notify_group_topics t on t.group_id = s.group_id and t.topic_id = $2
		where s.site_id = $3 and s.organization_id = $1
	)
	select g.id, g.organization_id, g.schedule_id, g.name, g.mute, g.all_sites, g.created_at, g.updated_at,
		n.user_id, coalesce(n.channel, '')
	from matched m join notify_groups g on g.id = m.group_id
	left join notify_group_notifiables n on n.group_id = g.id
	order by g.id, n.position`

// ListMatchingGroups implements notify.Store.
func (s *Store) ListMatchingGroups(ctx context.Context, organization, topic, site id.ID) ([]notify.Group, error) {
	var groups []notify.Group
	err := s.db.Q(ctx).Query(ctx, func(r db.Row) error {
		var (
			g notify.Group
			n notify.Notifiable
		)
		err := r.Scan(&g.ID, &g.OrganizationID, &g.ScheduleID, &g.Name, (*string)(&g.Mute), &g.AllSites, &g.CreatedAt, &g.UpdatedAt,
			&n.UserID, (*string)(&n.Channel))
		if err != nil {
			return err
		}
		if last := len(groups) - 1; last < 0 || groups[last].ID != g.ID {
			g.Topics = []id.ID{topic}
			if !g.AllSites {
				g.Sites = []id.ID{site}
			}
			groups = append(groups, g)
		}
		if !n.UserID.IsZero() {
			last := &groups[len(groups)-1]
			last.Notifiables = append(last.Notifiables, n)
		}
		return nil
	}, matching, organization, topic, site)
	return groups, err
}

// RemoveUser implements notify.Store.
func (s *Store) RemoveUser(ctx context.Context, organization, user id.ID, at time.Time) ([]id.ID, error) {
	return s.remove(ctx, "notify_group_notifiables where user_id", organization, user, at)
}

// RemoveSite implements notify.Store.
func (s *Store) RemoveSite(ctx context.Context, organization, site id.ID, at time.Time) ([]id.ID, error) {
	return s.remove(ctx, "notify_group_sites where site_id", organization, site, at)
}

// remove deletes rows of a list and touches the groups that they belonged to. The groups are touched first, which is the
// order in which UpdateGroup takes its locks.
func (s *Store) remove(ctx context.Context, rows string, organization, what id.ID, at time.Time) ([]id.ID, error) {
	var groups []id.ID
	err := s.db.Do(ctx, func(ctx context.Context) (err error) {
		q := s.db.Q(ctx)
		groups, err = db.All(ctx, q, db.Scalar[id.ID], `update notify_groups set updated_at = $3 where organization_id = $1 and id in
			(select group_id from `+rows+` = $2) returning id`, organization, what, at)
		if err != nil {
			return err
		}
		return q.Defer(ctx, "delete from "+rows+" = $1 and organization_id = $2", what, organization)
	})
	return groups, err
}
