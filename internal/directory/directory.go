// Package directory knows the people: organizations (the tenants), users (who can be reached and sign in), individuals
// (the persons that messages are between), individual-groups with their leaders, and sites.
//
// It is the lowest context: every other one asks it who somebody is, and it asks nobody. It holds addresses and
// preferences but decides no delivery; it knows nothing of channels, messages or keys.
//
// The Service has two kinds of reads. Those named after a noun (Users, Group) are for the other contexts: they check no
// permission, because the caller has decided already, and take the organization explicitly. Those that begin with Get,
// List, Create, Update or Delete are for the APIs: they act for the actor of the context value, by the rules of policy.go.
package directory

import (
	"time"

	"switchboard/internal/id"
)

// Organization is a tenant. Its identifier is the OrganizationID of everything in it.
type Organization struct {
	ID             id.ID
	Name           string // 1 to 255 characters
	DisplayName    string // what people are shown; empty: the name
	Timezone       string // IANA; never empty
	Locale         string // as in "en_US"; never empty
	Classification string
	ProviderType   string
	CreatedAt      time.Time
	ModifiedAt     time.Time
}

// Title is what people are shown as the organization's name.
func (o Organization) Title() string {
	if o.DisplayName != "" {
		return o.DisplayName
	}
	return o.Name
}

// AccountType tells the two kinds of individuals apart.
type AccountType string

// The account types.
const (
	Provider    AccountType = "provider"    // works for the organization: leads and serves groups
	Participant AccountType = "participant" // is served by it
)

// AccountTypes lists them.
func AccountTypes() []AccountType { return []AccountType{Participant, Provider} }

// OwnerType says what an individual belongs to.
type OwnerType string

// The owner types.
const (
	OwnedByUser         OwnerType = "user"
	OwnedByOrganization OwnerType = "organization"
)

// Individual is a person. A message is sent by one and read by one, whether or not a user stands behind it.
type Individual struct {
	ID, OrganizationID id.ID
	// OwnerID is the user or the organization that the individual belongs to, as OwnerType says. Only an individual
	// of a user can be reached outside the server.
	OwnerID       id.ID
	OwnerType     OwnerType
	AccountType   AccountType // never changes
	FirstName     string
	LastName      string
	PreferredName string
	BirthDate     string // YYYY-MM-DD, or empty
	AvatarURL     string
	ExternalID    string // of the system that the directory is kept in step with
	Verified      bool
	CreatedAt     time.Time
	ModifiedAt    time.Time
}

// UserID is the user that the individual belongs to; zero when it belongs to the organization.
func (i Individual) UserID() id.ID {
	if i.OwnerType != OwnedByUser {
		return id.Nil
	}
	return i.OwnerID
}

// Name is what the person is called: the preferred name, or the first and last name. It may be empty.
func (i Individual) Name() string {
	switch {
	case i.PreferredName != "":
		return i.PreferredName
	case i.FirstName == "" || i.LastName == "":
		return i.FirstName + i.LastName
	}
	return i.FirstName + " " + i.LastName
}

// Group is an individual-group: participants and the providers who care for them.
type Group struct {
	ID, OrganizationID id.ID
	// ParentID nests groups; no group is its own ancestor. Nesting is for display: it gives nobody a right.
	ParentID      id.ID
	Name          string // 1 to 255 characters
	Description   string
	AvatarURL     string
	LeaderIDs     []id.ID // individuals, providers all; ordered by id
	IndividualIDs []id.ID // participants; ordered by id
	ArchivedAt    time.Time
	LastSyncAt    time.Time
	CreatedAt     time.Time
	ModifiedAt    time.Time
}

// Archived tells whether the group has been put away.
func (g Group) Archived() bool { return !g.ArchivedAt.IsZero() }

// Members returns leaders and individuals together.
func (g Group) Members() []id.ID {
	out := make([]id.ID, 0, len(g.LeaderIDs)+len(g.IndividualIDs))
	return append(append(out, g.LeaderIDs...), g.IndividualIDs...)
}

// Membership is one place of one individual in one group.
type Membership struct {
	GroupID, IndividualID id.ID
	Leader                bool
}

// Site is a place that events happen at.
type Site struct {
	ID, OrganizationID id.ID
	Name               string // 1 to 255 characters
	Address            string
	Timezone           string // IANA; never empty
	Tags               []string
	Metadata           map[string]any // as it was given
	CreatedAt          time.Time
	ModifiedAt         time.Time
}
