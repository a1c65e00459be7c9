package directory

import (
	"context"
	"maps"
	"reflect"

	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/redact"
)

// The events. Data is an object with the members named; consumers read the record itself when they need more of it.
const (
	EventOrganizationCreated = "directory.organization.created" // {}
	EventOrganizationUpdated = "directory.organization.updated" // {}
	EventOrganizationDeleted = "directory.organization.deleted" // {}
	EventUserCreated         = "directory.user.created"         // user-id
	EventUserUpdated         = "directory.user.updated"         // user-id; also when the individuals of the user change
	EventUserDeleted         = "directory.user.deleted"         // user-id, individual-ids
	EventIndividualCreated   = "directory.individual.created"   // individual-id, user-id
	EventIndividualUpdated   = "directory.individual.updated"   // individual-id, user-id
	EventIndividualDeleted   = "directory.individual.deleted"   // individual-id, user-id
	EventIndividualShared    = "directory.individual.shared"    // as Sharing: entered the organization or a group
	EventIndividualUnshared  = "directory.individual.unshared"  // as Sharing: left it
	EventGroupCreated        = "directory.group.created"        // as GroupEvent
	EventGroupUpdated        = "directory.group.updated"        // as GroupEvent
	EventGroupDeleted        = "directory.group.deleted"        // as GroupEvent: everybody leaves
	EventPreferenceSet       = "directory.org-preference.set"   // name
	EventPreferenceReset     = "directory.org-preference.reset" // name
	EventSiteCreated         = "directory.site.created"         // site-id
	EventSiteUpdated         = "directory.site.updated"         // site-id
	EventSiteDeleted         = "directory.site.deleted"         // site-id
)

// UserEvent is the data of the events of users and individuals.
type UserEvent struct {
	UserID        id.ID   `json:"user-id"` // null for an individual of the organization
	IndividualID  id.ID   `json:"individual-id,omitzero"`
	IndividualIDs []id.ID `json:"individual-ids,omitempty"`
}

// GroupEvent is the data of the events of groups: who came and who went, individuals all.
type GroupEvent struct {
	GroupID            id.ID   `json:"group-id"`
	LeadersAdded       []id.ID `json:"leaders-added,omitempty"`
	LeadersRemoved     []id.ID `json:"leaders-removed,omitempty"`
	IndividualsAdded   []id.ID `json:"individuals-added,omitempty"`
	IndividualsRemoved []id.ID `json:"individuals-removed,omitempty"`
}

// before and after add to the two snapshots of the audit who went and who came. The whole lists are not in it: a group may
// be large, and what is there now follows from the rows before.
func (e GroupEvent) before(s snapshot) snapshot {
	return withMembers(s, e.LeadersRemoved, e.IndividualsRemoved)
}

func (e GroupEvent) after(s snapshot) snapshot {
	return withMembers(s, e.LeadersAdded, e.IndividualsAdded)
}

func withMembers(s snapshot, leaders, individuals []id.ID) snapshot {
	out := snapshot{"leader-ids": leaders, "individual-ids": individuals}
	maps.Copy(out, s)
	return out
}

// PreferenceEvent is the data of the events of settings.
type PreferenceEvent struct {
	Name PreferenceName `json:"name"`
}

// SiteEvent is the data of the events of sites.
type SiteEvent struct {
	SiteID id.ID `json:"site-id"`
}

// snapshot is what the audit keeps of a record, by the names that the APIs have for its parts.
type snapshot map[string]any

// record appends an event, and to the audit what differs between two snapshots; nil stands for no record.
func (s *Service) record(ctx context.Context, org id.ID, typ string, subject id.ID, data any, before, after snapshot) error {
	before, after = differing(before, after)
	return s.events.Record(ctx, event.Change{
		OrganizationID: org, Type: typ, Subject: subject, Data: data, Before: orNil(before.hidden()), After: orNil(after.hidden()),
	})
}

// hidden is the snapshot without secrets: whoever knows the address of a webhook may use it. That it changed still shows, because
// it is hidden after the comparison.
func (s snapshot) hidden() snapshot {
	const name = "webhook-url"
	address, _ := s[name].(string)
	if address == "" {
		return s
	}
	out := maps.Clone(s)
	out[name] = redact.URL(address)
	return out
}

// orNil keeps an empty snapshot from being an interface that is not nil.
func orNil(s snapshot) any {
	if s == nil {
		return nil
	}
	return s
}

func differing(before, after snapshot) (was, is snapshot) {
	if before == nil || after == nil {
		return before, after
	}
	was, is = snapshot{}, snapshot{}
	for name, old := range before {
		if now := after[name]; !reflect.DeepEqual(old, now) {
			was[name], is[name] = old, now
		}
	}
	return was, is
}

func (o Organization) snapshot() snapshot {
	return snapshot{
		"name": o.Name, "display-name": o.DisplayName, "timezone": o.Timezone, "locale": o.Locale,
		"classification": o.Classification, "provider-type": o.ProviderType,
	}
}

// hidden is the address of a webhook, which often is the permission to post there: a change of it is told, and of the address
// its host alone.
type hidden string

// MarshalText implements encoding.TextMarshaler.
func (h hidden) MarshalText() ([]byte, error) {
	if h == "" {
		return nil, nil
	}
	return []byte(redact.URL(string(h))), nil
}

func (u User) snapshot() snapshot {
	return snapshot{
		"username": u.Username, "email": u.Email, "phone": u.Phone, "webhook-url": hidden(u.WebhookURL), "first-name": u.FirstName,
		"last-name": u.LastName, "locale": u.Locale, "tz": u.TZ, "email-verified": u.EmailVerified, "phone-verified": u.PhoneVerified,
		"phone-unsubscribed": u.PhoneUnsubscribed, "locale-explicit": u.LocaleExplicit, "tz-explicit": u.TZExplicit,
		"auto-sign-up": u.AutoSignUp, "state": u.State, "sms-mode": u.SMSMode, "notifications": u.Notifications,
		"communication-preferences": u.Preferences, "primary-individual-id": u.PrimaryIndividualID,
	}
}

func (i Individual) snapshot() snapshot {
	return snapshot{
		"owner-id": i.OwnerID, "owner-type": i.OwnerType, "account-type": i.AccountType, "first-name": i.FirstName,
		"last-name": i.LastName, "preferred-name": i.PreferredName, "birth-date": i.BirthDate, "avatar-url": i.AvatarURL,
		"external-id": i.ExternalID, "verified": i.Verified,
	}
}

// snapshot leaves the members out; see GroupEvent.before.
func (g Group) snapshot() snapshot {
	return snapshot{
		"parent-id": g.ParentID, "name": g.Name, "description": g.Description, "avatar-url": g.AvatarURL, "archived": g.Archived(),
	}
}

func (v Site) snapshot() snapshot {
	return snapshot{"name": v.Name, "address": v.Address, "timezone": v.Timezone, "tags": v.Tags, "metadata": v.Metadata}
}
