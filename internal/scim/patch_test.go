package scim_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/scim"
)

const work = `{"userName":"bjensen","name":{"givenName":"Barbara","familyName":"Jensen"},"emails":[{"value":"b@x","type":"work","primary":true}]}`

func TestApply(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, ops, after string }{
		"replace a value":                      {work, `[{"op":"replace","path":"userName","value":"bj"}]`, `{"userName":"bj","name":{"givenName":"Barbara","familyName":"Jensen"},"emails":[{"value":"b@x","type":"work","primary":true}]}`},
		"add, in capitals, in another case":    {`{}`, `[{"op":"Add","path":"TITLE","value":"Dr"}]`, `{"TITLE":"Dr"}`},
		"the case of what is there stays":      {`{"userName":"a"}`, `[{"op":"Replace","path":"USERNAME","value":"b"}]`, `{"userName":"b"}`},
		"replace without a path":               {`{"active":true,"title":"x"}`, `[{"op":"replace","value":{"id":"1","schemas":[],"active":false}}]`, `{"active":false,"title":"x"}`},
		"paths for names":                      {`{}`, `[{"op":"replace","value":{"name.givenName":"B","emails[type eq \"work\"].value":"b@y"}}]`, `{"name":{"givenName":"B"},"emails":[{"type":"work","value":"b@y"}]}`},
		"an extension, by path":                {`{}`, `[{"op":"add","path":"` + scim.EnterpriseSchema + `:department","value":"W"}]`, `{"` + scim.EnterpriseSchema + `":{"department":"W"}}`},
		"an extension, by name":                {`{}`, `[{"op":"add","value":{"` + scim.EnterpriseSchema + `":{"department":"W","division":null}}}]`, `{"` + scim.EnterpriseSchema + `":{"department":"W"}}`},
		"an extension that nobody knows":       {`{}`, `[{"op":"add","value":{"urn:example:2.0:User":{"x":1}}}]`, `{"urn:example:2.0:User":{"x":1}}`},
		"remove an extension":                  {`{"` + scim.EnterpriseSchema + `":{"department":"W"}}`, `[{"op":"remove","path":"` + scim.EnterpriseSchema + `"}]`, `{}`},
		"remove the last of an extension":      {`{"` + scim.EnterpriseSchema + `":{"department":"W"}}`, `[{"op":"remove","path":"` + scim.EnterpriseSchema + `:department"}]`, `{}`},
		"a manager, bare":                      {`{}`, `[{"op":"add","path":"` + scim.EnterpriseSchema + `:manager","value":"26"}]`, `{"` + scim.EnterpriseSchema + `":{"manager":{"value":"26"}}}`},
		"a part of a name":                     {`{"name":{"givenName":"A"}}`, `[{"op":"add","path":"name.familyName","value":"B"}]`, `{"name":{"givenName":"A","familyName":"B"}}`},
		"a name is merged":                     {`{"name":{"givenName":"A"}}`, `[{"op":"replace","path":"name","value":{"familyName":"B"}}]`, `{"name":{"givenName":"A","familyName":"B"}}`},
		"remove the last part":                 {`{"name":{"givenName":"A"}}`, `[{"op":"remove","path":"name.givenName"}]`, `{}`},
		"null removes":                         {`{"title":"x","name":{"givenName":"A"}}`, `[{"op":"replace","path":"title"},{"op":"replace","path":"name.givenName","value":null}]`, `{}`},
		"remove":                               {`{"title":"x"}`, `[{"op":"remove","path":"title"},{"op":"remove","path":"nickName"}]`, `{}`},
		"an element that is there":             {work, `[{"op":"replace","path":"emails[type eq \"work\"].value","value":"c@x"}]`, `{"userName":"bjensen","name":{"givenName":"Barbara","familyName":"Jensen"},"emails":[{"value":"c@x","type":"work","primary":true}]}`},
		"an element that is not":               {`{}`, `[{"op":"add","path":"phoneNumbers[type eq \"mobile\" and primary eq \"True\"].value","value":"1"}]`, `{"phoneNumbers":[{"type":"mobile","primary":true,"value":"1"}]}`},
		"an element as a whole":                {work, `[{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"d@x"}}]`, `{"userName":"bjensen","name":{"givenName":"Barbara","familyName":"Jensen"},"emails":[{"value":"d@x","type":"work","primary":true}]}`},
		"every element":                        {`{"emails":[{"value":"a"},{"value":"b"}]}`, `[{"op":"replace","path":"emails.type","value":"x"}]`, `{"emails":[{"value":"a","type":"x"},{"value":"b","type":"x"}]}`},
		"add to a list, once":                  {`{"members":[{"value":"1"}]}`, `[{"op":"add","path":"members","value":[{"value":"2"},{"value":"1"}]}]`, `{"members":[{"value":"1"},{"value":"2"}]}`},
		"add what is there, with more to it":   {`{"emails":[{"value":"a","type":"work","display":"A"},{"value":"b"}]}`, `[{"op":"add","path":"emails","value":[{"value":"a","type":"work","display":"B"}]}]`, `{"emails":[{"value":"a","type":"work","display":"B"},{"value":"b"}]}`},
		"the same for another purpose":         {`{"emails":[{"value":"a","type":"work"}]}`, `[{"op":"add","path":"emails","value":[{"value":"a","type":"home"}]}]`, `{"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}`},
		"add a bare element":                   {`{}`, `[{"op":"add","path":"members","value":{"value":"2"}}]`, `{"members":[{"value":"2"}]}`},
		"a new primary one":                    {`{"emails":[{"value":"a","primary":true}]}`, `[{"op":"add","path":"emails","value":[{"value":"b","primary":true}]}]`, `{"emails":[{"value":"a"},{"value":"b","primary":true}]}`},
		"replace a list":                       {`{"members":[{"value":"1"}]}`, `[{"op":"replace","path":"members","value":[{"value":"2"}]}]`, `{"members":[{"value":"2"}]}`},
		"remove by filter":                     {`{"members":[{"value":"1"},{"value":"2"}]}`, `[{"op":"remove","path":"members[value eq \"1\"]"}]`, `{"members":[{"value":"2"}]}`},
		"remove by value":                      {`{"members":[{"value":"1"},{"value":"2"}]}`, `[{"op":"Remove","path":"members","value":[{"value":"1"},{"value":{}}]}]`, `{"members":[{"value":"2"}]}`},
		"remove all":                           {`{"members":[{"value":"1"}]}`, `[{"op":"remove","path":"members"}]`, `{}`},
		"remove a part of elements":            {`{"emails":[{"value":"a","type":"work"},{"value":"b"}]}`, `[{"op":"remove","path":"emails[type eq \"work\"].type"}]`, `{"emails":[{"value":"a"},{"value":"b"}]}`},
		"remove what no filter selects":        {`{"emails":[{"value":"a"}]}`, `[{"op":"remove","path":"emails[type eq \"work\"]"},{"op":"remove","path":"emails[type eq \"work\"].value"}]`, `{"emails":[{"value":"a"}]}`},
		"a part of no value leaves the list":   {`{"phoneNumbers":[{"value":"1","type":"mobile"},{"value":"2","type":"work"}]}`, `[{"op":"remove","path":"phoneNumbers[type eq \"mobile\"].value"}]`, `{"phoneNumbers":[{"value":"2","type":"work"}]}`},
		"a part of what never has a value":     {`{"addresses":[{"type":"work","locality":"A"},{"type":"home","locality":"B"}]}`, `[{"op":"replace","path":"addresses[type eq \"work\"].locality","value":"C"}]`, `{"addresses":[{"type":"work","locality":"C"},{"type":"home","locality":"B"}]}`},
		"null for a value likewise":            {`{"phoneNumbers":[{"value":"1","type":"mobile"}]}`, `[{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":null}]`, `{}`},
		"the values of all":                    {`{"emails":[{"value":"1"},{"value":"2"}]}`, `[{"op":"remove","path":"emails.value"}]`, `{}`},
		"a truth value as a text":              {`{"active":true}`, `[{"op":"Replace","path":"active","value":"False"}]`, `{"active":false}`},
		"no list is no value":                  {`{"emails":[{"value":"1"}]}`, `[{"op":"replace","path":"emails","value":null}]`, `{}`},
		"remove nobody":                        {`{"emails":[{"value":"1"}]}`, `[{"op":"remove","path":"emails","value":[]}]`, `{"emails":[{"value":"1"}]}`},
		"one primary, by path, as a text":      {`{"emails":[{"value":"a","primary":true},{"value":"b","type":"home"}]}`, `[{"op":"Replace","path":"emails[type eq \"home\"].primary","value":"True"}]`, `{"emails":[{"value":"a"},{"value":"b","type":"home","primary":true}]}`},
		"an element as a bare text":            {work, `[{"op":"replace","path":"emails[type eq \"work\"]","value":"c@x"}]`, `{"userName":"bjensen","name":{"givenName":"Barbara","familyName":"Jensen"},"emails":[{"value":"c@x","type":"work","primary":true}]}`},
		"an element as a list of one":          {`{}`, `[{"op":"add","path":"emails[type eq \"work\"]","value":[{"value":"c@x"}]}]`, `{"emails":[{"type":"work","value":"c@x"}]}`},
		"the core schema by name":              {`{}`, `[{"op":"add","value":{"` + scim.UserSchema + `":{"title":"Dr"},"` + scim.UserSchema + `:nickName":"B"}}]`, `{"title":"Dr","nickName":"B"}`},
		"an extension of another ending":       {`{}`, `[{"op":"add","value":{"urn:example:Staff":{"x":1}}}]`, `{"urn:example:Staff":{"x":1}}`},
		"a manager without a path":             {`{}`, `[{"op":"add","value":{"` + scim.EnterpriseSchema + `:manager":{"value":"26"}}}]`, `{"` + scim.EnterpriseSchema + `":{"manager":{"value":"26"}}}`},
		"one after the other":                  {`{}`, `[{"op":"add","path":"title","value":"a"},{"op":"replace","path":"title","value":"b"}]`, `{"title":"b"}`},
		"a list that is an object":             {`{"emails":{"value":"a"}}`, `[{"op":"add","path":"emails","value":"b"}]`, `{"emails":[{"value":"a"},{"value":"b"}]}`},
		"an extension that is no object stays": {`{"urn:x:y":1}`, `[{"op":"add","path":"urn:x:y:z","value":1}]`, `{"urn:x:y":{"z":1}}`},
	} {
		o := object(t, tc.before)
		ops, err := scim.ParsePatch(object(t, `{"operations":`+tc.ops+`}`))
		if err == nil {
			err = scim.Apply(o, ops)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		raw, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(object(t, tc.after), object(t, string(raw))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestApply_refusals(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]scim.ErrorType{
		`{}`:                               scim.InvalidSyntax,
		`{"Operations":[]}`:                scim.InvalidSyntax,
		`{"Operations":{}}`:                scim.InvalidSyntax,
		`{"Operations":["x"]}`:             scim.InvalidSyntax,
		`{"Operations":[{"op":"mv"}]}`:     scim.InvalidSyntax,
		`{"Operations":[{"op":"remove"}]}`: scim.NoTarget,
		`{"Operations":[{"op":"add","path":"title"}]}`:                                          scim.InvalidValue,
		`{"Operations":[{"op":"add","value":"x"}]}`:                                             scim.InvalidValue,
		`{"Operations":[{"op":"add","path":"a b","value":"x"}]}`:                                scim.InvalidPath,
		`{"Operations":[{"op":"add","value":{"a b":"x"}}]}`:                                     scim.InvalidPath,
		`{"Operations":[{"op":"replace","path":"id","value":"x"}]}`:                             scim.Mutability,
		`{"Operations":[{"op":"replace","path":"meta.version","value":"x"}]}`:                   scim.Mutability,
		`{"Operations":[{"op":"replace","path":"emails[type ne \"work\"].value","value":"x"}]}`: scim.NoTarget,
		`{"Operations":[{"op":"replace","path":"emails[not (type pr)].value","value":"x"}]}`:    scim.NoTarget,
		`{"Operations":[{"op":"replace","path":"emails.value","value":"x"}]}`:                   scim.NoTarget,
		`{"Operations":[{"op":"add","path":"emails[type eq \"work\"]","value":[]}]}`:            scim.InvalidValue,
		`{"Operations":[{"op":"add","value":{"` + scim.UserSchema + `":{"a b":1}}}]}`:           scim.InvalidPath,
	} {
		ops, err := scim.ParsePatch(object(t, body))
		if err == nil {
			err = scim.Apply(scim.Object{}, ops)
		}
		if e, ok := errors.AsType[*scim.Error](err); !ok || e.Type != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	many := make([]any, 1001)
	if _, err := scim.ParsePatch(scim.Object{"Operations": many}); err == nil {
		t.Error("1,001 operations are taken")
	}
	if _, err := scim.ParsePatch("x"); err == nil {
		t.Error("a text is taken")
	}
}

// FuzzApply holds that no document makes a PATCH fail otherwise than with an *Error.
func FuzzApply(f *testing.F) {
	f.Add(work, `{"Operations":[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"x"}]}`)
	f.Add(work, `{"Operations":[{"op":"add","value":{"emails":{"value":{}},"name.givenName":null}}]}`)
	f.Add(`{"members":[{"value":[]}]}`, `{"Operations":[{"op":"remove","path":"members","value":[{"value":[]}]}]}`)
	f.Add(`{"emails":["x",{"value":{}},[]]}`, `{"Operations":[{"op":"add","path":"emails","value":[{"value":{},"primary":"true"}]}]}`)
	f.Fuzz(func(t *testing.T, resource, patch string) {
		var o, body scim.Object
		if json.Unmarshal([]byte(resource), &o) != nil || json.Unmarshal([]byte(patch), &body) != nil || o == nil {
			return
		}
		ops, err := scim.ParsePatch(body)
		if err == nil {
			err = scim.Apply(o, ops)
		}
		if _, ok := errors.AsType[*scim.Error](err); err != nil && !ok {
			t.Error(err)
		}
		if _, err := json.Marshal(o); err != nil {
			t.Error(err)
		}
	})
}
