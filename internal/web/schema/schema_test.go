package schema_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/web/schema"
	"switchboard/internal/web/strictjson"
)

type inner struct {
	Name  string `json:"name" minLength:"1" maxLength:"3"`
	Count int    `json:"count,omitempty" minimum:"0" maximum:"9"`
}

type level int

type sample struct {
	Text     string           `json:"text,omitempty" pattern:"^[a-z]+$" patternDescription:"small letters"`
	Long     string           `json:"long,omitempty" minLength:"2"`
	ID       string           `json:"id,omitempty" format:"uuid"`
	Flag     bool             `json:"flag,omitempty"`
	Ratio    float64          `json:"ratio,omitempty" exclusiveMinimum:"0" exclusiveMaximum:"1"`
	Even     int              `json:"even,omitempty" multipleOf:"2" maximum:"1000000"`
	Mode     string           `json:"mode,omitempty" enum:"a,b"`
	Level    level            `json:"level,omitempty" enum:"1,2"`
	Inner    *inner           `json:"inner,omitempty"`
	List     []inner          `json:"list,omitempty" minItems:"1" maxItems:"2"`
	Unique   []string         `json:"unique,omitempty" uniqueItems:"true"`
	Objects  []map[string]any `json:"objects,omitempty" uniqueItems:"true"`
	Map      map[string]inner `json:"map,omitempty" minProperties:"1" maxProperties:"2"`
	Any      any              `json:"any,omitempty"`
	Children []sample         `json:"children,omitempty"`
	Maybe    *string          `json:"maybe"`
	Dotted   string           `json:"a.b/c~d,omitempty"`
}

func checker(t testing.TB, v any) *schema.Checker {
	t.Helper()
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return schema.Compile(r, r.Schema(reflect.TypeOf(v), true, ""))
}

func TestChecker_Check(t *testing.T) {
	t.Parallel()
	c := checker(t, sample{})
	for _, tc := range []struct {
		body string
		want string // "pointer: message" joined by "; "
	}{
		{`"maybe":"x","any":[{"x":1}],"inner":{"name":"abc","count":9},"id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"`, ""},
		{`"maybe":"ä","inner":{"name":"äöü"},"ratio":0.5,"even":4,"mode":"b","level":2,"unique":["a","b"],"map":{"x":{"name":"a"}}`, ""},
		{``, "/maybe: is required"},
		{`"maybe":null`, "/maybe: is required"},
		{`"maybe":1`, "/maybe: must be a text"},
		{`"maybe":"","text":"A"`, "/text: must match small letters"},
		{`"maybe":"","long":""`, "/long: must not be empty"},
		{`"maybe":"","long":"ä"`, "/long: must have at least 2 characters"},
		{`"maybe":"","id":"{0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b}"`, "/id: must be a UUID"},
		{`"maybe":"","flag":"true"`, "/flag: must be true or false"},
		{`"maybe":"","ratio":0`, "/ratio: must be more than 0"},
		{`"maybe":"","ratio":1`, "/ratio: must be less than 1"},
		{`"maybe":"","ratio":"x"`, "/ratio: must be a number"},
		{`"maybe":"","even":3`, "/even: must be a multiple of 2"},
		{`"maybe":"","even":1000002`, "/even: must be at most 1000000"},
		{`"maybe":"","even":1.5`, "/even: must be a whole number"},
		{`"maybe":"","mode":"c"`, "/mode: must be one of a, b"},
		{`"maybe":"","level":3`, "/level: must be one of 1, 2"},
		{`"maybe":"","inner":[]`, "/inner: must be an object"},
		{`"maybe":"","inner":{"name":"abcd","count":10,"x":1}`, "/inner/count: must be at most 9; /inner/name: must have at most 3 characters; /inner/x: is not known here"},
		{`"maybe":"","inner":{"name":"a","count":-1}`, "/inner/count: must be at least 0"},
		{`"maybe":"","inner":{"Name":"a"}`, "/inner/Name: is not known here; /inner/name: is required"},
		{`"maybe":"","list":{}`, "/list: must be an array"},
		{`"maybe":"","list":[]`, "/list: must have at least 1 elements"},
		{`"maybe":"","list":[1,2,3]`, "/list: must have at most 2 elements"},
		{`"maybe":"","list":[{"name":"a"},{"name":""}]`, "/list/1/name: must not be empty"},
		{`"maybe":"","list":[null]`, "/list/0: must be an object"},
		{`"maybe":"","unique":["a","b","a"]`, "/unique/2: is given more than once"},
		{`"maybe":"","objects":[{"a":1,"b":2},{"b":2,"a":1}]`, "/objects/1: is given more than once"},
		{`"maybe":"","map":{}`, "/map: must have at least 1 members"},
		{`"maybe":"","map":{"a":1,"b":1,"c":1}`, "/map: must have at most 2 members"},
		{`"maybe":"","map":{"a/b":{}}`, "/map/a~1b/name: is required"},
		{`"maybe":"","children":[{"maybe":"","children":[{}]}]`, "/children/0/children/0/maybe: is required"},
		{`"maybe":"","a.b/c~d":1`, "/a.b~1c~0d: must be a text"},
	} {
		if got := say(c.Check(parse(t, "{"+tc.body+"}"))); got != tc.want {
			t.Errorf("{%s}\n got %s\nwant %s", tc.body, got, tc.want)
		}
	}
}

func parse(t testing.TB, s string) any {
	t.Helper()
	v, err := strictjson.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func say(fields errs.Fields) string {
	var parts []string
	for _, f := range fields {
		parts = append(parts, f.Path+": "+f.Message)
	}
	return strings.Join(parts, "; ")
}

func TestChecker_codes(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, f := range checker(t, sample{}).Check(parse(t, `{"nope":1,"mode":"c","long":""}`)) {
		got[f.Path] = f.Code.Name
	}
	want := map[string]string{"/maybe": "RequiredValue", "/nope": "UnknownAttribute", "/mode": "InvalidValue", "/long": "RequiredValue"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("codes = %v, want %v", got, want)
	}
}

func TestChecker_combinations(t *testing.T) {
	t.Parallel()
	r := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	text, number := &huma.Schema{Type: "string"}, &huma.Schema{Type: "integer"}
	small := 3.0
	for _, tc := range []struct {
		schema *huma.Schema
		value  string
		ok     bool
	}{
		{&huma.Schema{OneOf: []*huma.Schema{text, number}}, `1`, true},
		{&huma.Schema{OneOf: []*huma.Schema{text, number}}, `true`, false},
		{&huma.Schema{OneOf: []*huma.Schema{number, {Type: "number"}}}, `1`, false},
		{&huma.Schema{AnyOf: []*huma.Schema{number, {Type: "number"}}}, `1`, true},
		{&huma.Schema{AnyOf: []*huma.Schema{text}}, `1`, false},
		{&huma.Schema{AllOf: []*huma.Schema{number, {Type: "number", Maximum: &small}}}, `3`, true},
		{&huma.Schema{AllOf: []*huma.Schema{number, {Type: "number", Maximum: &small}}}, `4`, false},
		{&huma.Schema{Type: "string", Nullable: true}, `null`, true},
		{&huma.Schema{Type: "string"}, `null`, false},
		{&huma.Schema{Type: "string", Enum: []any{"", "all"}}, `""`, true},
		{&huma.Schema{}, `{"x":[null]}`, true},
		{&huma.Schema{Type: "object", AdditionalProperties: number}, `{"x":1}`, true},
		{&huma.Schema{Type: "object", AdditionalProperties: number}, `{"x":""}`, false},
	} {
		if got := schema.Compile(r, tc.schema).Check(parse(t, tc.value)); (len(got) == 0) != tc.ok {
			t.Errorf("%s: %v", tc.value, got)
		}
	}
	if !strings.Contains(say(schema.Compile(r, &huma.Schema{Type: "string", Enum: []any{"", "all"}}).Check("x")), `"", all`) {
		t.Error("an empty choice is shown")
	}
}

func TestChecker_guidesReadersOfText(t *testing.T) {
	t.Parallel()
	c := checker(t, sample{})
	for path, want := range map[string]string{"flag": "boolean", "list": "array", "map": "object", "nope": "-", "any": ""} {
		got := "-"
		if m := c.Member(path); m != nil {
			got = m.Type()
		}
		if got != want {
			t.Errorf("%s is a %q, want %q", path, got, want)
		}
	}
	if c.Member("list").Items().Member("count").Type() != "integer" || c.Member("map").Member("x").Member("name").Type() != "string" {
		t.Error("elements and values of maps have types too")
	}
	if schema.Any().Member("x").Member("y").Type() != "" || len(schema.Any().Check(parse(t, `{"x":1}`))) != 0 {
		t.Error("any value has any members")
	}
}

func TestChecker_boundsItsAnswer(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, `"x%d":1,`, i)
	}
	if got := checker(t, sample{}).Check(parse(t, "{"+b.String()+`"maybe":""}`)); len(got) != 100 {
		t.Errorf("%d fields", len(got))
	}
}

// FuzzCheck looks for values that break the checker, and holds it to what the Go type then takes.
func FuzzCheck(f *testing.F) {
	c := checker(f, sample{})
	f.Add(`{"maybe":"x","list":[{"name":"a"}],"map":{"k":{"name":"b"}},"unique":[1,{},[]]}`)
	f.Add(`{"maybe":null,"children":[{"maybe":"x","even":1e300}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		v, err := strictjson.Parse([]byte(s))
		if err != nil || len(c.Check(v)) > 0 {
			return
		}
		var out sample
		if err := json.Unmarshal([]byte(s), &out); err != nil && !strings.Contains(err.Error(), "number") {
			t.Errorf("%s passed and does not decode: %v", s, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	c := checker(b, sample{})
	v := parse(b, `{"maybe":"x","text":"abc","id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","list":[{"name":"a"},{"name":"b"}],"mode":"a"}`)
	b.ReportAllocs()
	for b.Loop() {
		if len(c.Check(v)) != 0 {
			b.Fatal("wrong")
		}
	}
}
