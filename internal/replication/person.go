package replication

import (
	"encoding/json"

	"switchboard/internal/directory"
)

// Person is what a source says of a user and of the individual behind it. Nil is what it says nothing of.
type Person struct {
	ExternalID    string  `json:"external-id"`
	Deleted       bool    `json:"deleted,omitempty"` // the tombstone
	Username      *string `json:"username,omitempty"`
	Email         *string `json:"email,omitempty"`
	Phone         *string `json:"phone,omitempty"`
	FirstName     *string `json:"first-name,omitempty"`
	LastName      *string `json:"last-name,omitempty"`
	PreferredName *string `json:"preferred-name,omitempty"`
	BirthDate     *string `json:"birth-date,omitempty"`
	Locale        *string `json:"locale,omitempty"`
	TZ            *string `json:"tz,omitempty"`
	State         *string `json:"state,omitempty"`
	AccountType   *string `json:"account-type,omitempty"` // counts when the individual is made; it never changes
	// Unarchived says that the State "active" stands for any but archived: who is invited here stays so.
	Unarchived bool `json:"-"`
}

// texts lists the values that can be taken back, in a fixed order.
func (p *Person) texts() []**string {
	return []**string{&p.Username, &p.Email, &p.Phone, &p.FirstName, &p.LastName, &p.PreferredName, &p.BirthDate, &p.Locale, &p.TZ}
}

// over returns what is to be changed of a user of which the source has said before. A value that is empty now is taken back
// only if the source has given one before.
func (p Person) over(before Person) Person {
	had := before.texts()
	for n, text := range p.texts() {
		if *text != nil && **text == "" && (*had[n] == nil || **had[n] == "") {
			*text = nil
		}
	}
	return p
}

// without returns p with an empty value for everything that was said before and is not said now: what is absent from a
// whole document is taken back.
func (p Person) without(before Person) Person {
	had := before.texts()
	for n, text := range p.texts() {
		if *text == nil && *had[n] != nil {
			*text = new(string)
		}
	}
	return p
}

// synced is the change for the directory.
func (p Person) synced() directory.Synced {
	n := directory.Synced{
		User: directory.UserEdit{
			Username: p.Username, Email: p.Email, Phone: p.Phone, FirstName: p.FirstName, LastName: p.LastName, Locale: p.Locale, TZ: p.TZ,
		},
		Person: directory.IndividualEdit{PreferredName: p.PreferredName, BirthDate: p.BirthDate},
	}
	if p.State != nil && *p.State != "" {
		state := directory.UserState(*p.State)
		n.User.State = &state
	}
	if p.AccountType != nil {
		n.AccountType = directory.AccountType(*p.AccountType)
	}
	return n
}

// value is the text behind a pointer that may be nil.
func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// said decodes what a source said before; what cannot be read any more is as if nothing had been said.
func said[T any](l Link) T {
	var v T
	if len(l.Document) > 0 && json.Unmarshal(l.Document, &v) != nil {
		var none T
		return none
	}
	return v
}

// Team is what a source says of a group. Nil is what it says nothing of.
type Team struct {
	ExternalID  string    `json:"external-id"`
	Deleted     bool      `json:"deleted,omitempty"` // the tombstone
	Name        *string   `json:"name,omitempty"`
	Description *string   `json:"description,omitempty"`
	Parent      *string   `json:"parent,omitempty"`  // the external id of a group of the same source; empty for none
	Members     *[]string `json:"members,omitempty"` // the external ids of all users whom the source has in the group
}
