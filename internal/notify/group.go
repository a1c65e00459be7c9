package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/reason"
)

// Group tells these people of these topics at these sites, unless it is muted.
type Group struct {
	ID, OrganizationID id.ID
	ScheduleID         id.ID
	Name               string // 1 to 100 characters
	Mute               Mute
	Topics             []id.ID // at most 20; none of them subscribes to nothing
	// AllSites covers every site, also those to come; Sites is empty then. A group that lost its last site has neither:
	// it covers none until it is written again.
	AllSites    bool
	Sites       []id.ID      // at most 800
	Notifiables []Notifiable // at most 200, each once
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Mute says when a group keeps silent. The names read the other way round: they name when it delivers.
type Mute string

// The mutes.
const (
	MuteScheduleActive   Mute = "schedule-active"   // delivers while the schedule is active, is mute while it is not
	MuteScheduleInactive Mute = "schedule-inactive" // delivers while the schedule is inactive, is mute while it is active
	MuteNever            Mute = "never"             // always delivers
	MuteAlways           Mute = "always"            // never delivers
)

// Mutes lists them.
func Mutes() []Mute {
	return []Mute{MuteScheduleActive, MuteScheduleInactive, MuteNever, MuteAlways}
}

// silence returns reason.OK when the group delivers, and otherwise why it does not.
func (m Mute) silence(scheduleActive bool) reason.Reason {
	switch {
	case m == MuteAlways:
		return reason.MutedAlways
	case m == MuteScheduleActive && !scheduleActive, m == MuteScheduleInactive && scheduleActive:
		return reason.MutedBySchedule
	}
	return reason.OK
}

// subscribes tells whether the group is about a topic.
func (g Group) subscribes(topic id.ID) bool { return slices.Contains(g.Topics, topic) }

// covers tells whether the group is about a site.
func (g Group) covers(site id.ID) bool { return g.AllSites || slices.Contains(g.Sites, site) }

// CoversNone tells whether the group is about no site at all, because the last one that it named was deleted.
func (g Group) CoversNone() bool { return !g.AllSites && len(g.Sites) == 0 }

// GroupParams is all of a group that can be said. No sites are every site, unless CoversNone says otherwise.
type GroupParams struct {
	Name        string
	ScheduleID  id.ID
	Mute        Mute
	Topics      []id.ID
	Sites       []id.ID
	Notifiables []Notifiable
	// CoversNone says what no Sites mean: none when it is true, every site when it is false. It must be given in an update of
	// a group that covers none, where nobody could know what is meant. With Sites it is passed over.
	CoversNone *bool
}

// Limits of a group.
const (
	MaxGroupTopics      = 20
	MaxGroupSites       = 800
	MaxGroupNotifiables = 200
	maxGroupName        = 100
)

// ListGroups returns the groups of the organization, newest first, without the users and sites that take no part any
// more.
func (s *Service) ListGroups(ctx context.Context) ([]Group, error) {
	a, err := mayRead(ctx, scopeGroups)
	if err != nil {
		return nil, err
	}
	groups, err := s.store.ListGroups(ctx, a.OrganizationID)
	if err != nil {
		return nil, err
	}
	return groups, s.dropAbsent(ctx, a.OrganizationID, groups)
}

// GetGroup returns one, as ListGroups does. NotFound: there is none.
func (s *Service) GetGroup(ctx context.Context, group id.ID) (Group, error) {
	a, err := mayRead(ctx, scopeGroups)
	if err != nil {
		return Group{}, err
	}
	g, err := s.store.GetGroup(ctx, a.OrganizationID, group)
	if err != nil {
		return Group{}, err
	}
	groups := []Group{g}
	err = s.dropAbsent(ctx, a.OrganizationID, groups)
	return groups[0], err
}

// CreateGroup adds a group. Invalid: a value is wrong, or names what does not exist or a user who is not active.
func (s *Service) CreateGroup(ctx context.Context, p GroupParams) (Group, error) {
	a, err := mayWrite(ctx, scopeGroups)
	if err != nil {
		return Group{}, err
	}
	if err := s.checkGroup(ctx, a.OrganizationID, &p, nil); err != nil {
		return Group{}, err
	}
	now := s.now()
	g := p.group(Group{ID: id.New(), OrganizationID: a.OrganizationID, CreatedAt: now}, now)
	return g, s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.InsertGroup(ctx, g); err != nil {
			return err
		}
		return s.events.Record(ctx, groupChange("notify.group.created", g))
	})
}

// UpdateGroup replaces the whole group. NotFound; Invalid as CreateGroup, and when the group covers no site and p names none
// and does not say what that means: whoever writes back what was read must not widen the group to every site.
func (s *Service) UpdateGroup(ctx context.Context, group id.ID, p GroupParams) (Group, error) {
	a, err := mayWrite(ctx, scopeGroups)
	if err != nil {
		return Group{}, err
	}
	before, err := s.store.GetGroup(ctx, a.OrganizationID, group)
	if err != nil {
		return Group{}, err
	}
	if err := s.checkGroup(ctx, a.OrganizationID, &p, &before); err != nil {
		return Group{}, err
	}
	g := p.group(before, s.now())
	return g, s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.UpdateGroup(ctx, g); err != nil {
			return err
		}
		c := groupChange("notify.group.updated", g)
		c.Before = before
		return s.events.Record(ctx, c)
	})
}

// DeleteGroup deletes a group for good. What it decided about past alerts stays. NotFound: there is none.
func (s *Service) DeleteGroup(ctx context.Context, group id.ID) error {
	a, err := mayWrite(ctx, scopeGroups)
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		before, err := s.store.GetGroup(ctx, a.OrganizationID, group)
		if err != nil {
			return err
		}
		if err := s.store.DeleteGroup(ctx, a.OrganizationID, group); err != nil {
			return err
		}
		c := groupChange("notify.group.deleted", before)
		c.Before, c.After = before, nil
		return s.events.Record(ctx, c)
	})
}

// group returns base with everything in p.
func (p GroupParams) group(base Group, now time.Time) Group {
	base.Name, base.ScheduleID, base.Mute = p.Name, p.ScheduleID, p.Mute
	base.Topics, base.Sites = p.Topics, p.Sites
	base.AllSites = len(p.Sites) == 0 && (p.CoversNone == nil || !*p.CoversNone)
	base.Notifiables, base.UpdatedAt = p.Notifiables, now
	return base
}

// checkGroup gathers all that is wrong with p, whose name it trims. before is what p replaces, if anything.
func (s *Service) checkGroup(ctx context.Context, organization id.ID, p *GroupParams, before *Group) error {
	p.Name = strings.TrimSpace(p.Name)
	var f errs.Fields
	f.Text("name", p.Name, 1, maxGroupName)
	errs.OneOf(&f, "mute", p.Mute, Mutes()...)
	if err := s.checkSchedule(ctx, organization, p.ScheduleID, &f); err != nil {
		return err
	}
	if err := s.checkTopics(ctx, organization, p.Topics, &f); err != nil {
		return err
	}
	if err := s.checkSites(ctx, organization, p.Sites, &f); err != nil {
		return err
	}
	if err := s.checkWidening(ctx, *p, before, &f); err != nil {
		return err
	}
	if err := s.checkNotifiables(ctx, organization, p.Notifiables, &f); err != nil {
		return err
	}
	return f.Err()
}

func (s *Service) checkSchedule(ctx context.Context, organization, sched id.ID, f *errs.Fields) error {
	if sched.IsZero() {
		f.Require("schedule_id")
		return nil
	}
	_, err := s.store.GetSchedule(ctx, organization, sched)
	if errs.Is(err, errs.CodeNotFound) {
		f.Add("schedule_id", "is not a schedule of this organization")
		return nil
	}
	return err
}

func (s *Service) checkTopics(ctx context.Context, organization id.ID, topics []id.ID, f *errs.Fields) error {
	if !checkList(f, "topics", topics, MaxGroupTopics) {
		return nil
	}
	list, err := s.topics(ctx, organization)
	if err != nil {
		return err
	}
	known := map[id.ID]bool{}
	for _, t := range list {
		known[t.ID] = true
	}
	for i, t := range topics {
		if !known[t] {
			f.Add(fmt.Sprintf("topics[%d]", i), "is not a topic of this organization")
		}
	}
	return nil
}

func (s *Service) checkSites(ctx context.Context, organization id.ID, sites []id.ID, f *errs.Fields) error {
	if !checkList(f, "sites", sites, MaxGroupSites) {
		return nil
	}
	known, err := s.directory.Sites(ctx, organization, sites)
	if err != nil {
		return err
	}
	for i, site := range sites {
		if _, ok := known[site]; !ok {
			f.Add(fmt.Sprintf("sites[%d]", i), "is not a site of this organization")
		}
	}
	return nil
}

// checkWidening refuses to make a group that covers none cover every site without a word.
func (s *Service) checkWidening(ctx context.Context, p GroupParams, before *Group, f *errs.Fields) error {
	if before == nil || before.AllSites || len(p.Sites) > 0 || p.CoversNone != nil {
		return nil
	}
	left := []Group{*before}
	left[0].Sites = slices.Clone(before.Sites)
	if err := s.dropAbsent(ctx, before.OrganizationID, left); err != nil {
		return err
	}
	if left[0].CoversNone() {
		f.Add("sites", "must name a site: the last one of this group was deleted, and it covers none; "+
			"for every site give covers_no_site as false, to leave it so as true")
	}
	return nil
}

func (s *Service) checkNotifiables(ctx context.Context, organization id.ID, list []Notifiable, f *errs.Fields) error {
	if !checkList(f, "notifiables", list, MaxGroupNotifiables) {
		return nil
	}
	users, err := s.directory.Users(ctx, organization, usersOf(list))
	if err != nil {
		return err
	}
	for i, n := range list {
		path := fmt.Sprintf("notifiables[%d]", i)
		errs.OneOf(f, path+".channel", n.Channel, Channels()...)
		switch u, known := users[n.UserID]; {
		case !known:
			f.Add(path+".id", "is not a user of this organization")
		case !u.Active():
			f.Add(path+".id", "is a user who is not active")
		}
	}
	return nil
}

// checkList records a list that is too long, and what stands in it twice. It returns false when there is nothing more to
// look at.
func checkList[T comparable](f *errs.Fields, path string, list []T, most int) bool {
	if len(list) > most {
		f.Add(path, "must have at most %d elements", most)
		return false
	}
	seen := make(map[T]bool, len(list))
	for i, v := range list {
		if seen[v] {
			f.Add(fmt.Sprintf("%s[%d]", path, i), "is given more than once")
		}
		seen[v] = true
	}
	return len(list) > 0
}

// usersOf returns each user of the notifiables once.
func usersOf(lists ...[]Notifiable) []id.ID {
	var out []id.ID
	seen := map[id.ID]bool{}
	for _, list := range lists {
		for _, n := range list {
			if !seen[n.UserID] {
				seen[n.UserID] = true
				out = append(out, n.UserID)
			}
		}
	}
	return out
}

// dropAbsent takes users who are not active, and sites that are gone, out of groups that are about to be answered. The
// Cleaner removes deleted ones for good; until it has, this keeps them out of sight.
func (s *Service) dropAbsent(ctx context.Context, organization id.ID, groups []Group) error {
	var notifiables [][]Notifiable
	var sites []id.ID
	seen := map[id.ID]bool{}
	for _, g := range groups {
		notifiables = append(notifiables, g.Notifiables)
		for _, site := range g.Sites {
			if !seen[site] {
				seen[site] = true
				sites = append(sites, site)
			}
		}
	}
	active, err := s.activeUsers(ctx, organization, usersOf(notifiables...))
	if err != nil {
		return err
	}
	known := map[id.ID]directory.Site{}
	if len(sites) > 0 {
		if known, err = s.directory.Sites(ctx, organization, sites); err != nil {
			return err
		}
	}
	for i := range groups {
		groups[i].Notifiables = slices.DeleteFunc(groups[i].Notifiables, func(n Notifiable) bool { return !active[n.UserID] })
		groups[i].Sites = slices.DeleteFunc(groups[i].Sites, func(site id.ID) bool { return known[site].ID.IsZero() })
	}
	return nil
}

// activeUsers returns true for those users to whom something may be delivered.
func (s *Service) activeUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]bool, error) {
	if len(users) == 0 {
		return nil, nil
	}
	return s.directory.ActiveUsers(ctx, organization, users)
}

func groupChange(what string, g Group) event.Change {
	return event.Change{
		OrganizationID: g.OrganizationID, Type: what, Subject: g.ID, After: g,
		Data: map[string]any{"group-id": g.ID, "name": g.Name},
	}
}
