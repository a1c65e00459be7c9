package replication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/id"
)

// errDry undoes what a dry run did to see what it would do.
var errDry = errors.New("a dry run stores nothing")

// takeGroup takes in what a source says of a group, and returns what came of it. done is called in the transaction that
// stores it.
func (s *Service) takeGroup(ctx context.Context, src source, t Team, done func(context.Context, verdict) error) error {
	var v verdict
	err := s.tx.Do(ctx, func(ctx context.Context) (err error) {
		if v, err = s.group(ctx, src, t); err != nil {
			return err
		}
		if src.dry {
			return errDry
		}
		return done(ctx, v)
	})
	if errors.Is(err, errDry) {
		return done(ctx, v)
	}
	if out, problems, about := problemsOf(err); about && !errors.Is(err, errLost) {
		v = verdict{outcome: out, problems: problems}
		return s.tx.Do(ctx, func(ctx context.Context) error { return done(ctx, v) })
	}
	return err
}

func (s *Service) group(ctx context.Context, src source, t Team) (verdict, error) {
	links, err := s.store.FindLinks(ctx, src.org.ID, src.name, Groups, []string{t.ExternalID})
	if err != nil {
		return verdict{}, err
	}
	link, linked := links[t.ExternalID]
	if !linked && !t.Deleted {
		if err := s.unpurged(ctx, src.org.ID, src.name, Groups, t.ExternalID); err != nil {
			return verdict{}, err
		}
	}
	heads, err := s.people.GroupHeads(ctx, src.org.ID, []id.ID{link.RecordID})
	head, exists := heads[link.RecordID]
	switch {
	case err != nil:
		return verdict{}, err
	case t.Deleted && !exists:
		return verdict{}, nil
	case linked && !exists:
		return refusal(conflict, "external-id", "the group of this external id was deleted here; it is not made again").verdict, nil
	case t.Deleted:
		return s.buryGroup(ctx, src, link, head)
	case !linked && src.adopt:
		if head, err = s.adoptable(ctx, src, t); err != nil {
			return verdict{}, err
		}
	}
	v, err := s.keepGroup(ctx, src, t, link, head)
	if !linked && !head.ID.IsZero() {
		v.outcome = adopted
	}
	return v, err
}

// adoptable returns the group of a name that is new to the source, if there is exactly one and the source has not linked it.
func (s *Service) adoptable(ctx context.Context, src source, t Team) (directory.Group, error) {
	named, err := s.people.GroupsNamed(ctx, src.org.ID, value(t.Name), 2)
	if err != nil || len(named) != 1 {
		return directory.Group{}, err
	}
	taken, err := s.store.FindLinksOf(ctx, src.org.ID, src.name, []id.ID{named[0].ID})
	if len(taken) > 0 {
		return directory.Group{}, err
	}
	return named[0], err
}

func (s *Service) buryGroup(ctx context.Context, src source, link Link, head directory.Group) (verdict, error) {
	t := said[Team](link)
	if src.deletes {
		return verdict{outcome: tombstoned}, errors.Join(s.people.DeleteGroup(ctx, head.ID), s.store.DeleteLink(ctx, src.org.ID, src.name, head.ID))
	}
	if t.Deleted && head.Archived() {
		return verdict{}, nil
	}
	t.Deleted = true
	now := s.now()
	if _, _, err := s.people.AmendGroup(ctx, head.ID, directory.GroupEdit{ArchivedAt: &now}, directory.MemberEdit{}); err != nil {
		return verdict{}, err
	}
	return verdict{outcome: tombstoned}, s.store.PutLink(ctx, s.saying(link, t))
}

// keepGroup makes a group, or brings it in step.
func (s *Service) keepGroup(ctx context.Context, src source, t Team, link Link, head directory.Group) (v verdict, err error) {
	before := said[Team](link)
	edit := directory.GroupEdit{Name: t.Name, Description: kept(t.Description, before.Description)}
	if before.Deleted {
		edit.ArchivedAt = new(time.Time)
	}
	if edit.ParentID, err = s.parent(ctx, src, t, before, head, &v); err != nil {
		return v, err
	}
	members, err := s.members(ctx, src, t, before, head, &v)
	if err != nil {
		return v, err
	}
	if head.ID.IsZero() {
		v.outcome = created
		g, err := s.people.CreateSyncedGroup(ctx, edit)
		if err != nil {
			return v, err
		}
		head = g
		if _, _, err := s.people.AmendGroup(ctx, g.ID, directory.GroupEdit{}, members); err != nil {
			return v, err
		}
	} else {
		_, changed, err := s.people.AmendGroup(ctx, head.ID, edit, members)
		if err != nil {
			return v, err
		}
		if changed {
			v.outcome = updated
		}
	}
	if link.RecordID.IsZero() {
		link = Link{RecordID: head.ID, OrganizationID: src.org.ID, Source: src.name, Kind: Groups, ExternalID: t.ExternalID}
	}
	next := s.saying(link, t)
	if bytes.Equal(next.Document, link.Document) {
		return v, nil
	}
	return v, s.store.PutLink(ctx, next)
}

// kept is a text that is taken back only if it was given before.
func kept(now, before *string) *string {
	if now != nil && *now == "" && value(before) == "" {
		return nil
	}
	return now
}

// parent returns the group to nest under, where that is another than the present one; nil for no change. One that is not
// known is a problem, which the next poll may solve.
func (s *Service) parent(ctx context.Context, src source, t, before Team, head directory.Group, v *verdict) (*id.ID, error) {
	named := kept(t.Parent, before.Parent)
	if named == nil {
		return nil, nil //nolint:nilnil // nil is no change
	}
	var parent id.ID
	if *named != "" {
		links, err := s.store.FindLinks(ctx, src.org.ID, src.name, Groups, []string{*named})
		if err != nil {
			return nil, err
		}
		l, ok := links[*named]
		if !ok {
			s.unresolved(src, v, "parent", *named)
			return nil, nil //nolint:nilnil // as above
		}
		parent = l.RecordID
	}
	if parent == head.ParentID {
		return nil, nil //nolint:nilnil // as above
	}
	return &parent, nil
}

// unresolved notes a name that stands for no record. A dry run has not made the records before this one.
func (s *Service) unresolved(src source, v *verdict, field, name string) {
	if !src.dry {
		v.problems = append(v.problems, Problem{Field: field, Message: fmt.Sprintf("no record of this source has the external id %q yet", name)})
	}
}

// members returns who comes and goes: those who are named now and not in the group come, those who were named before and are
// not now go. Whom the source never named stays.
func (s *Service) members(ctx context.Context, src source, t, before Team, head directory.Group, v *verdict) (directory.MemberEdit, error) {
	var e directory.MemberEdit
	if t.Members == nil {
		return e, nil
	}
	var gone []string
	named := make(map[string]bool, len(*t.Members))
	for _, m := range *t.Members {
		named[m] = true
	}
	if before.Members != nil {
		for _, m := range *before.Members {
			if !named[m] {
				gone = append(gone, m)
			}
		}
	}
	coming, unknown, err := s.individuals(ctx, src, *t.Members)
	if err != nil {
		return e, err
	}
	for _, m := range unknown {
		s.unresolved(src, v, "members", m)
	}
	if e.Remove, _, err = s.individuals(ctx, src, gone); err != nil {
		return e, err
	}
	places, err := s.people.Places(ctx, src.org.ID, head.ID, coming)
	for _, i := range coming {
		if _, in := places[i]; !in {
			e.Add = append(e.Add, i)
		}
	}
	return e, err
}

// individuals returns the primary individuals of users by their external ids, and the ids of whom there is none.
func (s *Service) individuals(ctx context.Context, src source, externalIDs []string) (found []id.ID, unknown []string, err error) {
	links, err := s.store.FindLinks(ctx, src.org.ID, src.name, Users, externalIDs)
	if err != nil {
		return nil, nil, err
	}
	records := make([]id.ID, 0, len(links))
	for _, l := range links {
		records = append(records, l.RecordID)
	}
	users, err := s.people.Users(ctx, src.org.ID, records)
	for _, name := range externalIDs {
		if u, ok := users[links[name].RecordID]; ok && !u.PrimaryIndividualID.IsZero() {
			found = append(found, u.PrimaryIndividualID)
		} else {
			unknown = append(unknown, name)
		}
	}
	return found, unknown, err
}
