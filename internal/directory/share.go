package directory

import (
	"context"

	"switchboard/internal/event"
	"switchboard/internal/id"
)

// Sharing is the data of EventIndividualShared and EventIndividualUnshared: an individual entered or left the organization,
// or a group of it.
//
// Each entering and each leaving has exactly one entry, written in the transaction that makes it true, whatever the cause:
// an edit of the group or its end, or the end of the individual. The members of a group that is archived have left it, and
// enter it again when it comes back; in between their places in it may change, and nobody is told. Another owner in the same
// organization is no leaving. When a whole organization is deleted nobody is told, because nobody of it is there to hear.
type Sharing struct {
	OrganizationID id.ID `json:"organization-id"`
	IndividualID   id.ID `json:"individual-id"`
	GroupID        id.ID `json:"individual-group-id"` // null: the organization itself
	Leader         bool  `json:"leader"`
}

// sharing is who enters and who leaves by one act.
type sharing struct{ entered, left []Sharing }

// entering is everybody in a group that is new.
func entering(g Group) sharing { return moving(Group{ArchivedAt: g.CreatedAt}, g) }

// leaving is everybody in a group that ends.
func leaving(g Group) sharing { return sharing{left: places(g)} }

// moving is who enters and leaves when a group changes.
func moving(old, g Group) sharing {
	was, is := places(old), places(g)
	return sharing{entered: lacking(is, was), left: lacking(was, is)}
}

// turning is moving for a group of which only those are known who come and go; the members stay unread unless all of them
// enter or leave with the group.
func (s *Service) turning(ctx context.Context, old, g Group, coming, going []Membership) (sharing, error) {
	if old.Archived() != g.Archived() {
		found, err := s.store.FindGroups(ctx, g.OrganizationID, []id.ID{g.ID})
		if err != nil {
			return sharing{}, err
		}
		all := found[g.ID]
		leaders, individuals := sides(coming)
		leaving, parting := sides(going)
		old.LeaderIDs, old.IndividualIDs = all.LeaderIDs, all.IndividualIDs
		g.LeaderIDs = append(without(all.LeaderIDs, leaving), leaders...)
		g.IndividualIDs = append(without(all.IndividualIDs, parting), individuals...)
		return moving(old, g), nil
	}
	old.LeaderIDs, old.IndividualIDs = sides(going)
	g.LeaderIDs, g.IndividualIDs = sides(coming)
	return moving(old, g), nil
}

// places is who stands in a group; nobody in one that is archived.
func places(g Group) []Sharing {
	if g.Archived() {
		return nil
	}
	out := make([]Sharing, 0, len(g.LeaderIDs)+len(g.IndividualIDs))
	for _, i := range g.LeaderIDs {
		out = append(out, Sharing{g.OrganizationID, i, g.ID, true})
	}
	for _, i := range g.IndividualIDs {
		out = append(out, Sharing{g.OrganizationID, i, g.ID, false})
	}
	return out
}

// lacking returns those of list that others lacks.
func lacking(list, others []Sharing) []Sharing {
	in := make(map[Sharing]bool, len(others))
	for _, o := range others {
		in[o] = true
	}
	var out []Sharing
	for _, one := range list {
		if !in[one] {
			out = append(out, one)
		}
	}
	return out
}

// share appends the entries. They have no rows in the audit of their own: that of the group or the individual says who came
// and went.
func (s *Service) share(ctx context.Context, m sharing) error {
	changes := make([]event.Change, 0, len(m.entered)+len(m.left))
	for _, one := range m.left {
		changes = append(changes, event.Change{
			OrganizationID: one.OrganizationID, Type: EventIndividualUnshared, Subject: one.IndividualID, Data: one,
		})
	}
	for _, one := range m.entered {
		changes = append(changes, event.Change{
			OrganizationID: one.OrganizationID, Type: EventIndividualShared, Subject: one.IndividualID, Data: one,
		})
	}
	return s.events.Append(ctx, changes...)
}
