package scimpull

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"switchboard/internal/replication"
	"switchboard/internal/scim"
)

// list is a page as the server gave it.
type list struct {
	total     int
	resources []json.RawMessage
}

// decodeList reads a ListResponse (RFC 7644, section 3.4.2). What its resources are is not looked at.
func decodeList(raw []byte) (list, error) {
	var message struct {
		Total     *int              `json:"totalResults"`
		Resources []json.RawMessage `json:"Resources"`
	}
	if err := json.Unmarshal(raw, &message); err != nil {
		return list{}, errors.New("it is no JSON document that has a list in it")
	}
	if message.Total == nil || *message.Total < 0 {
		return list{}, errors.New("it does not say how many there are (totalResults)")
	}
	return list{total: *message.Total, resources: message.Resources}, nil
}

// resource is a user or a group as the server gave it.
type resource struct {
	raw   json.RawMessage
	id    string // empty when it has none
	again bool   // the page before had it too
}

// identifier reads the identifier alone.
func identifier(raw json.RawMessage) string {
	var only struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &only) // what is wrong with it is told by object
	return only.ID
}

// object decodes the resource. A *RecordError tells what is wrong with it.
func (r resource) object() (scim.Object, error) {
	var o scim.Object
	switch err := json.Unmarshal(r.raw, &o); {
	case err != nil || o == nil:
		return nil, &replication.RecordError{ExternalID: r.id, Message: "is no JSON object"}
	case r.id == "":
		return nil, &replication.RecordError{Field: "id", Message: "must be the identifier of the resource"}
	case bytes.Contains(r.raw, []byte(`\u0000`)): // which no database keeps
		return nil, &replication.RecordError{ExternalID: r.id, Message: "must not have the character U+0000 in it"}
	}
	return o, nil
}

// person reads a user. A resource is whole: what it does not have is as if it were empty, which takes back what it had before.
func person(id string, o scim.Object) (replication.Record, error) {
	p, err := replication.PersonOf(o)
	if err != nil {
		return replication.Record{}, &replication.RecordError{ExternalID: id, Message: strings.ReplaceAll(err.Error(), "\n", "; ")}
	}
	p.ExternalID, p.Unarchived = id, true
	for _, text := range []**string{&p.Email, &p.Phone, &p.FirstName, &p.LastName, &p.PreferredName, &p.Locale, &p.TZ} {
		if *text == nil {
			*text = new(string)
		}
	}
	return replication.Record{Person: &p}, nil
}

// team reads a group. Groups within groups are passed over: here a group has people in it.
func team(id string, o scim.Object) (replication.Record, error) {
	t := replication.Team{ExternalID: id, Members: &[]string{}}
	name, ok := scim.Text(o, "displayName")
	if !ok {
		return replication.Record{}, &replication.RecordError{ExternalID: id, Field: "displayName", Message: "must be a text"}
	}
	t.Name = &name
	seen := map[string]bool{}
	for _, m := range scim.Objects(scim.Get(o, "members")) {
		kind, _ := scim.Text(m, "type")
		ref, _ := scim.Text(m, "$ref")
		if strings.EqualFold(kind, "Group") || kind == "" && strings.Contains(ref, "/"+groups+"/") {
			continue
		}
		value, _ := scim.Text(m, "value")
		if value == "" {
			return replication.Record{}, &replication.RecordError{ExternalID: id, Field: "members", Message: "must each have a value"}
		}
		if !seen[value] {
			seen[value] = true
			*t.Members = append(*t.Members, value)
		}
	}
	return replication.Record{Team: &t}, nil
}
