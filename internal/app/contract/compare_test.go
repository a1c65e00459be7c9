package contract_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/app/contract"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestCompare(t *testing.T) {
	t.Parallel()
	const (
		sample = `{"data":{"id":"11111111-1111-1111-1111-111111111111","attributes":{"name":"string","n":0,"on":true,"day":"2019-08-24","free":{},"list":[{"a":"string"}]}},"meta":{}}`
		good   = `{"data":{"id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","attributes":{"name":"x","n":3,"on":false,"day":"1970-01-02","free":{"x":1},"list":[{"a":"b"},{"a":"c"}]}},"meta":{"y":2}}`
	)
	rules := contract.Rules{
		Null: map[string]string{"data.attributes.name": "why"}, Empty: map[string]string{"data.attributes.list": "why"},
		Ours: map[string]string{"data.attributes.more": "why"},
	}
	for _, tc := range []struct{ replace, by, want string }{
		{"", "", ""},
		{`"name":"x"`, `"name":null`, ""},
		{`"list":[{"a":"b"},{"a":"c"}]`, `"list":[]`, ""},
		{`"n":3`, `"n":3,"more":1`, ""},
		{`"n":3`, `"n":null`, "data.attributes.n is null"},
		{`"n":3`, `"n":3.5`, "data.attributes.n is 3.5, not a whole number"},
		{`"n":3`, `"n":"3"`, "data.attributes.n is a text, not a number"},
		{`"n":3,`, ``, "data.attributes.n is missing"},
		{`"n":3`, `"n":3,"extra":null`, "data.attributes.extra is not in the contract"},
		{`"on":false`, `"on":0`, "data.attributes.on is a number, not a boolean"},
		{`"1970-01-02"`, `"1970-01-02T00:00:00Z"`, `data.attributes.day is "1970-01-02T00:00:00Z", not a date`},
		{`"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"`, `"02OFgyqVPIZ6GZ4yuNtTpJ"`, `data.id is "02OFgyqVPIZ6GZ4yuNtTpJ", not a UUID`},
		{`"free":{"x":1}`, `"free":[]`, "data.attributes.free is a list, not an object"},
		{`{"a":"c"}`, `{"a":7}`, "data.attributes.list[].a is a number, not a text"},
		{`{"a":"c"}`, `{}`, "data.attributes.list[].a is missing"},
		{`,"meta":{"y":2}`, ``, "meta is missing"},
		{good, `[]`, "the body is a list, not an object"},
		{good, `null`, "the body is null"},
	} {
		answer := strings.Replace(good, tc.replace, tc.by, 1)
		if tc.replace == "" {
			answer = good
		}
		got := contract.Compare(decode(t, sample), decode(t, answer), rules)
		if strings.Join(got, "; ") != tc.want {
			t.Errorf("%s for %s: %q, want %q", tc.by, tc.replace, got, tc.want)
		}
	}
	empty := contract.Compare(decode(t, `{"list":[{"a":1}]}`), decode(t, `{"list":[]}`), contract.Rules{})
	if len(empty) != 1 || !strings.Contains(empty[0], "list is empty") {
		t.Errorf("an empty list: %q", empty)
	}
	null := contract.Compare(decode(t, `null`), decode(t, `null`), contract.Rules{})
	if len(null) != 0 {
		t.Errorf("null for null: %q", null)
	}
}

func TestCompare_forms(t *testing.T) {
	t.Parallel()
	const id = "0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"
	for _, tc := range []struct{ sample, answer, want string }{
		{`"usr_11111111-1111-1111-1111-111111111111"`, `"usr_` + id + `"`, ""},
		{`"usr_11111111-1111-1111-1111-111111111111"`, `"` + id + `"`, "not a UUID behind usr_"},
		{`"usr_11111111-1111-1111-1111-111111111111"`, `"sch_` + id + `"`, "not a UUID behind usr_"},
		{`"11111111-1111-1111-1111-111111111111"`, `"usr_` + id + `"`, "not a UUID"},
		{`"aaaaaaaaaaaaaaaaaaaaaa"`, `"02OFgyqVPIZ6GZ4yuNtTpJ"`, ""},
		{`"aaaaaaaaaaaaaaaaaaaaaa"`, `"` + id + `"`, "not 16 to 22 letters"},
		{`"2026-11-22T10:00:00.000Z"`, `"2027-01-01T00:00:00.123Z"`, ""},
		{`"2026-11-22T10:00:00.000Z"`, `"2027-01-01T00:00:00Z"`, "not an instant"},
		{`1700000000`, `1800000000`, ""},
		{`1700000000`, `1800000000000`, "not a number of seconds"},
		{`0.5`, `1`, ""},
	} {
		got := strings.Join(contract.Compare(decode(t, tc.sample), decode(t, tc.answer), contract.Rules{}), "; ")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s for %s: %q, want %q", tc.answer, tc.sample, got, tc.want)
		}
	}
}

func TestRules_Of(t *testing.T) {
	t.Parallel()
	r := contract.Rules{Null: map[string]string{"name": "why"}}.Of()
	for _, body := range []string{`{"data":{"attributes":{"name":%}}}`, `{"data":[{"attributes":{"name":%}}]}`} {
		sample := decode(t, strings.ReplaceAll(body, "%", `"string"`))
		if got := contract.Compare(sample, decode(t, strings.ReplaceAll(body, "%", "null")), r); len(got) > 0 {
			t.Errorf("%s: %q", body, got)
		}
	}
}

func TestUnproven(t *testing.T) {
	t.Parallel()
	sample := decode(t, `{"a":"string","b":"string","list":[{"c":0,"d":0}],"none":[{"e":0}]}`)
	got := contract.Unproven(sample, []any{
		decode(t, `{"a":null,"b":"x","list":[{"c":1,"d":null}],"none":[]}`), decode(t, `{"a":null,"b":null,"list":[],"none":[]}`),
	})
	if want := []string{"a", "list[].d", "none[].e"}; !slices.Equal(got, want) {
		t.Errorf("Unproven = %v, want %v", got, want)
	}
}
