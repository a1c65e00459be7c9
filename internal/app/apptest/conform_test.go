package apptest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
)

func TestSchema_Conform(t *testing.T) {
	t.Parallel()
	const document = `{"paths":{"/x":{"get":{"x-api":"courier","responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/X"}}}}},
		"security":[{}]}}},"components":{"schemas":{"X":{"type":"object","additionalProperties":false,"required":["a"],"properties":{
		"a":{"type":"string"},"n":{"type":"integer"},"f":{"type":"number"},"e":{"type":"string","enum":["x","y"]},"o":{"type":["string","null"]},
		"l":{"type":"array","items":{"$ref":"#/components/schemas/X"}},"any":{},"alt":{"oneOf":[{"type":"string"},{"type":"boolean"}]}}}}}}`
	operations := apptest.Operations(t, []byte(document))
	if len(operations) != 1 || operations[0].Route() != "GET /x" || operations[0].Status != 200 || !operations[0].Public {
		t.Fatalf("Operations = %+v", operations)
	}
	for body, want := range map[string]string{
		`{"a":"x","n":1,"f":1.5,"e":"y","o":null,"l":[{"a":"z"}],"any":[1],"alt":true}`: "",
		`{}`:                           ".a is missing",
		`{"a":null}`:                   ".a is null",
		`{"a":1}`:                      ".a is of the type integer, not string",
		`{"a":"x","n":1.5}`:            ".n is of the type number, not integer",
		`{"a":"x","f":1}`:              "",
		`{"a":"x","e":"z"}`:            ".e is z, which is not one of [x y]",
		`{"a":"x","b":1}`:              ".b is not in the document",
		`{"a":"x","l":[{"a":"x"},{}]}`: ".l[].a is missing",
		`{"a":"x","alt":1}`:            ".alt is none of the alternatives",
		`[]`:                           " is of the type array, not object",
	} {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(operations[0].Answer.Conform(v), "; "); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
