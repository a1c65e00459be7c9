package replication

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// source is who speaks, and how it is listened to.
type source struct {
	org     directory.Organization
	name    string
	adopt   bool // whether records that exist are taken for those that it names for the first time
	deletes bool // whether a tombstone deletes; otherwise it archives
	dry     bool // whether it is only counted what would be done
}

// known is what is there already of the people that a batch is about.
type known struct {
	links   map[string]Link
	purged  map[string]bool // of the external ids without a link
	users   map[id.ID]directory.User
	persons map[id.ID]directory.Individual // primary ones, by their own identifier
	byName  map[string]directory.User
	byEmail map[string][]directory.User
	theirs  map[id.ID]Link // the source's links to the users of byName and byEmail
}

// lookUp reads all that the planning of a batch needs, in a fixed number of queries.
func (s *Service) lookUp(ctx context.Context, src source, people []Person) (known, error) {
	var (
		k               known
		external, names []string
		emails          []string
	)
	for _, p := range people {
		external = append(external, p.ExternalID)
	}
	links, err := s.store.FindLinks(ctx, src.org.ID, src.name, Users, external)
	if err != nil {
		return k, err
	}
	k.links = links
	for _, p := range people {
		if _, linked := links[p.ExternalID]; !linked && !p.Deleted {
			names, emails = append(names, value(p.Username)), append(emails, value(p.Email))
		}
	}
	if err := s.candidates(ctx, src, &k, names, emails); err != nil {
		return k, err
	}
	unlinked := slices.DeleteFunc(external, func(e string) bool { _, linked := links[e]; return linked })
	if k.purged, err = s.purgedAmong(ctx, src.org.ID, src.name, Users, unlinked); err != nil {
		return k, err
	}
	var users, individuals []id.ID
	for _, l := range links {
		users = append(users, l.RecordID)
	}
	if k.users, err = s.people.Users(ctx, src.org.ID, users); err != nil {
		return k, err
	}
	for u := range k.all() {
		individuals = append(individuals, u.PrimaryIndividualID)
	}
	k.persons, err = s.people.Individuals(ctx, src.org.ID, slices.DeleteFunc(individuals, id.ID.IsZero))
	return k, err
}

// candidates reads who might be meant by names that are new.
func (s *Service) candidates(ctx context.Context, src source, k *known, names, emails []string) (err error) {
	if len(names) == 0 {
		return nil
	}
	if k.byName, err = s.people.UsersNamed(ctx, src.org.ID, names); err != nil {
		return err
	}
	if src.adopt {
		if k.byEmail, err = s.people.UsersWithEmail(ctx, src.org.ID, emails); err != nil {
			return err
		}
	}
	var users []id.ID
	for u := range k.all() {
		users = append(users, u.ID)
	}
	k.theirs, err = s.store.FindLinksOf(ctx, src.org.ID, src.name, users)
	return err
}

// all ranges over every user that was read.
func (k known) all() func(func(directory.User) bool) {
	return func(yield func(directory.User) bool) {
		for _, u := range k.users {
			if !yield(u) {
				return
			}
		}
		for _, u := range k.byName {
			if !yield(u) {
				return
			}
		}
		for _, list := range k.byEmail {
			for _, u := range list {
				if !yield(u) {
					return
				}
			}
		}
	}
}

// step is what is to be done about one person.
type step struct {
	verdict
	link   Link             // as it is to be; nothing is stored when it is zero
	user   id.ID            // zero: to be made
	change directory.Synced // nothing is changed for unchanged
}

func refusal(o outcome, field, message string) step {
	return step{verdict: verdict{outcome: o, problems: []Problem{{Field: field, Message: message}}}}
}

// plan decides about one person. It changes nothing.
func (s *Service) plan(src source, k known, p Person) step {
	link, linked := k.links[p.ExternalID]
	u, exists := k.users[link.RecordID]
	switch {
	case !linked && p.Deleted:
		return step{} // never came here
	case k.purged[p.ExternalID]:
		return refusal(conflict, "external-id", purgedHere)
	case !linked:
		return s.planNew(src, k, p)
	case !exists && p.Deleted:
		return step{}
	case !exists:
		return refusal(conflict, "external-id", "the user of this external id was deleted here; it is not made again")
	case p.Deleted:
		return s.planTombstone(src, link, u)
	}
	return s.planChange(src, k, p, link, u)
}

// planNew looks for somebody to adopt, or makes a new user.
func (s *Service) planNew(src source, k known, p Person) step {
	u, problem := k.match(p, src.adopt)
	if problem != "" {
		return refusal(conflict, "username", problem)
	}
	link := Link{RecordID: u.ID, OrganizationID: src.org.ID, Source: src.name, Kind: Users, ExternalID: p.ExternalID}
	if !u.ID.IsZero() {
		st := s.planChange(src, k, p, link, u)
		if st.outcome == updated || st.outcome == unchanged {
			st.outcome = adopted
		}
		return st
	}
	change := p.over(Person{}).synced()
	change.Person.ExternalID = &p.ExternalID
	if _, problems, bad := problemsOf(s.people.CheckSynced(src.org, change)); bad {
		return step{verdict: verdict{outcome: failed, problems: problems}}
	}
	return step{verdict: verdict{outcome: created}, link: s.saying(link, p), change: change}
}

// match returns who is meant by a person that the source names for the first time: nobody, one user, or a problem.
func (k known) match(p Person, adopt bool) (u directory.User, problem string) {
	u, named := k.byName[directory.FoldName(value(p.Username))]
	if !named && adopt && value(p.Email) != "" {
		list := k.byEmail[directory.FoldName(*p.Email)]
		if len(list) > 1 {
			return directory.User{}, "several users have this e-mail address; none of them was adopted"
		}
		if len(list) == 1 {
			u = list[0]
		}
	}
	if u.ID.IsZero() {
		return u, ""
	}
	if l, taken := k.theirs[u.ID]; taken && l.ExternalID != "" {
		return directory.User{}, "the user of this name or address has another external id of this source already"
	}
	if !adopt {
		return directory.User{}, "a user of this name exists already; the setting adopt would take it for this one"
	}
	return u, ""
}

// planTombstone archives or deletes; what is archived already stays as it is.
func (s *Service) planTombstone(src source, link Link, u directory.User) step {
	p := said[Person](link)
	if p.Deleted && u.State == directory.Archived {
		return step{}
	}
	p.Deleted = true
	state := directory.Archived
	return step{
		verdict: verdict{outcome: tombstoned}, user: u.ID, link: s.saying(link, p),
		change: directory.Synced{User: directory.UserEdit{State: &state}},
	}
}

// planChange compares what is said now with what there is.
func (s *Service) planChange(src source, k known, p Person, link Link, u directory.User) step {
	before, i := said[Person](link), k.persons[u.PrimaryIndividualID]
	if before.Deleted && p.State == nil { // it is back
		state := string(directory.Active)
		p.State = &state
	}
	change := p.over(before).synced()
	if p.Unarchived && value(p.State) == string(directory.Active) && u.State != directory.Archived {
		change.User.State = nil
	}
	if i.ExternalID == "" {
		change.Person.ExternalID = &p.ExternalID
	}
	differ, err := s.people.SyncedDifferences(src.org, u, i, change)
	if out, problems, bad := problemsOf(err); bad {
		return step{verdict: verdict{outcome: out, problems: problems}}
	}
	st := step{user: u.ID, change: change}
	if next := s.saying(link, p); !bytes.Equal(next.Document, link.Document) {
		st.link = next
	}
	if len(differ) == 0 {
		return st
	}
	st.outcome = updated
	if edited, err := s.people.SyncedDifferences(src.org, u, i, before.synced()); err == nil {
		st.overwritten = slices.DeleteFunc(edited, func(name string) bool { return !slices.Contains(differ, name) })
	}
	return st
}

// saying is a link with what the source says now. A Person has nothing that JSON cannot hold.
func (s *Service) saying(l Link, v any) Link {
	now := s.now()
	if l.CreatedAt.IsZero() {
		l.CreatedAt = now
	}
	l.SyncedAt = now
	l.Document, _ = encode(v) //nolint:errchkjson // as above
	return l
}

// carryOut does what was planned, in the transaction of ctx.
func (s *Service) carryOut(ctx context.Context, src source, st step) error {
	link := st.link
	switch st.outcome {
	case created:
		u, _, err := s.people.CreateSynced(ctx, st.change)
		if err != nil {
			return err
		}
		link.RecordID = u.ID
	case updated, adopted:
		if _, _, _, err := s.people.AmendSynced(ctx, st.user, st.change); err != nil {
			return err
		}
	case tombstoned:
		if src.deletes {
			return errors.Join(s.people.DeleteUser(ctx, st.user), s.store.DeleteLink(ctx, src.org.ID, src.name, st.user))
		}
		if _, _, _, err := s.people.AmendSynced(ctx, st.user, st.change); err != nil {
			return err
		}
	case unchanged:
	case conflict, failed:
		return nil
	}
	if link.RecordID.IsZero() {
		return nil
	}
	return s.store.PutLink(ctx, link)
}

// takeUsers takes in what a source says of people, no two of them by the same external id, and returns what came of each.
// done is called in the transaction that stores the batch.
func (s *Service) takeUsers(ctx context.Context, src source, people []Person, done func(context.Context, []verdict) error) error {
	steps, err := s.planAll(ctx, src, people)
	if err != nil {
		return err
	}
	verdicts := make([]verdict, len(steps))
	for n, st := range steps {
		verdicts[n] = st.verdict
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		for _, st := range steps {
			if src.dry {
				break
			}
			if err := s.carryOut(ctx, src, st); err != nil {
				return err
			}
		}
		return done(ctx, verdicts)
	})
	if _, _, about := problemsOf(err); !about || errors.Is(err, errLost) {
		return err
	}
	return s.oneByOne(ctx, src, people, done)
}

// oneByOne takes people in each in a transaction of their own: something of the batch had changed since it was planned.
func (s *Service) oneByOne(ctx context.Context, src source, people []Person, done func(context.Context, []verdict) error) error {
	verdicts := make([]verdict, len(people))
	for n, p := range people {
		steps, err := s.planAll(ctx, src, []Person{p})
		if err != nil {
			return err
		}
		verdicts[n] = steps[0].verdict
		err = s.tx.Do(ctx, func(ctx context.Context) error { return s.carryOut(ctx, src, steps[0]) })
		if out, problems, about := problemsOf(err); about {
			verdicts[n] = verdict{outcome: out, problems: problems}
		} else if err != nil {
			return err
		}
	}
	return s.tx.Do(ctx, func(ctx context.Context) error { return done(ctx, verdicts) })
}

func (s *Service) planAll(ctx context.Context, src source, people []Person) ([]step, error) {
	k, err := s.lookUp(ctx, src, people)
	if err != nil {
		return nil, err
	}
	steps := make([]step, len(people))
	names, taken := map[string]bool{}, map[id.ID]bool{}
	for n, p := range people { // two of one batch may mean the same user, who is not there or not linked yet
		steps[n] = s.plan(src, k, p)
		name := directory.FoldName(value(p.Username))
		switch st := steps[n]; {
		case st.outcome == created && names[name], st.outcome == adopted && taken[st.user]:
			steps[n] = refusal(conflict, "username", "another record before this one has this username or address")
		case st.outcome == created:
			names[name] = true
		case st.outcome == adopted:
			taken[st.user] = true
		}
	}
	return steps, nil
}

func asError(err error) (*errs.Error, bool) { return errors.AsType[*errs.Error](err) }
