package scim_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/scim"
	"switchboard/internal/web/webtest"
)

func TestChoice(t *testing.T) {
	t.Parallel()
	const full = `{"schemas":["s"],"id":"1","userName":"a","name":{"givenName":"A","familyName":"B"},"emails":[{"value":"x","type":"w"},{"value":"y"}],
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"D","division":"E"}}`
	for name, tc := range map[string]struct{ only, without, want string }{
		"everything":           {"", "", full},
		"one":                  {"USERNAME", "", `{"schemas":["s"],"id":"1","userName":"a"}`},
		"parts":                {"name.givenName, name.familyName,emails.value,emails.type", "", `{"schemas":["s"],"id":"1","name":{"givenName":"A","familyName":"B"},"emails":[{"value":"x","type":"w"},{"value":"y"}]}`},
		"of an extension":      {scim.EnterpriseSchema + ":department", "", `{"schemas":["s"],"id":"1","` + scim.EnterpriseSchema + `":{"department":"D"}}`},
		"an extension":         {scim.EnterpriseSchema, "", `{"schemas":["s"],"id":"1","` + scim.EnterpriseSchema + `":{"department":"D","division":"E"}}`},
		"what there is not":    {"nickName," + scim.EnterpriseSchema + ":x,urn:x:y", "", `{"schemas":["s"],"id":"1"}`},
		"without some":         {"", "emails,name.familyName,id,schemas," + scim.EnterpriseSchema + ":division", `{"schemas":["s"],"id":"1","userName":"a","name":{"givenName":"A"},"` + scim.EnterpriseSchema + `":{"department":"D"}}`},
		"without parts, or it": {"", "emails.value,name,userName," + scim.EnterpriseSchema, `{"schemas":["s"],"id":"1","emails":[{"type":"w"},{}]}`},
	} {
		c, err := scim.Choose(tc.only, tc.without)
		if err != nil {
			t.Fatal(err)
		}
		o := object(t, full)
		if diff := cmp.Diff(object(t, tc.want), c.Of(o)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(object(t, full), o); diff != "" {
			t.Errorf("%s changed the resource:\n%s", name, diff)
		}
	}
	if _, err := scim.Choose("a", "b"); err == nil {
		t.Error("both are taken")
	}
}

func TestChoice_Wants(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		only, without string
		want          bool
	}{{"", "", true}, {"members.value", "", true}, {"displayName", "", false}, {"", "MEMBERS", false}, {"", "members.display", true}} {
		c, err := scim.Choose(tc.only, tc.without)
		if err != nil || c.Wants("members") != tc.want {
			t.Errorf("%+v: %v, %v", tc, c.Wants("members"), err)
		}
	}
}

func TestDocuments_golden(t *testing.T) {
	t.Parallel()
	for file, v := range map[string]any{
		"schemas.json": scim.Schemas("https://x.test/scim/v2"), "resource_types.json": scim.ResourceTypes("https://x.test/scim/v2"),
		"config.json": scim.Config("https://x.test/scim/v2"),
	} {
		raw, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		webtest.GoldenText(t, file, append(raw, '\n'))
	}
}
