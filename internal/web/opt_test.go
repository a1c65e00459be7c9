package web_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"switchboard/internal/web"
)

type patch struct {
	Name  web.Opt[string]   `json:"name,omitzero"`
	Tags  web.Opt[[]string] `json:"tags,omitzero"`
	Count web.Opt[int]      `json:"count,omitzero"`
}

func TestOpt(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]patch{
		`{}`:                             {},
		`{"name":null}`:                  {Name: web.Null[string]()},
		`{"name":""}`:                    {Name: web.Some("")},
		`{"name":"x","count":0}`:         {Name: web.Some("x"), Count: web.Some(0)},
		`{"tags":["a"],"count":null}`:    {Tags: web.Some([]string{"a"}), Count: web.Null[int]()},
		`{"name":"x","tags":[],"x":"y"}`: {Name: web.Some("x"), Tags: web.Some([]string{})},
	} {
		var got patch
		if err := json.Unmarshal([]byte(in), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads as %+v, %v", in, got, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"count":"x"}`), &patch{}); err == nil {
		t.Error("a value of the wrong type is an error")
	}
	raw, err := json.Marshal(patch{Name: web.Some("x"), Tags: web.Null[[]string]()})
	if err != nil || string(raw) != `{"name":"x","tags":null}` {
		t.Errorf("Marshal = %s, %v", raw, err)
	}
}

func TestOpt_accessors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		opt   web.Opt[int]
		given bool
		or    int
		ptr   *int
	}{
		{web.Opt[int]{}, false, 7, nil},
		{web.Null[int](), false, 7, new(int)},
		{web.Some(3), true, 3, func() *int { n := 3; return &n }()},
	} {
		_, given := tc.opt.Get()
		if given != tc.given || tc.opt.Or(7) != tc.or || !reflect.DeepEqual(tc.opt.Ptr(), tc.ptr) {
			t.Errorf("%+v: %v, %v, %v", tc.opt, given, tc.opt.Or(7), tc.opt.Ptr())
		}
	}
}

func FuzzOpt(f *testing.F) {
	f.Add(`{"name":null,"tags":["a"],"count":1}`)
	f.Add(`{"tags":null}`)
	f.Fuzz(func(t *testing.T, s string) {
		var first, second patch
		if json.Unmarshal([]byte(s), &first) != nil {
			return
		}
		raw, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &second); err != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%s became %s", s, raw)
		}
	})
}
