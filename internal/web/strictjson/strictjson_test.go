package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/web/strictjson"
)

func TestParse_reads(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]any{
		`{}`:                         map[string]any{},
		` { "a" : [ 1 , -2.5e1 ] } `: map[string]any{"a": []any{1.0, -25.0}},
		`[]`:                         []any{},
		`[null]`:                     []any{nil},
		`null`:                       nil,
		`"ä\u00e4\n\ud83d\ude00"`:    "ää\n😀",
		`"\"\\\/\b\f\r\t"`:           "\"\\/\b\f\r\t",
		`true`:                       true,
		`{"f":false,"n":null,"z":0}`: map[string]any{"f": false, "z": 0.0},
		`{"a":{"b":null}}`:           map[string]any{"a": map[string]any{}},
		"\t-0.5E-1\r\n":              -0.05,
	} {
		got, err := strictjson.Parse([]byte(in))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%s) = %#v, %v; want %#v", in, got, err, want)
		}
	}
}

func TestParse_refuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in      string
		kind    strictjson.Kind
		pointer string
	}{
		{``, strictjson.Syntax, ""},
		{`   `, strictjson.Syntax, ""},
		{`{`, strictjson.Syntax, ""},
		{`{"a"`, strictjson.Syntax, ""},
		{`{"a":`, strictjson.Syntax, "/a"},
		{`{"a":1,}`, strictjson.Syntax, ""},
		{`{a:1}`, strictjson.Syntax, ""},
		{`{"a" 1}`, strictjson.Syntax, ""},
		{`{"a":1 "b":2}`, strictjson.Syntax, ""},
		{`[1,]`, strictjson.Syntax, "/1"},
		{`[1 2]`, strictjson.Syntax, ""},
		{`{} {}`, strictjson.Syntax, ""},
		{`{}x`, strictjson.Syntax, ""},
		{`tru`, strictjson.Syntax, ""},
		{`nul`, strictjson.Syntax, ""},
		{`01`, strictjson.Syntax, ""},
		{`-`, strictjson.Syntax, ""},
		{`1.`, strictjson.Syntax, ""},
		{`1e`, strictjson.Syntax, ""},
		{`+1`, strictjson.Syntax, ""},
		{`NaN`, strictjson.Syntax, ""},
		{`"abc`, strictjson.Syntax, ""},
		{`"a\`, strictjson.Syntax, ""},
		{`"a\x"`, strictjson.Syntax, ""},
		{`"a\u12"`, strictjson.Syntax, ""},
		{`"a\u12g4"`, strictjson.Syntax, ""},
		{"\"a\nb\"", strictjson.Syntax, ""},
		{"\"\\\"a\nb\"", strictjson.Syntax, ""},
		{`{"a":{"b/c":["\u0000"]}}`, strictjson.NUL, "/a/b~1c/0"},
		{"{\"a\":\"x\x00\"}", strictjson.NUL, "/a"},
		{"{\"a\":\"\\n\x00\"}", strictjson.NUL, "/a"},
		{`{"\u0000":1}`, strictjson.NUL, ""},
		{"{\"a\":\"\xff\"}", strictjson.Encoding, ""},
		{`{"a":"\ud800"}`, strictjson.Encoding, "/a"},
		{`{"a":"\ud800\u0041"}`, strictjson.Encoding, "/a"},
		{`{"a":"\ude00\ud83d"}`, strictjson.Encoding, "/a"},
		{`{"a":1,"b":{"c":1,"c":2}}`, strictjson.Duplicate, "/b/c"},
		{`{"a":null,"a":1}`, strictjson.Duplicate, "/a"},
		{`{"a":[1e999]}`, strictjson.Range, "/a/0"},
		{strings.Repeat("[", 65), strictjson.Depth, strings.Repeat("/0", 64)},
		{strings.Repeat(`{"a":`, 100_000), strictjson.Depth, strings.Repeat("/a", 64)},
	} {
		_, err := strictjson.Parse([]byte(tc.in))
		e, ok := errors.AsType[*strictjson.Error](err)
		if !ok || e.Kind != tc.kind || e.Pointer != tc.pointer {
			t.Errorf("Parse(%.40q) = %v (%+v), want kind %d at %q", tc.in, err, e, tc.kind, tc.pointer)
		} else if e.Error() == "" || e.Offset < 0 || e.Offset > len(tc.in)+1 {
			t.Errorf("Parse(%.40q): %+v", tc.in, e)
		}
	}
}

// FuzzParse holds the parser against encoding/json: it accepts nothing that encoding/json refuses, and reads the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"x\u0041\ud83d\ude00",null,true]}`, `{"a":null,"b":{}}`, `[[[]]]`, `"\u0000"`, `1e999`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := strictjson.Parse(data)
		if err != nil {
			return
		}
		var want any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted %q, which encoding/json refuses: %v", data, err)
		}
		if want = withoutNulls(want); !reflect.DeepEqual(got, want) {
			t.Fatalf("read %q as %#v, encoding/json as %#v", data, got, want)
		}
		if !utf8.Valid(data) || bytes.ContainsRune(data, 0) {
			t.Fatalf("accepted %q", data)
		}
	})
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if m == nil {
				delete(v, k)
				continue
			}
			v[k] = withoutNulls(m)
		}
	case []any:
		for i, m := range v {
			v[i] = withoutNulls(m)
		}
	}
	return v
}

func BenchmarkParse(b *testing.B) {
	data := []byte(`{"data":{"type":"messaging-messages","attributes":{"channel-id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","message":"Hello there, how are you today?","auto-ack":"","draft":false,"include-destinations":["sms","email"]}}}`)
	b.Run("strictjson", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := strictjson.Parse(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
