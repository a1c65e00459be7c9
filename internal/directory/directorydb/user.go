package directorydb

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/vault"
)

// userFields are the columns that are read and written; the keys are written beside them.
const userFields = `id, organization_id, primary_individual_id, username, email, phone, webhook_url, first_name, last_name,
	locale, tz, email_verified, phone_verified, phone_unsubscribed, auto_sign_up, state, sms_mode,
	notifications, preferences, last_sync_at, last_active_at, created_at, modified_at`

// userColumns adds the organization's locale and zone, which are the user's until one is chosen. They are looked up, not
// copied, so that a change of the organization's needs no change of a million users.
const userColumns = userFields + `,
	(select o.locale from organizations o where o.id = organization_id),
	(select o.timezone from organizations o where o.id = organization_id)`

// webhookURL is sealed because the address of a webhook often is the permission to post there.
var webhookURL = vault.Column{Table: "users", Name: "webhook_url", Key: []string{"id"}}

func (s *Store) scanUser(r db.Row) (directory.User, error) {
	var (
		u               directory.User
		locale, tz, url string
	)
	err := r.Scan(
		&u.ID, &u.OrganizationID, &u.PrimaryIndividualID, &u.Username, &u.Email, &u.Phone, &url, &u.FirstName, &u.LastName,
		&u.Locale, &u.TZ, &u.EmailVerified, &u.PhoneVerified, &u.PhoneUnsubscribed, &u.AutoSignUp,
		(*string)(&u.State), (*string)(&u.SMSMode), &db.JSON{V: &u.Notifications}, &db.JSON{V: &u.Preferences},
		&u.LastSyncAt, &u.LastActiveAt, &u.CreatedAt, &u.ModifiedAt, &locale, &tz)
	if err != nil {
		return u, err
	}
	u.LocaleExplicit, u.TZExplicit = u.Locale != "", u.TZ != ""
	u.Locale, u.TZ = cmp.Or(u.Locale, locale), cmp.Or(u.TZ, tz)
	u.WebhookURL, err = s.sealer.Open(webhookURL.At(u.OrganizationID, u.ID.String()), url)
	return u, err
}

// values returns what is stored for userFields and the keys.
func (s *Store) values(u directory.User) ([]any, error) {
	url, err := s.sealer.Seal(webhookURL.At(u.OrganizationID, u.ID.String()), u.WebhookURL)
	if err != nil {
		return nil, err
	}
	if !u.LocaleExplicit {
		u.Locale = ""
	}
	if !u.TZExplicit {
		u.TZ = ""
	}
	return []any{
		u.ID, u.OrganizationID, u.PrimaryIndividualID, u.Username, u.Email, u.Phone, url, u.FirstName, u.LastName,
		u.Locale, u.TZ, u.EmailVerified, u.PhoneVerified, u.PhoneUnsubscribed, u.AutoSignUp,
		string(u.State), string(u.SMSMode),
		db.JSON{V: u.Notifications},
		db.JSON{V: u.Preferences},
		u.LastSyncAt, u.LastActiveAt, u.CreatedAt, u.ModifiedAt, directory.FoldName(u.Username), directory.FoldName(u.Email),
	}, nil
}

// InsertUser implements directory.Store.
func (s *Store) InsertUser(ctx context.Context, u directory.User) error {
	row, err := s.values(u)
	if err != nil {
		return err
	}
	var args db.Args
	_, err = s.db.Q(ctx).Exec(ctx, "insert into users ("+userFields+", username_key, email_key) values ("+
		db.List(&args, row)+")", args...)
	if err != nil {
		return taken(err)
	}
	return s.tally(ctx, u.OrganizationID, kindUser, u.ID, 1)
}

// InsertUsers stores many users of one organization at once, as InsertIndividuals does individuals.
func (s *Store) InsertUsers(ctx context.Context, organization id.ID, list []directory.User) error {
	rows := make([][]any, len(list))
	var counts [shards]int
	for n, u := range list {
		row, err := s.values(u)
		if err != nil {
			return err
		}
		rows[n] = row
		counts[shard(u.ID)]++
	}
	if err := db.InsertMany(ctx, s.db, "users ("+userFields+", username_key, email_key)", rows, ""); err != nil {
		return taken(err)
	}
	return s.tallyShards(ctx, organization, kindUser, counts)
}

// UpdateUser implements directory.Store.
func (s *Store) UpdateUser(ctx context.Context, u directory.User) error {
	row, err := s.values(u)
	if err != nil {
		return err
	}
	n, err := s.db.Q(ctx).Exec(ctx, `update users set primary_individual_id = $3, username = $4, email = $5, phone = $6,
		webhook_url = $7, first_name = $8, last_name = $9, locale = $10, tz = $11, email_verified = $12, phone_verified = $13,
		phone_unsubscribed = $14, auto_sign_up = $15, state = $16, sms_mode = $17, notifications = $18, preferences = $19,
		last_sync_at = $20, last_active_at = $21, created_at = $22, modified_at = $23, username_key = $24, email_key = $25
		where id = $1 and organization_id = $2 and deleted_at is null`, row...)
	return must(n, taken(err), "user")
}

func taken(err error) error {
	return as(err, directory.DuplicateUsername, "another user of the organization has this username")
}

// DeleteUser implements directory.Store.
func (s *Store) DeleteUser(ctx context.Context, organization, user id.ID, at time.Time) error {
	n, err := s.db.Q(ctx).Exec(ctx, "update users set deleted_at = $3 where id = $1 and organization_id = $2 and deleted_at is null",
		user, organization, at)
	if err := must(n, err, "user"); err != nil {
		return err
	}
	return s.tally(ctx, organization, kindUser, user, -1)
}

// LockUser implements directory.Store.
func (s *Store) LockUser(ctx context.Context, organization, user id.ID) (directory.User, error) {
	u, err := db.Get(ctx, s.db.Q(ctx), s.scanUser, "select "+userColumns+
		" from users where id = $1 and organization_id = "+of("$2")+" and deleted_at is null"+s.db.ForUpdate(), user, organization)
	return u, must(1, err, "user")
}

// FindUsers implements directory.Store.
func (s *Store) FindUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]directory.User, error) {
	out := make(map[id.ID]directory.User, len(users))
	err := find(ctx, s, organization, users, s.scanUser, "select "+userColumns+" from users", "",
		func(u directory.User) { out[u.ID] = u })
	return out, err
}

// FindActiveUsers implements directory.Store.
func (s *Store) FindActiveUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]bool, error) {
	out := make(map[id.ID]bool, len(users))
	err := find(ctx, s, organization, users, db.Scalar[id.ID], "select id from users",
		" and state in ('"+string(directory.Active)+"', '"+string(directory.NotificationOnly)+"')", func(user id.ID) { out[user] = true })
	return out, err
}

// FindUsersByName implements directory.Store.
func (s *Store) FindUsersByName(ctx context.Context, organization id.ID, usernames []string) (map[string]directory.User, error) {
	out := make(map[string]directory.User, len(usernames))
	keys := make([]string, len(usernames))
	for i, name := range usernames {
		keys[i] = directory.FoldName(name)
	}
	err := db.Chunks(keys, chunk, func(keys []string) error {
		var w db.Where
		w.And("organization_id = "+living, organization)
		w.Raw("username_key in (" + db.List(&w.Args, keys) + ")")
		w.Raw("deleted_at is null")
		users, err := db.All(ctx, s.db.Q(ctx), s.scanUser, "select "+userColumns+" from users"+w.String(), w.Args...)
		for _, u := range users {
			out[directory.FoldName(u.Username)] = u
		}
		return err
	})
	return out, err
}

// SetLastActive implements directory.Store. The rows are locked in the order of their identifiers.
func (s *Store) SetLastActive(ctx context.Context, users map[id.ID]time.Time) error {
	ids := slices.SortedFunc(maps.Keys(users), func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
	for _, user := range ids {
		err := s.db.Q(ctx).Defer(ctx, `update users set last_active_at = $2 where id = $1 and deleted_at is null
			and (last_active_at is null or last_active_at < $3)`, user, users[user], users[user])
		if err != nil {
			return err
		}
	}
	return nil
}

// FindUsernamesFrom implements directory.Store. Databases order texts in their own ways, but what begins alike stands
// together in all of them, or near: what does not begin so is dropped.
func (s *Store) FindUsernamesFrom(ctx context.Context, organization id.ID, text string, limit int) ([]string, error) {
	prefix := directory.FoldName(text)
	found, err := db.All(ctx, s.db.Q(ctx), db.Scalar[string], "select username from users where organization_id = "+of("$1")+
		" and username_key >= $2 and deleted_at is null order by username_key limit $3", organization, prefix, limit)
	return slices.DeleteFunc(found, func(name string) bool { return !strings.HasPrefix(directory.FoldName(name), prefix) }), err
}

// FindUsersByPhone implements directory.Store.
func (s *Store) FindUsersByPhone(ctx context.Context, phone string) ([]directory.User, error) {
	return db.All(ctx, s.db.Q(ctx), s.scanUser, "select "+userColumns+` from users where phone = $1 and deleted_at is null
		and organization_id in (select o.id from organizations o where o.deleted_at is null) order by id`, phone)
}

// ListUsers implements directory.Store.
func (s *Store) ListUsers(ctx context.Context, f directory.UserFilter, p page.Offset) (page.List[directory.User], error) {
	l := listOf("users", userColumns, kindUser, f.OrganizationID)
	if f.Email != "" {
		l.and("t.email_key = %s", directory.FoldName(f.Email))
	}
	if f.Username != "" {
		l.and("t.username_key = %s", directory.FoldName(f.Username))
	}
	if !f.IndividualID.IsZero() {
		l.and("t.id = (select owner_id from individuals where id = %s and owner_type = 'user' and deleted_at is null)", f.IndividualID)
	}
	if f.Only != nil {
		l.in("t.id", f.Only)
	}
	return read(ctx, s, l, f.OrganizationID, p, s.scanUser)
}

// ListContacts implements directory.Store. The list is ordered and turned by the individual's identifier.
func (s *Store) ListContacts(ctx context.Context, f directory.ContactFilter, p page.Cursor) (page.List[directory.Contact], error) {
	l := listOf("individuals", individualColumns, kindIndividual, f.OrganizationID)
	l.and("t.owner_type = 'user' and t.account_type = 'participant'") // as the partial index says it
	states := "(%s, %s, %s, %s)"
	wanted := []any{string(directory.Active), string(directory.NotificationOnly), string(directory.Invited), string(directory.Archived)}
	if f.ActiveOnly {
		states, wanted = "(%s, %s)", wanted[:2]
	}
	// A value, not an "exists": no planner makes a join over all users of it, so the walk down the list's index ends with the
	// page.
	l.and("(select u.state from users u where u.id = t.owner_id and u.deleted_at is null and u.primary_individual_id = t.id) in "+states, wanted...)
	l.visible(f.OrganizationID, f.Only, f.GroupsOf)
	individuals, err := turn(ctx, s, l, p, scanIndividual)
	if err != nil {
		return page.List[directory.Contact]{}, err
	}
	owners := make([]id.ID, len(individuals.Items))
	for i, ind := range individuals.Items {
		owners[i] = ind.OwnerID
	}
	users, err := s.FindUsers(ctx, f.OrganizationID, owners)
	return page.Map(individuals, func(i directory.Individual) directory.Contact {
		return directory.Contact{User: users[i.OwnerID], Individual: i}
	}), err
}
