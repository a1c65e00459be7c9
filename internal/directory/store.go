package directory

import (
	"context"
	"time"

	"switchboard/internal/directory/photo"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Store keeps the directory. Every method takes part in the transaction of its context value, and each write is atomic
// by itself. Records of another organization, and those deleted, are treated as absent: a single read or a write of one
// returns errs.CodeNotFound, a read of several leaves it out. In an organization that is deleted nothing is found. Lists are newest first, by identifier, and Total counts
// without paging. Maps and slices that come back are the caller's.
type Store interface {
	OrganizationStore
	UserStore
	IndividualStore
	GroupStore
	SiteStore
	PreferenceStore
	PhotoStore
	SyncStore
}

// OrganizationStore keeps organizations.
type OrganizationStore interface {
	InsertOrganization(ctx context.Context, o Organization) error
	// UpdateOrganization stores every field but CreatedAt.
	UpdateOrganization(ctx context.Context, o Organization) error
	// DeleteOrganization hides the organization. What is in it stays, and is unreachable because nobody can act in it.
	DeleteOrganization(ctx context.Context, organization id.ID, at time.Time) error
	// WalkOrganizations returns organizations oldest first.
	WalkOrganizations(ctx context.Context, w Walk) ([]Organization, error)
	GetOrganization(ctx context.Context, organization id.ID) (Organization, error)
	// FindOrganizationsNamed returns those of a name, whatever the case of its ASCII letters, oldest first and at most limit.
	FindOrganizationsNamed(ctx context.Context, name string, limit int) ([]Organization, error)
	// LockOrganization reads and, until the end of the transaction, keeps others from doing the same: for changes that
	// depend on more rows than can be locked one by one.
	LockOrganization(ctx context.Context, organization id.ID) (Organization, error)
}

// UserStore keeps users.
type UserStore interface {
	// InsertUser returns DuplicateUsername when the name is taken. A Locale or TZ that is not explicit is not stored: the
	// user is always read with the organization's.
	InsertUser(ctx context.Context, u User) error
	// UpdateUser stores every field. DuplicateUsername as InsertUser.
	UpdateUser(ctx context.Context, u User) error
	// DeleteUser hides the user and frees the name. Its individuals are not touched.
	DeleteUser(ctx context.Context, organization, user id.ID, at time.Time) error
	// LockUser reads a user that this transaction is about to change.
	LockUser(ctx context.Context, organization, user id.ID) (User, error)
	// FindUsers returns those that exist.
	FindUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]User, error)
	// FindActiveUsers returns which of the users exist and are Active.
	FindActiveUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]bool, error)
	// FindUsersByName returns those that exist, by FoldName of the name.
	FindUsersByName(ctx context.Context, organization id.ID, usernames []string) (map[string]User, error)
	// SetLastActive moves LastActiveAt of users of any organization forward; an older time and a user that does not exist
	// are passed over.
	SetLastActive(ctx context.Context, users map[id.ID]time.Time) error
	// FindUsernamesFrom returns at most limit names that begin with a text, as FoldName compares them, in order.
	FindUsernamesFrom(ctx context.Context, organization id.ID, text string, limit int) ([]string, error)
	// FindUsersByPhone returns the users of every organization who have this number, in E.164.
	FindUsersByPhone(ctx context.Context, phone string) ([]User, error)
	ListUsers(ctx context.Context, f UserFilter, p page.Offset) (page.List[User], error)
	// ListContacts returns the users whose primary individual is a participant, each with that individual. A cursor
	// that names none of the list is errs.CodeNotFound.
	ListContacts(ctx context.Context, f ContactFilter, p page.Cursor) (page.List[Contact], error)
}

// IndividualStore keeps individuals.
type IndividualStore interface {
	// InsertIndividual returns SecondProvider when its user owns a provider already.
	InsertIndividual(ctx context.Context, i Individual) error
	// UpdateIndividual stores every field but CreatedAt.
	UpdateIndividual(ctx context.Context, i Individual) error
	// DeleteIndividual hides the individual, removes it from every group and its photo for good; it returns the places that
	// it had.
	DeleteIndividual(ctx context.Context, organization, individual id.ID, at time.Time) ([]Membership, error)
	// LockIndividuals is FindIndividuals for rows that this transaction is about to change or to rely on.
	LockIndividuals(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]Individual, error)
	FindIndividuals(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]Individual, error)
	// FindIndividualsEver is FindIndividuals with those deleted, of whom only ID, OrganizationID, AccountType and names are
	// set.
	FindIndividualsEver(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]Individual, error)
	// FindIndividualsOfUsers returns the individuals of each user that has any, oldest first.
	FindIndividualsOfUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID][]Individual, error)
	ListIndividuals(ctx context.Context, f IndividualFilter, p page.Offset) (page.List[Individual], error)
	// SharesGroup tells whether any of several individuals stands in a group that other stands in too.
	SharesGroup(ctx context.Context, organization id.ID, individuals []id.ID, other id.ID) (bool, error)
}

// GroupStore keeps groups and who is in them.
type GroupStore interface {
	// InsertGroup stores the group with its members, who must exist.
	InsertGroup(ctx context.Context, g Group) error
	// UpdateGroup stores every field but CreatedAt and the members.
	UpdateGroup(ctx context.Context, g Group) error
	// SetMembers gives the members of add their places, replacing those that they have, and takes those of remove out.
	SetMembers(ctx context.Context, organization, group id.ID, add []Membership, remove []id.ID) error
	// DeleteGroup hides the group, frees its members and leaves its children without a parent.
	DeleteGroup(ctx context.Context, organization, group id.ID, at time.Time) error
	// LockGroup reads a group, with members, that this transaction is about to change.
	LockGroup(ctx context.Context, organization, group id.ID) (Group, error)
	// LockGroups is LockGroup for those that exist, ordered by id and without their members.
	LockGroups(ctx context.Context, organization id.ID, groups []id.ID) ([]Group, error)
	// FindGroups returns those that exist, with members.
	FindGroups(ctx context.Context, organization id.ID, groups []id.ID) (map[id.ID]Group, error)
	// FindMemberships returns every place of the individuals, ordered by individual and group.
	FindMemberships(ctx context.Context, organization id.ID, individuals []id.ID) ([]Membership, error)
	// Leads tells whether any of the individuals leads the group. Nobody leads one that is archived.
	Leads(ctx context.Context, organization, group id.ID, individuals []id.ID) (bool, error)
	// LeadsIndividual tells whether any of the leaders leads a group, not archived, of which the individual is one, and not a
	// leader of it too.
	LeadsIndividual(ctx context.Context, organization id.ID, leaders []id.ID, individual id.ID) (bool, error)
	ListGroups(ctx context.Context, f GroupFilter, p page.Offset) (page.List[Group], error)
	// TurnGroups is ListGroups by cursor. A cursor that names none of the list is errs.CodeNotFound.
	TurnGroups(ctx context.Context, f GroupFilter, p page.Cursor) (page.List[Group], error)
}

// SiteStore keeps sites.
type SiteStore interface {
	InsertSite(ctx context.Context, s Site) error
	// UpdateSite stores every field but CreatedAt.
	UpdateSite(ctx context.Context, s Site) error
	// DeleteSite hides the site.
	DeleteSite(ctx context.Context, organization, site id.ID, at time.Time) error
	// LockSite reads a site that this transaction is about to change.
	LockSite(ctx context.Context, organization, site id.ID) (Site, error)
	FindSites(ctx context.Context, organization id.ID, sites []id.ID) (map[id.ID]Site, error)
	// ListSites returns every site.
	ListSites(ctx context.Context, organization id.ID) ([]Site, error)
}

// PreferenceStore keeps what organizations have set.
type PreferenceStore interface {
	// PutPreference stores a setting in place of the one of the same name.
	PutPreference(ctx context.Context, p OrgPreference) error
	// DeletePreference forgets a setting; one that is not there is passed over.
	DeletePreference(ctx context.Context, organization id.ID, name PreferenceName) error
	// FindPreferences returns what was set, by name.
	FindPreferences(ctx context.Context, organization id.ID) (map[PreferenceName]OrgPreference, error)
}

// PhotoStore keeps the photos of individuals.
type PhotoStore interface {
	// PutPhoto stores a photo in place of the one there is; the zero Photo takes it away.
	PutPhoto(ctx context.Context, organization, individual id.ID, p photo.Photo, at time.Time) error
	// FindPhoto returns the photo of an individual; the zero Photo when there is none.
	FindPhoto(ctx context.Context, organization, individual id.ID) (photo.Photo, error)
}

// Filters hold for records of OrganizationID for which every other field that is set holds too.
type (
	// UserFilter selects users. Email and Username are compared whole, whatever the case.
	UserFilter struct {
		OrganizationID  id.ID
		Email, Username string
		IndividualID    id.ID   // the user who owns it
		Only            []id.ID // nil: no matter; empty: none
	}
	// ContactFilter selects contacts.
	ContactFilter struct {
		OrganizationID id.ID
		ActiveOnly     bool
		Only           []id.ID // individuals; nil: no matter; empty: none
		GroupsOf       []id.ID // or who shares a group with one of these
	}
	// IndividualFilter selects individuals.
	IndividualFilter struct {
		OrganizationID id.ID
		Name           string // every word of it begins a word of the name; see Words
		GroupID        id.ID  // leaders and individuals of it
		UserID         id.ID  // those that this user owns
		// Only and GroupsOf together say who may be seen: those named, and who shares a group with one of GroupsOf.
		// Both nil: everybody.
		Only, GroupsOf []id.ID
	}
	// GroupFilter selects groups. Archived nil is no matter.
	GroupFilter struct {
		OrganizationID id.ID
		Name           string // as IndividualFilter's
		Archived       *bool
		Of             []id.ID // those in which one of these individuals stands; nil: no matter
		With           id.ID   // those in which this individual stands, too; zero: no matter
	}
)
