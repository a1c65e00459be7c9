package directorydb

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

const individualColumns = `id, organization_id, owner_id, owner_type, account_type, first_name, last_name, preferred_name,
	birth_date, avatar_url, external_id, verified, created_at, modified_at`

func scanIndividual(r db.Row) (directory.Individual, error) {
	var i directory.Individual
	err := r.Scan(&i.ID, &i.OrganizationID, &i.OwnerID, (*string)(&i.OwnerType), (*string)(&i.AccountType), &i.FirstName, &i.LastName,
		&i.PreferredName, &i.BirthDate, &i.AvatarURL, &i.ExternalID, &i.Verified, &i.CreatedAt, &i.ModifiedAt)
	return i, err
}

// InsertIndividual implements directory.Store.
func (s *Store) InsertIndividual(ctx context.Context, i directory.Individual) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into individuals ("+individualColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)",
		i.ID, i.OrganizationID, i.OwnerID, string(i.OwnerType), string(i.AccountType), i.FirstName, i.LastName,
		i.PreferredName, i.BirthDate, i.AvatarURL, i.ExternalID, i.Verified, i.CreatedAt, i.ModifiedAt)
	if err != nil {
		return as(err, directory.SecondProvider, "the user has a provider individual already")
	}
	if err := s.addWords(ctx, i.OrganizationID, kindIndividual, i.ID, i.FirstName, i.LastName, i.PreferredName); err != nil {
		return err
	}
	return s.tally(ctx, i.OrganizationID, kindIndividual, i.ID, 1)
}

// InsertIndividuals stores many individuals at once, of one organization and none of them a second provider of its user. It
// costs a fixed number of statements for each few hundred. Errors may come with the commit.
func (s *Store) InsertIndividuals(ctx context.Context, organization id.ID, list []directory.Individual) error {
	rows := make([][]any, len(list))
	var words [][]any
	var counts [shards]int
	for n, i := range list {
		rows[n] = []any{
			i.ID, i.OrganizationID, i.OwnerID, string(i.OwnerType), string(i.AccountType), i.FirstName, i.LastName,
			i.PreferredName, i.BirthDate, i.AvatarURL, i.ExternalID, i.Verified, i.CreatedAt, i.ModifiedAt,
		}
		words = append(words, wordRows(organization, kindIndividual, i.ID, i.FirstName, i.LastName, i.PreferredName)...)
		counts[shard(i.ID)]++
	}
	if err := db.InsertMany(ctx, s.db, "individuals ("+individualColumns+")", rows, ""); err != nil {
		return err
	}
	if err := db.InsertMany(ctx, s.db, wordColumns, words, ""); err != nil {
		return err
	}
	return s.tallyShards(ctx, organization, kindIndividual, counts)
}

// UpdateIndividual implements directory.Store.
func (s *Store) UpdateIndividual(ctx context.Context, i directory.Individual) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update individuals set owner_id = $3, owner_type = $4, account_type = $5, first_name = $6,
		last_name = $7, preferred_name = $8, birth_date = $9, avatar_url = $10, external_id = $11, verified = $12, modified_at = $13
		where id = $1 and organization_id = $2 and deleted_at is null`,
		i.ID, i.OrganizationID, i.OwnerID, string(i.OwnerType), string(i.AccountType), i.FirstName, i.LastName,
		i.PreferredName, i.BirthDate, i.AvatarURL, i.ExternalID, i.Verified, i.ModifiedAt)
	if err := must(n, err, "individual"); err != nil {
		return as(err, directory.SecondProvider, "the user has a provider individual already")
	}
	return s.index(ctx, i.OrganizationID, kindIndividual, i.ID, i.FirstName, i.LastName, i.PreferredName)
}

// DeleteIndividual implements directory.Store.
func (s *Store) DeleteIndividual(ctx context.Context, organization, individual id.ID, at time.Time) ([]directory.Membership, error) {
	q := s.db.Q(ctx)
	n, err := q.Exec(ctx, "update individuals set deleted_at = $3 where id = $1 and organization_id = $2 and deleted_at is null",
		individual, organization, at)
	if err := must(n, err, "individual"); err != nil {
		return nil, err
	}
	had, err := s.FindMemberships(ctx, organization, []id.ID{individual})
	if err != nil {
		return nil, err
	}
	for _, query := range []string{
		"delete from individual_group_members where individual_id = $1",
		"delete from individual_photos where individual_id = $1",
	} {
		if err := q.Defer(ctx, query, individual); err != nil {
			return nil, err
		}
	}
	if err := s.unindex(ctx, individual); err != nil {
		return nil, err
	}
	return had, s.tally(ctx, organization, kindIndividual, individual, -1)
}

// LockIndividuals implements directory.Store.
func (s *Store) LockIndividuals(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]directory.Individual, error) {
	return s.individuals(ctx, organization, individuals, " order by id"+s.db.ForUpdate())
}

// FindIndividuals implements directory.Store.
func (s *Store) FindIndividuals(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]directory.Individual, error) {
	return s.individuals(ctx, organization, individuals, "")
}

func (s *Store) individuals(ctx context.Context, org id.ID, ids []id.ID, tail string) (map[id.ID]directory.Individual, error) {
	out := make(map[id.ID]directory.Individual, len(ids))
	err := find(ctx, s, org, ids, scanIndividual, "select "+individualColumns+" from individuals", tail,
		func(i directory.Individual) { out[i.ID] = i })
	return out, err
}

// FindIndividualsEver implements directory.Store.
func (s *Store) FindIndividualsEver(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]directory.Individual, error) {
	out, err := s.individuals(ctx, organization, individuals, "")
	if err != nil || len(out) == len(individuals) {
		return out, err
	}
	gone := slices.DeleteFunc(slices.Clone(individuals), func(i id.ID) bool { _, here := out[i]; return here })
	err = db.Chunks(gone, chunk, func(part []id.ID) error {
		var w db.Where
		w.And("organization_id = "+living, organization)
		w.Raw("id in (" + db.List(&w.Args, part) + ")")
		w.Raw("deleted_at is not null")
		return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
			i := directory.Individual{OrganizationID: organization}
			err := r.Scan(&i.ID, (*string)(&i.AccountType), &i.FirstName, &i.LastName, &i.PreferredName)
			out[i.ID] = i
			return err
		}, "select id, account_type, first_name, last_name, preferred_name from individuals"+w.String(), w.Args...)
	})
	return out, err
}

// FindIndividualsOfUsers implements directory.Store.
func (s *Store) FindIndividualsOfUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID][]directory.Individual, error) {
	out := make(map[id.ID][]directory.Individual, len(users))
	err := db.Chunks(users, chunk, func(users []id.ID) error {
		var w db.Where
		w.Raw("owner_id in (" + db.List(&w.Args, users) + ")")
		w.Raw("owner_type = 'user'")
		w.And("organization_id = "+living, organization)
		w.Raw("deleted_at is null")
		// In the order of their index: by id alone SQLite would walk the list of the whole organization.
		found, err := db.All(ctx, s.db.Q(ctx), scanIndividual, "select "+individualColumns+" from individuals"+w.String()+" order by owner_id, id", w.Args...)
		for _, i := range found {
			out[i.OwnerID] = append(out[i.OwnerID], i)
		}
		return err
	})
	return out, err
}

// ListIndividuals implements directory.Store.
func (s *Store) ListIndividuals(ctx context.Context, f directory.IndividualFilter, p page.Offset) (page.List[directory.Individual], error) {
	l := listOf("individuals", individualColumns, kindIndividual, f.OrganizationID)
	if f.Name != "" {
		l.named(f.OrganizationID, f.Name)
	}
	if !f.GroupID.IsZero() {
		l.and("t.id in (select individual_id from individual_group_members where group_id = %s and organization_id = %s)",
			f.GroupID, f.OrganizationID)
	}
	if !f.UserID.IsZero() {
		l.and("t.owner_type = 'user' and t.owner_id = %s", f.UserID)
	}
	l.visible(f.OrganizationID, f.Only, f.GroupsOf)
	return read(ctx, s, l, f.OrganizationID, p, scanIndividual)
}

// visible narrows a list of individuals to some and to those who share a group with others; two nils leave it alone.
func (l *list) visible(org id.ID, only, groupsOf []id.ID) {
	if only == nil && groupsOf == nil {
		return
	}
	l.whole = false
	// One set, not an "or": the rows are then found by their keys, however long the list is.
	l.where.Raw("t.id in (select own.id from individuals own where own.id in (" + db.List(&l.where.Args, only) + ") union " +
		sharing(&l.where.Args, org, groupsOf) + ")")
}

// sharing selects the individuals who stand in a group together with one of some, these included.
func sharing(args *db.Args, org id.ID, with []id.ID) string {
	return "select them.individual_id from individual_group_members them where them.organization_id = " + of(args.Add(org)) +
		" and them.group_id in (select us.group_id from individual_group_members us where us.individual_id in (" + db.List(args, with) + "))"
}

// SharesGroup implements directory.Store.
func (s *Store) SharesGroup(ctx context.Context, organization id.ID, individuals []id.ID, other id.ID) (bool, error) {
	var args db.Args
	query := sharing(&args, organization, individuals) + " and them.individual_id = " + args.Add(other)
	_, found, err := db.Find(ctx, s.db.Q(ctx), db.Scalar[id.ID], query+" limit 1", args...)
	return found, err
}
