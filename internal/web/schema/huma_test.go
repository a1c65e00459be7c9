package schema_test

import (
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/web/schema"
	"switchboard/internal/web/strictjson"
)

// TestChecker_agreesWithHuma compares verdicts with those of the validator that this package replaces, wherever both
// mean to say the same.
func TestChecker_agreesWithHuma(t *testing.T) {
	t.Parallel()
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	form := r.Schema(reflect.TypeFor[sample](), true, "")
	c := schema.Compile(r, form)
	for _, body := range []string{
		`{}`, `[]`, `1`, `"x"`, `true`,
		`{"maybe":"x"}`, `{"maybe":1}`, `{"maybe":"x","nope":1}`,
		`{"maybe":"x","text":"abc"}`, `{"maybe":"x","text":"ABC"}`, `{"maybe":"x","long":"a"}`, `{"maybe":"x","long":"ab"}`,
		`{"maybe":"x","id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"}`, `{"maybe":"x","id":"0193a4c0"}`,
		`{"maybe":"x","flag":true}`, `{"maybe":"x","flag":1}`,
		`{"maybe":"x","ratio":0}`, `{"maybe":"x","ratio":0.5}`, `{"maybe":"x","ratio":1}`,
		`{"maybe":"x","even":2}`, `{"maybe":"x","even":3}`, `{"maybe":"x","even":2.5}`, `{"maybe":"x","even":1000002}`,
		`{"maybe":"x","mode":"a"}`, `{"maybe":"x","mode":"z"}`,
		`{"maybe":"x","inner":{"name":"a"}}`, `{"maybe":"x","inner":{}}`, `{"maybe":"x","inner":{"name":"abcd"}}`, `{"maybe":"x","inner":{"name":"a","count":10}}`,
		`{"maybe":"x","list":[]}`, `{"maybe":"x","list":[{"name":"a"}]}`, `{"maybe":"x","list":[{"name":"a"},{}]}`, `{"maybe":"x","list":[{"name":"a"},{"name":"b"},{"name":"c"}]}`,
		`{"maybe":"x","unique":["a","b"]}`, `{"maybe":"x","unique":["a","a"]}`,
		`{"maybe":"x","map":{}}`, `{"maybe":"x","map":{"k":{"name":"a"}}}`, `{"maybe":"x","map":{"k":{}}}`,
		`{"maybe":"x","any":[1,{"a":null}]}`, `{"maybe":"x","children":[{"maybe":"y"}]}`, `{"maybe":"x","children":[{"maybe":2}]}`,
	} {
		v, err := strictjson.Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		var theirs huma.ValidateResult
		huma.Validate(r, form, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, v, &theirs)
		if ours := c.Check(v); (len(ours) == 0) != (len(theirs.Errors) == 0) {
			t.Errorf("%s: ours %v, theirs %v", body, ours, theirs.Errors)
		}
	}
}
