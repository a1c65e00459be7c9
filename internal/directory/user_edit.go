package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// UserEdit is what is to change of a user; nil leaves a value alone, and a pointer to nothing clears it.
type UserEdit struct {
	Username *string // required, 1 to 255 characters
	Email    *string
	// Phone is stored in E.164. One without a country code is read in the country of the user's locale.
	Phone               *string
	WebhookURL          *string
	FirstName, LastName *string
	Locale, TZ          *string // empty: the organization's
	// EmailVerified and PhoneVerified are an administrator's word for it. Without one, another address is unverified.
	EmailVerified, PhoneVerified *bool
	State                        *UserState             // default active
	SMSMode                      *SMSMode               // default enabled
	Notifications                *[]string              // default every transport
	Preferences                  *map[string]Preference // replaced as a whole
}

// onlyReach tells whether the edit is no more than how a person wants to be reached.
func (e UserEdit) onlyReach() bool {
	return e.Username == nil && e.Email == nil && e.Phone == nil && e.WebhookURL == nil && e.FirstName == nil && e.LastName == nil &&
		e.EmailVerified == nil && e.PhoneVerified == nil && e.State == nil
}

// apply changes u and checks it. o is the user's organization.
func (e UserEdit) apply(u *User, o Organization) error {
	var f errs.Fields
	setTrimmed(&u.Username, e.Username)
	setTrimmed(&u.WebhookURL, e.WebhookURL)
	setTrimmed(&u.FirstName, e.FirstName)
	setTrimmed(&u.LastName, e.LastName)
	set(&u.State, e.State)
	set(&u.SMSMode, e.SMSMode)
	e.applyPlace(u, o)
	e.applyAddresses(&f, u)
	if e.Notifications != nil {
		u.Notifications = transports(&f, "notifications", *e.Notifications)
	}
	if e.Preferences != nil {
		u.Preferences = preferences(&f, "communication_preferences", *e.Preferences)
	}
	line(&f, "username", u.Username, 1, maxName)
	line(&f, "first_name", u.FirstName, 0, maxName)
	line(&f, "last_name", u.LastName, 0, maxName)
	link(&f, "webhook_url", u.WebhookURL)
	errs.OneOf(&f, "state", u.State, UserStates()...)
	errs.OneOf(&f, "sms_mode", u.SMSMode, SMSModes()...)
	locale(&f, "locale", u.Locale)
	zone(&f, "tz", u.TZ)
	return f.Err()
}

func (e UserEdit) applyPlace(u *User, o Organization) {
	if e.Locale != nil {
		u.Locale = tidyLocale(*e.Locale)
		u.LocaleExplicit = u.Locale != ""
	}
	if e.TZ != nil {
		u.TZ = strings.TrimSpace(*e.TZ)
		u.TZExplicit = u.TZ != ""
	}
	if !u.LocaleExplicit {
		u.Locale = o.Locale
	}
	if !u.TZExplicit {
		u.TZ = o.Timezone
	}
}

// applyAddresses takes verification away from an address that changes: it belonged to the old one.
func (e UserEdit) applyAddresses(f *errs.Fields, u *User) {
	if e.Email != nil {
		old := u.Email
		u.Email = strings.TrimSpace(*e.Email)
		email(f, "email", u.Email)
		u.EmailVerified = u.EmailVerified && FoldName(u.Email) == FoldName(old)
	}
	if e.Phone != nil {
		phone := strings.TrimSpace(*e.Phone)
		if phone != "" {
			var ok bool
			if phone, ok = ParsePhone(phone, u.Locale); !ok {
				f.Add("phone", "must be a phone number with its country code, such as +14155552671")
			}
		}
		same := phone == u.Phone
		u.PhoneVerified, u.PhoneUnsubscribed = u.PhoneVerified && same, u.PhoneUnsubscribed && same
		u.Phone = phone
	}
	verify(f, "email_verified", &u.EmailVerified, e.EmailVerified, u.Email)
	verify(f, "phone_verified", &u.PhoneVerified, e.PhoneVerified, u.Phone)
}

func verify(f *errs.Fields, path string, verified *bool, edit *bool, address string) {
	if edit == nil {
		return
	}
	if *verified = *edit; *edit && address == "" {
		f.Add(path, "cannot be true without an address")
	}
}

// NewUser is what a user is made of.
type NewUser struct {
	UserEdit
	// AccountType is that of the primary individual, which is made along with the user and has its names; empty means
	// participant. A user for whom Alone is true gets none.
	AccountType AccountType
	Alone       bool
	syncedAt    time.Time // when another system made it
}

// CreateUser makes a user and its primary individual. DuplicateUsername. One transaction.
func (s *Service) CreateUser(ctx context.Context, n NewUser) (User, error) {
	a, err := mayWrite(ctx, userScopes())
	if err != nil {
		return User{}, err
	}
	var u User
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		u, _, err = s.addUser(ctx, a, n, Individual{})
		return err
	})
	return u, err
}

// addUser is CreateUser in the transaction of ctx. person holds what else is known of the individual.
func (s *Service) addUser(ctx context.Context, a actor.Actor, n NewUser, person Individual) (User, Individual, error) {
	o, err := s.store.GetOrganization(ctx, a.OrganizationID)
	if err != nil {
		return User{}, Individual{}, err
	}
	now := s.now()
	u := User{
		ID: id.New(), OrganizationID: o.ID, State: Active, SMSMode: SMSEnabled, Notifications: Transports(),
		Preferences: map[string]Preference{}, CreatedAt: now, ModifiedAt: now, LastSyncAt: n.syncedAt,
	}
	var f errs.Fields
	errs.OneOf(&f, "account_type", n.AccountType, "", Participant, Provider)
	if err := gather(f.Err(), n.apply(&u, o)); err != nil {
		return User{}, Individual{}, err
	}
	if !n.Alone {
		u.PrimaryIndividualID = id.New()
	}
	if err := s.store.InsertUser(ctx, u); err != nil {
		return User{}, Individual{}, blame(err, DuplicateUsername, "username")
	}
	if err := s.record(ctx, o.ID, EventUserCreated, u.ID, UserEvent{UserID: u.ID}, nil, u.snapshot()); err != nil || n.Alone {
		return u, Individual{}, err
	}
	i := person
	i.ID, i.OrganizationID, i.OwnerID, i.OwnerType = u.PrimaryIndividualID, o.ID, u.ID, OwnedByUser
	i.AccountType = cmp.Or(n.AccountType, Participant)
	i.FirstName, i.LastName, i.CreatedAt, i.ModifiedAt = u.FirstName, u.LastName, now, now
	return u, i, s.insertIndividual(ctx, i)
}

// blame names the field of a conflict.
func blame(err error, code errs.Code, field string) error {
	if e, ok := asError(err); ok && e.Code.Name == code.Name {
		return e.At(field)
	}
	return err
}

// gather returns one error that blames all that several do; one that is not about values goes before all others.
func gather(all ...error) error {
	var f errs.Fields
	for _, err := range all {
		e, ok := asError(err)
		if err != nil && (!ok || e.Code.Kind != errs.Invalid) {
			return err
		}
		if err != nil {
			f = append(f, e.Fields...)
		}
	}
	return f.Err()
}

func asError(err error) (*errs.Error, bool) { return errors.AsType[*errs.Error](err) }

// UpdateUser changes a user. NotFound, DuplicateUsername. One transaction.
func (s *Service) UpdateUser(ctx context.Context, user id.ID, e UserEdit) (User, error) {
	a, err := mayEditUser(ctx, user, e)
	if err != nil {
		return User{}, err
	}
	var u User
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		o, err := s.store.GetOrganization(ctx, a.OrganizationID)
		if err != nil {
			return err
		}
		old, err := s.store.LockUser(ctx, o.ID, user)
		if err != nil {
			return err
		}
		u = old
		if err := e.apply(&u, o); err != nil {
			return err
		}
		return s.putUser(ctx, old, &u)
	})
	return u, err
}

// putUser stores a change of a user.
func (s *Service) putUser(ctx context.Context, old User, u *User) error {
	u.ModifiedAt = s.now()
	if err := s.store.UpdateUser(ctx, *u); err != nil {
		return blame(err, DuplicateUsername, "username")
	}
	return s.record(ctx, u.OrganizationID, EventUserUpdated, u.ID, UserEvent{UserID: u.ID}, old.snapshot(), u.snapshot())
}

// DeleteUser deletes a user together with its individuals, who leave their groups. The username is free again. NotFound.
// One transaction.
func (s *Service) DeleteUser(ctx context.Context, user id.ID) error {
	a, err := mayWrite(ctx, userScopes())
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error { return s.removeUser(ctx, a.OrganizationID, user) })
}

func (s *Service) removeUser(ctx context.Context, org, user id.ID) error {
	u, err := s.store.LockUser(ctx, org, user)
	if err != nil {
		return err
	}
	owned, err := s.store.FindIndividualsOfUsers(ctx, org, []id.ID{user})
	if err != nil {
		return err
	}
	gone := UserEvent{UserID: user}
	for _, i := range owned[user] {
		gone.IndividualIDs = append(gone.IndividualIDs, i.ID)
		if _, err := s.removeIndividual(ctx, org, i.ID); err != nil {
			return err
		}
	}
	if err := s.store.DeleteUser(ctx, org, user, s.now()); err != nil {
		return err
	}
	return s.record(ctx, org, EventUserDeleted, user, gone, u.snapshot(), nil)
}

// GetUser returns a user that the actor may see. NotFound: any other.
func (s *Service) GetUser(ctx context.Context, user id.ID) (User, error) {
	v, err := s.mayRead(ctx, userScopes())
	if err != nil {
		return User{}, err
	}
	found, err := s.store.FindUsers(ctx, v.organization, []id.ID{user})
	u, ok := found[user]
	if err == nil && (!ok || !v.everything && user != v.user) {
		return User{}, errs.MissingRecord("user")
	}
	return u, err
}

// UserQuery says which users to list; what is empty is no matter.
type UserQuery struct {
	Email, Username string // whole, whatever the case
	IndividualID    id.ID  // the one that owns it
}

// ListUsers returns the users that the actor may see, newest first.
func (s *Service) ListUsers(ctx context.Context, q UserQuery, p page.Offset) (page.List[User], error) {
	v, err := s.mayRead(ctx, userScopes())
	if err != nil {
		return page.List[User]{}, err
	}
	f := UserFilter{OrganizationID: v.organization, Email: q.Email, Username: q.Username, IndividualID: q.IndividualID}
	if !v.everything {
		f.Only = slices.DeleteFunc([]id.ID{v.user}, id.ID.IsZero)
	}
	return s.store.ListUsers(ctx, f, p)
}
