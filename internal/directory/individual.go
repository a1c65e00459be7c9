package directory

import (
	"cmp"
	"context"
	"slices"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// IndividualEdit is what is to change of an individual; nil leaves a value alone, and a pointer to nothing clears it.
type IndividualEdit struct {
	FirstName, LastName, PreferredName *string
	BirthDate                          *string // YYYY-MM-DD
	AvatarURL                          *string
	ExternalID                         *string
	// OwnerID is a user of the organization, or the organization itself, which zero stands for too.
	OwnerID *id.ID
}

// NewIndividual is what an individual is made of.
type NewIndividual struct {
	IndividualEdit
	AccountType AccountType // empty means participant; it never changes
}

// apply changes everything of i but the owner, and checks it.
func (s *Service) applyIndividual(e IndividualEdit, i *Individual) error {
	setTrimmed(&i.FirstName, e.FirstName)
	setTrimmed(&i.LastName, e.LastName)
	setTrimmed(&i.PreferredName, e.PreferredName)
	setTrimmed(&i.BirthDate, e.BirthDate)
	setTrimmed(&i.AvatarURL, e.AvatarURL)
	setTrimmed(&i.ExternalID, e.ExternalID)
	var f errs.Fields
	line(&f, "first_name", i.FirstName, 0, maxName)
	line(&f, "last_name", i.LastName, 0, maxName)
	line(&f, "preferred_name", i.PreferredName, 0, maxName)
	line(&f, "external_id", i.ExternalID, 0, maxName)
	birthDate(&f, "birth_date", i.BirthDate, s.now())
	link(&f, "avatar_url", i.AvatarURL)
	errs.OneOf(&f, "account_type", i.AccountType, AccountTypes()...)
	return f.Err()
}

// CreateIndividual makes an individual. The first one of a user becomes its primary one. SecondProvider. One transaction.
func (s *Service) CreateIndividual(ctx context.Context, n NewIndividual) (Individual, error) {
	a, err := mayWrite(ctx, individualScopes())
	if err != nil {
		return Individual{}, err
	}
	now := s.now()
	i := Individual{
		ID: id.New(), OrganizationID: a.OrganizationID, OwnerID: a.OrganizationID, OwnerType: OwnedByOrganization,
		AccountType: cmp.Or(n.AccountType, Participant), CreatedAt: now, ModifiedAt: now,
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := gather(s.applyIndividual(n.IndividualEdit, &i), s.own(ctx, &i, n.OwnerID)); err != nil {
			return err
		}
		if err := s.insertIndividual(ctx, i); err != nil {
			return err
		}
		return s.joined(ctx, i)
	})
	return i, err
}

func (s *Service) insertIndividual(ctx context.Context, i Individual) error {
	if err := s.store.InsertIndividual(ctx, i); err != nil {
		return blame(err, SecondProvider, "owner_id")
	}
	data := UserEvent{UserID: i.UserID(), IndividualID: i.ID}
	if err := s.record(ctx, i.OrganizationID, EventIndividualCreated, i.ID, data, nil, i.snapshot()); err != nil {
		return err
	}
	return s.share(ctx, sharing{entered: []Sharing{{OrganizationID: i.OrganizationID, IndividualID: i.ID}}})
}

// own gives i an owner. A user is locked, so that it is not deleted meanwhile.
func (s *Service) own(ctx context.Context, i *Individual, owner *id.ID) error {
	if owner == nil {
		return nil
	}
	if owner.IsZero() || *owner == i.OrganizationID {
		i.OwnerID, i.OwnerType = i.OrganizationID, OwnedByOrganization
		return nil
	}
	_, err := s.store.LockUser(ctx, i.OrganizationID, *owner)
	if errs.Is(err, errs.CodeNotFound) {
		return errs.InvalidField("owner_id", "is neither a user of the organization nor the organization")
	}
	i.OwnerID, i.OwnerType = *owner, OwnedByUser
	return err
}

// joined notes that an individual came to its user: who has no primary individual gets this one.
func (s *Service) joined(ctx context.Context, i Individual) error {
	if i.UserID().IsZero() {
		return nil
	}
	old, err := s.store.LockUser(ctx, i.OrganizationID, i.UserID())
	if err != nil {
		return err
	}
	u := old
	if u.PrimaryIndividualID.IsZero() {
		u.PrimaryIndividualID = i.ID
	}
	return s.putUser(ctx, old, &u)
}

// left notes that an individual went from a user: the oldest that remains takes its place.
func (s *Service) left(ctx context.Context, i Individual) error {
	if i.UserID().IsZero() {
		return nil
	}
	old, err := s.store.LockUser(ctx, i.OrganizationID, i.UserID())
	if err != nil {
		return err
	}
	u := old
	if u.PrimaryIndividualID == i.ID {
		owned, err := s.store.FindIndividualsOfUsers(ctx, u.OrganizationID, []id.ID{u.ID})
		if err != nil {
			return err
		}
		u.PrimaryIndividualID = id.Nil
		if rest := owned[u.ID]; len(rest) > 0 {
			u.PrimaryIndividualID = rest[0].ID
		}
	}
	return s.putUser(ctx, old, &u)
}

// UpdateIndividual changes an individual. NotFound, SecondProvider. One transaction.
func (s *Service) UpdateIndividual(ctx context.Context, individual id.ID, e IndividualEdit) (Individual, error) {
	a, err := mayWrite(ctx, individualScopes())
	if err != nil {
		return Individual{}, err
	}
	var i Individual
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.lockIndividual(ctx, a.OrganizationID, individual)
		if err != nil {
			return err
		}
		i = old
		if err := gather(s.applyIndividual(e, &i), s.own(ctx, &i, e.OwnerID)); err != nil {
			return err
		}
		return s.putIndividual(ctx, old, &i)
	})
	return i, err
}

// putIndividual stores a change of an individual, and of the users between whom it moves.
func (s *Service) putIndividual(ctx context.Context, old Individual, i *Individual) error {
	i.ModifiedAt = s.now()
	if err := s.store.UpdateIndividual(ctx, *i); err != nil {
		return blame(err, SecondProvider, "owner_id")
	}
	data := UserEvent{UserID: i.UserID(), IndividualID: i.ID}
	if err := s.record(ctx, i.OrganizationID, EventIndividualUpdated, i.ID, data, old.snapshot(), i.snapshot()); err != nil {
		return err
	}
	if old.OwnerID == i.OwnerID {
		return nil
	}
	if err := s.left(ctx, old); err != nil {
		return err
	}
	return s.joined(ctx, *i)
}

func (s *Service) lockIndividual(ctx context.Context, org, individual id.ID) (Individual, error) {
	found, err := s.store.LockIndividuals(ctx, org, []id.ID{individual})
	if err != nil {
		return Individual{}, err
	}
	i, ok := found[individual]
	if !ok {
		return Individual{}, errs.MissingRecord("individual")
	}
	return i, nil
}

// DeleteIndividual deletes an individual, who leaves its groups. NotFound. One transaction.
func (s *Service) DeleteIndividual(ctx context.Context, individual id.ID) error {
	a, err := mayWrite(ctx, individualScopes())
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		i, err := s.removeIndividual(ctx, a.OrganizationID, individual)
		if err != nil {
			return err
		}
		return s.left(ctx, i)
	})
}

// removeIndividual deletes an individual, tells each group that it left, and returns what it was. The groups are locked
// before the individual, in the order in which changes of groups lock the two: nobody leaves a group twice because it is
// archived or changed meanwhile.
func (s *Service) removeIndividual(ctx context.Context, org, individual id.ID) (Individual, error) {
	had, err := s.store.FindMemberships(ctx, org, []id.ID{individual})
	if err != nil {
		return Individual{}, err
	}
	archived := map[id.ID]bool{}
	if err := s.lockGroups(ctx, org, had, archived); err != nil {
		return Individual{}, err
	}
	i, err := s.lockIndividual(ctx, org, individual)
	if err != nil {
		return i, err
	}
	places, err := s.store.DeleteIndividual(ctx, org, i.ID, s.now())
	if err != nil {
		return i, err
	}
	if err := s.lockGroups(ctx, org, places, archived); err != nil { // of those that it joined while we waited
		return i, err
	}
	gone := sharing{}
	for _, m := range places {
		data := GroupEvent{GroupID: m.GroupID}
		if m.Leader {
			data.LeadersRemoved = []id.ID{i.ID}
		} else {
			data.IndividualsRemoved = []id.ID{i.ID}
		}
		if err := s.record(ctx, org, EventGroupUpdated, m.GroupID, data, data.before(nil), data.after(nil)); err != nil {
			return i, err
		}
		if !archived[m.GroupID] {
			gone.left = append(gone.left, Sharing{OrganizationID: org, IndividualID: i.ID, GroupID: m.GroupID, Leader: m.Leader})
		}
	}
	gone.left = append(gone.left, Sharing{OrganizationID: org, IndividualID: i.ID})
	data := UserEvent{UserID: i.UserID(), IndividualID: i.ID}
	if err := s.record(ctx, org, EventIndividualDeleted, i.ID, data, i.snapshot(), nil); err != nil {
		return i, err
	}
	return i, s.share(ctx, gone)
}

// lockGroups locks the groups of places, but for those that are in archived, and notes there whether each is.
func (s *Service) lockGroups(ctx context.Context, org id.ID, places []Membership, archived map[id.ID]bool) error {
	var ids []id.ID
	for _, m := range places {
		if _, locked := archived[m.GroupID]; !locked {
			ids = append(ids, m.GroupID)
		}
	}
	groups, err := s.store.LockGroups(ctx, org, ordered(ids))
	for _, g := range groups {
		archived[g.ID] = g.Archived()
	}
	return err
}

// GetIndividual returns an individual that the actor may see. NotFound: any other.
func (s *Service) GetIndividual(ctx context.Context, individual id.ID) (Individual, error) {
	v, err := s.mayRead(ctx, individualScopes())
	if err != nil {
		return Individual{}, err
	}
	return s.visibleIndividual(ctx, v, individual)
}

func (s *Service) visibleIndividual(ctx context.Context, v view, individual id.ID) (Individual, error) {
	found, err := s.store.FindIndividuals(ctx, v.organization, []id.ID{individual})
	if err != nil {
		return Individual{}, err
	}
	i, ok := found[individual]
	if ok {
		if ok, err = s.sees(ctx, v, individual); err != nil {
			return Individual{}, err
		}
	}
	if !ok {
		return Individual{}, errs.MissingRecord("individual")
	}
	return v.person(i), nil
}

func (s *Service) sees(ctx context.Context, v view, individual id.ID) (bool, error) {
	if v.everything {
		return true, nil
	}
	if slices.Contains(v.own, individual) {
		return true, nil
	}
	return s.store.SharesGroup(ctx, v.organization, v.own, individual)
}

// IndividualQuery says which individuals to list; what is empty is no matter.
type IndividualQuery struct {
	Name    string // each of its words begins a word of the name
	GroupID id.ID
	UserID  id.ID // those of this user
}

// ListIndividuals returns the individuals that the actor may see, newest first. A group that the actor may not see has nobody.
func (s *Service) ListIndividuals(ctx context.Context, q IndividualQuery, p page.Offset) (page.List[Individual], error) {
	v, err := s.mayRead(ctx, individualScopes())
	if err != nil {
		return page.List[Individual]{}, err
	}
	f := IndividualFilter{OrganizationID: v.organization, Name: q.Name, GroupID: q.GroupID, UserID: q.UserID}
	if !v.everything {
		f.Only, f.GroupsOf = v.own, v.own
	}
	if !v.everything && !q.GroupID.IsZero() {
		// Or the filter would tell who of those in one group with the actor is in another one.
		if _, err := s.visibleGroup(ctx, v, q.GroupID); errs.Is(err, errs.CodeNotFound) {
			return page.List[Individual]{Items: []Individual{}}, nil
		} else if err != nil {
			return page.List[Individual]{}, err
		}
	}
	l, err := s.store.ListIndividuals(ctx, f, p)
	for n, i := range l.Items {
		l.Items[n] = v.person(i)
	}
	return l, err
}
