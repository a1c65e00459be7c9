package directory

import (
	"context"
	"strings"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Contact is a participant who is the primary individual of a user: somebody to write to. Its identifier is the
// individual's.
type Contact struct {
	User       User
	Individual Individual
}

// NewContact is what a contact is made of. Username and Phone are required.
type NewContact struct {
	Username, Phone, DisplayName, AvatarURL string
}

// CreateContact makes a user who is only reached and never signs in, with a participant. DuplicateUsername. One
// transaction.
func (s *Service) CreateContact(ctx context.Context, n NewContact) (Contact, error) {
	a, err := mayWrite(ctx, userScopes())
	if err != nil {
		return Contact{}, err
	}
	person := Individual{AccountType: Participant}
	wrong := s.applyContact(ContactEdit{DisplayName: &n.DisplayName, AvatarURL: &n.AvatarURL}, &person)
	var f errs.Fields
	if strings.TrimSpace(n.Phone) == "" {
		f.Require("phone_number")
	}
	state := NotificationOnly
	edit := UserEdit{Username: &n.Username, Phone: &n.Phone, State: &state}
	var c Contact
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		var err error
		c.User, c.Individual, err = s.addUser(ctx, a, NewUser{UserEdit: edit}, person)
		return gather(renamed(err, "phone", "phone_number"), f.Err(), wrong)
	})
	return c, err
}

// ContactEdit is what is to change of a contact; nil leaves a value alone, and a pointer to nothing clears it.
type ContactEdit struct {
	DisplayName *string // the individual's preferred name
	AvatarURL   *string
}

func (s *Service) applyContact(e ContactEdit, i *Individual) error {
	err := s.applyIndividual(IndividualEdit{PreferredName: e.DisplayName, AvatarURL: e.AvatarURL}, i)
	return renamed(err, "preferred_name", "display_name")
}

// UpdateContact changes a contact. NotFound. One transaction.
func (s *Service) UpdateContact(ctx context.Context, contact id.ID, e ContactEdit) (Contact, error) {
	a, err := mayWrite(ctx, individualScopes())
	if err != nil {
		return Contact{}, err
	}
	var c Contact
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.lockIndividual(ctx, a.OrganizationID, contact)
		if err != nil {
			return err
		}
		if c, err = s.contact(ctx, old); err != nil {
			return err
		}
		if err := s.applyContact(e, &c.Individual); err != nil {
			return err
		}
		return s.putIndividual(ctx, old, &c.Individual)
	})
	return c, err
}

// contact adds the user to an individual. NotFound: it is no contact.
func (s *Service) contact(ctx context.Context, i Individual) (Contact, error) {
	users, err := s.store.FindUsers(ctx, i.OrganizationID, []id.ID{i.UserID()}) // of an individual that is none: nobody
	if err != nil {
		return Contact{}, err
	}
	u, ok := users[i.UserID()]
	if !ok || u.PrimaryIndividualID != i.ID || i.AccountType != Participant {
		return Contact{}, errs.MissingRecord("contact")
	}
	return Contact{User: u, Individual: i}, nil
}

// DeleteContact deletes a contact with its user. NotFound. One transaction.
func (s *Service) DeleteContact(ctx context.Context, contact id.ID) error {
	a, err := mayWrite(ctx, userScopes())
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		found, err := s.store.FindIndividuals(ctx, a.OrganizationID, []id.ID{contact})
		if err != nil {
			return err
		}
		c, err := s.contact(ctx, found[contact])
		if err != nil {
			return err
		}
		return s.removeUser(ctx, a.OrganizationID, c.User.ID)
	})
}

// GetContact returns a contact that the actor may see. NotFound: any other.
func (s *Service) GetContact(ctx context.Context, contact id.ID) (Contact, error) {
	v, err := s.mayRead(ctx, individualScopes())
	if err != nil {
		return Contact{}, err
	}
	i, err := s.visibleIndividual(ctx, v, contact)
	if err != nil {
		return Contact{}, err
	}
	c, err := s.contact(ctx, i)
	c.User = v.shown(c.User)
	return c, err
}

// Contacts returns the individuals, each with its user as far as the actor may see it. Who has no user comes with the zero
// User, of who was deleted there are the names (see IndividualsEver), and providers come too: it is for showing who is in a group or wrote a message that the actor
// was given, and asks for no permission to see the individuals themselves.
func (s *Service) Contacts(ctx context.Context, individuals []id.ID) (map[id.ID]Contact, error) {
	v, err := s.view(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.store.FindIndividualsEver(ctx, v.organization, ordered(individuals))
	if err != nil {
		return nil, err
	}
	var owners []id.ID
	for _, i := range found {
		if u := i.UserID(); !u.IsZero() {
			owners = append(owners, u)
		}
	}
	users, err := s.store.FindUsers(ctx, v.organization, ordered(owners))
	out := make(map[id.ID]Contact, len(found))
	for _, i := range found {
		c := Contact{Individual: i}
		if u, ok := users[i.UserID()]; ok {
			c.User = v.shown(u)
		}
		out[i.ID] = c
	}
	return out, err
}

// ListContacts returns the contacts that the actor may see, newest first. NotFound: the cursor names none of them.
func (s *Service) ListContacts(ctx context.Context, activeOnly bool, p page.Cursor) (page.List[Contact], error) {
	v, err := s.mayRead(ctx, individualScopes())
	if err != nil {
		return page.List[Contact]{}, err
	}
	f := ContactFilter{OrganizationID: v.organization, ActiveOnly: activeOnly}
	if !v.everything {
		f.Only, f.GroupsOf = v.own, v.own
	}
	l, err := s.store.ListContacts(ctx, f, p)
	for n := range l.Items {
		l.Items[n].User = v.shown(l.Items[n].User)
	}
	return l, err
}

// ContactRef names a contact by identifier or, when that is zero, by username.
type ContactRef struct {
	ID       id.ID
	Username string
}

// ResolveContacts returns the individuals that are named, each once. Invalid: one is no participant of the organization;
// path and its index are blamed.
func (s *Service) ResolveContacts(ctx context.Context, organization id.ID, path string, refs []ContactRef) ([]id.ID, error) {
	var ids []id.ID
	var usernames []string
	for _, r := range refs {
		if r.ID.IsZero() {
			usernames = append(usernames, r.Username)
		} else {
			ids = append(ids, r.ID)
		}
	}
	users, err := s.store.FindUsersByName(ctx, organization, usernames)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		ids = append(ids, u.PrimaryIndividualID)
	}
	known, err := s.store.FindIndividuals(ctx, organization, ordered(ids))
	if err != nil {
		return nil, err
	}
	var f errs.Fields
	out := make([]id.ID, len(refs))
	for n, r := range refs {
		if out[n] = r.ID; r.ID.IsZero() {
			out[n] = users[FoldName(r.Username)].PrimaryIndividualID
		}
		if i, ok := known[out[n]]; !ok || i.AccountType != Participant {
			f.Add(at(path, n), "is no contact of the organization")
		}
	}
	return ordered(out), f.Err()
}

// renamed gives a field that is blamed the name that it has in contacts.
func renamed(err error, from, to string) error {
	e, ok := asError(err)
	if !ok {
		return err
	}
	for n := range e.Fields {
		if e.Fields[n].Path == from {
			e.Fields[n].Path = to
		}
	}
	return e
}
