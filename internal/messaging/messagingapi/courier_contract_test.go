package messagingapi_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/web/webtest"
)

// sample is one operation of the published reference.
type sample struct {
	Do      string
	Request any
	Status  int
	Answer  any
	Query   []string
}

func samples(t *testing.T) map[string]sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "contract", "*.json"))
	must(t, err)
	out := map[string]sample{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		must(t, err)
		var s sample
		must(t, json.Unmarshal(raw, &s))
		out[strings.TrimSuffix(filepath.Base(file), ".json")] = s
	}
	return out
}

// TestCourier_contract sends every request of the published reference, with values that mean something here in place of
// the placeholders, and compares every answer with the sample: the same members, each of the same kind or null.
func TestCourier_contract(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	_, err := c.ChangeChannel(c.Admin(t), v.ID, messaging.ChannelChange{TextNumberID: new(id.New())})
	must(t, err)
	m := c.Say(t, v.ID, c.Nurse, "hello")
	own := c.Say(t, v.ID, c.Ada, "hello")
	_, err = c.AddReaction(c.Member(t, c.Ada), m.ID, id.Nil, "like")
	must(t, err)
	_, err = c.World.Ack(c.Member(t, c.Ada), messaging.AckRequest{MessageID: m.ID, UserTime: c.Clock.Now()})
	must(t, err)
	message := map[string]string{"path": m.ID.String(), "individual-id": c.Ada.ID.String()}
	for name, values := range map[string]map[string]string{
		"get_messaging-channels": nil, "get_messaging-channels_one": {"path": v.ID.String()},
		"post_messaging-channels": {
			"individual-group-id": c.Ward.ID.String(), "individual-ids": c.Clerk.ID.String(), "organization-id": c.Org.String(),
		},
		"patch_messaging-channels_one":          {"path": v.ID.String(), "json-path": "/name"},
		"post_messaging-channels_one_archive":   {"path": v.ID.String()},
		"post_messaging-channels_one_unarchive": {"path": v.ID.String()},
		"post_messaging-channels_one_subscribe": {"path": v.ID.String(), "individual-ids": c.Clerk.ID.String()},
		"post_messaging-channels_one_preferences": {
			"path": v.ID.String(), "individual-id": c.Ada.ID.String(), "value": "none",
		},
		"post_messaging-channels_one_unsubscribe": {"path": v.ID.String(), "individual-ids": c.Clerk.ID.String()},
		"get_messaging-messages":                  {"channel-id": v.ID.String()},
		"post_messaging-messages":                 {"channel-id": v.ID.String(), "individual-id": c.Ada.ID.String(), "include-destinations": "sms"},
		"get_messaging-messages_one":              message,
		"patch_messaging-messages_one":            {"path": own.ID.String(), "individual-id": c.Ada.ID.String()},
		"post_messaging-messages_one_ack":         message, "post_messaging-messages_one_add-reaction": message,
		"post_messaging-messages_one_delete-reaction": message, "get_messaging-messages_one_get-receipts": message,
	} {
		t.Run(name, func(t *testing.T) {
			s, ok := samples(t)[name]
			if !ok {
				t.Fatal("there is no such sample")
			}
			do := strings.ReplaceAll(s.Do, "{id}", values["path"])
			if name == "get_messaging-messages" {
				do += "?include-read-receipts=true&individual-id=" + c.Ada.ID.String() + "&channel-id=" + values["channel-id"]
			}
			must(t, second(c.Unarchive(c.Admin(t), v.ID))) // they run in any order
			if name == "patch_messaging-messages_one" {
				values["removed"], values["draft"] = "absent", "absent" // they exclude an edit
			}
			got := webtest.Do(t, c, "administrator", do, fill(s.Request, "", values))
			if got.Status != s.Status {
				t.Fatalf("%s: %d %s", do, got.Status, got.Body)
			}
			sameShape(t, name, s.Answer, got.JSON(t))
		})
	}
}

// fill puts values in place of the placeholders of a request.
func fill(node any, name string, values map[string]string) any {
	switch node := node.(type) {
	case map[string]any:
		for member, v := range node {
			switch {
			case values[member] == "absent":
				delete(node, member)
			case member == "path":
				node[member] = values["json-path"]
			case member == "id":
				node[member] = values["path"]
			case member == "text-number-id" || member == "meta":
			default:
				node[member] = fill(v, member, values)
			}
		}
	case []any:
		for i, v := range node {
			node[i] = fill(v, name, values)
		}
	case string:
		if v, ok := values[name]; ok {
			return v
		}
	}
	return node
}

// sameShape compares members by name. What is open in the reference is not looked into.
func sameShape(t *testing.T, at string, want, got any) {
	t.Helper()
	open := []string{"meta", "destination", "phrases", "communication-preferences"}
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if got == nil && at != "" {
			return
		}
		if !ok {
			t.Errorf("%s is %T", at, got)
			return
		}
		for member := range want {
			if _, ok := object[member]; !ok {
				t.Errorf("%s lacks %s", at, member)
			}
		}
		for member, v := range object {
			if _, ok := want[member]; !ok {
				t.Errorf("%s has %s, which the reference has not", at, member)
			} else if !slices.Contains(open, member) {
				sameShape(t, at+"."+member, want[member], v)
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok {
			t.Errorf("%s is %T", at, got)
			return
		}
		for _, v := range list {
			sameShape(t, at+"[]", want[0], v)
		}
	default:
		sameKind(t, at, want, got)
	}
}

func sameKind(t *testing.T, at string, want, got any) {
	t.Helper()
	switch want.(type) {
	case bool:
		if _, ok := got.(bool); !ok {
			t.Errorf("%s is %T, not a boolean", at, got)
		}
	case float64:
		if _, ok := got.(float64); !ok {
			t.Errorf("%s is %T, not a number", at, got)
		}
	case string:
		if _, ok := got.(string); !ok && got != nil {
			t.Errorf("%s is %T, not a text", at, got)
		}
	}
}

// TestCourier_parameters checks that every parameter of the reference is taken, and others are not.
func TestCourier_parameters(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	m := c.Say(t, v.ID, c.Ada, "hello")
	for name, s := range samples(t) {
		path := v.ID
		if strings.Contains(name, "messages") {
			path = m.ID
		}
		if !strings.HasPrefix(name, "get_") {
			continue
		}
		do := strings.ReplaceAll(s.Do, "{id}", path.String()) + "?"
		for _, q := range s.Query {
			do += q + "=" + parameterValue(c, v.ID, q) + "&"
		}
		if got := webtest.Do(t, c, "administrator", do, nil); got.Status != s.Status {
			t.Errorf("%s: %d %s", do, got.Status, got.Body)
		}
		got := webtest.Do(t, c, "administrator", do+"filter[color]=red", nil)
		if got.Status != 400 || !strings.Contains(string(got.Body), "filter[color]") {
			t.Errorf("%s: %d %s", do, got.Status, got.Body)
		}
	}
}

func parameterValue(c *courier, channel id.ID, name string) string {
	switch {
	case strings.HasPrefix(name, "filter[cmp-"):
		return "%3E%3D2026-01-01T00:00:00Z,%3C2027-01-01%2000:00:00"
	case strings.HasPrefix(name, "page["):
		return "1"
	case name == "channel-id":
		return channel.String()
	case name == "organization-id":
		return c.Org.String()
	case name == "filter[individual-group-id]":
		return c.Ward.ID.String()
	case name == "user-id":
		return c.Ada.UserID().String()
	case strings.HasSuffix(name, "-id"):
		return c.Ada.ID.String()
	case name == "filter[text]":
		return "hel"
	}
	return "true"
}
