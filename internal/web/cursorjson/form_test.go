package cursorjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/web/schema"
	"switchboard/internal/web/strictjson"
)

type shape struct {
	Name    string              `json:"name"`
	Flag    bool                `json:"flag"`
	Count   int                 `json:"count"`
	Ratio   float64             `json:"ratio"`
	List    []string            `json:"list"`
	Numbers []int               `json:"numbers"`
	Matrix  [][]int             `json:"matrix"`
	Objects []sub               `json:"objects"`
	Maps    []map[string][]int  `json:"maps"`
	Inner   sub                 `json:"inner"`
	Any     any                 `json:"any"`
	Map     map[string][]string `json:"map"`
}

type sub struct {
	A    string   `json:"a"`
	N    int      `json:"n"`
	Tags []string `json:"tags"`
}

func want(t testing.TB) *schema.Checker {
	t.Helper()
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return schema.Compile(r, r.Schema(reflect.TypeFor[shape](), true, ""))
}

func TestReadForm(t *testing.T) {
	t.Parallel()
	c := want(t)
	for in, out := range map[string]string{
		``:                                       `{}`,
		`&&`:                                     `{}`,
		`name=a+b%26c`:                           `{"name":"a b&c"}`,
		`name=`:                                  `{"name":""}`,
		`name`:                                   `{"name":""}`,
		`flag=true&count=-3&ratio=1e2`:           `{"flag":true,"count":-3,"ratio":100}`,
		`flag=&count=&ratio=`:                    `{"flag":null,"count":null,"ratio":null}`,
		`flag=1&count=x&ratio=NaN`:               `{"flag":"1","count":"x","ratio":"NaN"}`,
		`count=9007199254740993`:                 `{"count":9007199254740993}`,
		`list[]=a&list[]=b`:                      `{"list":["a","b"]}`,
		`list=a`:                                 `{"list":["a"]}`,
		`list=`:                                  `{"list":[]}`,
		`list[]=`:                                `{"list":[]}`,
		`list[]=&list[]=b`:                       `{"list":["","b"]}`,
		`list[1]=b&list[0]=a&list[10]=c`:         `{"list":["a","b","c"]}`,
		`list[x]=b`:                              `{"list":[{"x":"b"}]}`,
		`numbers[]=1&numbers[]=x`:                `{"numbers":[1,"x"]}`,
		`matrix[0][]=1&matrix[0][]=2&matrix[1]=`: `{"matrix":[[1,2],[]]}`,
		`objects[][a]=x&objects[][n]=1&objects[][a]=y`:    `{"objects":[{"a":"x","n":1},{"a":"y"}]}`,
		`objects[][tags][]=x&objects[][tags][]=y`:         `{"objects":[{"tags":["x","y"]}]}`,
		`objects[0][a]=x&objects[1][a]=y&objects[0][n]=7`: `{"objects":[{"a":"x","n":7},{"a":"y"}]}`,
		`objects[a]=x`:                  `{"objects":[{"a":"x"}]}`,
		`maps[love][]=1&maps[love][]=2`: `{"maps":[{"love":[1,2]}]}`,
		`inner[a]=x&inner[n]=1`:         `{"inner":{"a":"x","n":1}}`,
		`map[k][]=x`:                    `{"map":{"k":["x"]}}`,
		`any=1&nope[x]=2&nope2[]=3`:     `{"any":"1","nope":{"x":"2"},"nope2":["3"]}`,
		`any[x]=1`:                      `{"any":{"x":"1"}}`,
		`inner=x`:                       `{"inner":"x"}`,
		`name[x]=y`:                     `{"name":{"x":"y"}}`,
		`name[]=y`:                      `{"name":["y"]}`,
		`list[0]=a&list[01]=b`:          `{"list":[{"0":"a","01":"b"}]}`,
		`%6Eame=x`:                      `{"name":"x"}`,
		`inner%5Ba%5D=x`:                `{"inner":{"a":"x"}}`,
		strings.Repeat("list[]=a&", 999) + "name=x": `{"name":"x","list":[` + strings.Repeat(`"a",`, 998) + `"a"]}`,
	} {
		_, got, err := readForm([]byte(in), nil, c)
		if err != nil || !same(got, []byte(out)) {
			t.Errorf("%.60s\n got %.200s, %v\nwant %.200s", in, got, err, out)
		}
	}
}

func same(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func TestReadForm_refuses(t *testing.T) {
	t.Parallel()
	c := want(t)
	for in, pointer := range map[string]string{
		`=x`: "", `[]=x`: "/[]", `[a]=x`: "/[a]", `a[=x`: "/a[", `a]=x`: "/a]", `a[b=x`: "/a[b", `a[b]c=x`: "/a[b]c", `a[b[c]]=x`: "/a[b[c]]", `a[b]]=x`: "/a[b]]",
		`name=a&name=b`: "/name", `name=a&name[x]=b`: "/name/x", `name[x]=a&name=b`: "/name", `name[x]=a&name[]=b`: "/name/", `list[]=a&list[x]=b`: "/list/x",
		`a[b]=1&a[b]=2`: "/a/b", `a[b/c]=1&a[b/c]=2`: "/a/b~1c",
		`name=%00`: "/name", `name=%ff`: "/name", `%00=x`: "", `%zz=x`: "", `name=%zz`: "",
		`a[1][2][3][4][5][6][7][8]=x`:                "/a[1][2][3][4][5][6][7][8]",
		strings.Repeat("list[]=a&", 1000) + "name=x": "",
	} {
		_, _, err := readForm([]byte(in), nil, c)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || e.Code.Kind != errs.Malformed {
			t.Errorf("%.60s: %v", in, err)
			continue
		}
		got := ""
		if len(e.Fields) > 0 {
			got = e.Fields[0].Path
		}
		if got != pointer && pointer != "" {
			t.Errorf("%.60s blames %q, want %q", in, got, pointer)
		}
	}
}

const wholeMultipart = "--B\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na b\r\n" +
	"--B\r\nContent-Disposition: form-data; name=\"list[]\"\r\n\r\nc\r\n--B--"

func readB(body string, c *schema.Checker) (any, []byte, error) {
	return readMultipart([]byte(body), map[string]string{"boundary": "B"}, c)
}

// TestReadMultipart_cutOff cuts a form everywhere: what the client did not get to say must not count as not said.
func TestReadMultipart_cutOff(t *testing.T) {
	t.Parallel()
	c := want(t)
	for n := range len(wholeMultipart) {
		_, got, err := readB(wholeMultipart[:n], c)
		if e, ok := errors.AsType[*errs.Error](err); !ok || e.Code.Kind != errs.Malformed {
			t.Errorf("%q was read as %s, %v", wholeMultipart[:n], got, err)
		}
	}
	for _, end := range []string{"", "\r\n", "\r\nepilogue"} {
		if _, got, err := readB(wholeMultipart+end, c); err != nil || !same(got, []byte(`{"name":"a b","list":["c"]}`)) {
			t.Errorf("the whole form, then %q: %s, %v", end, got, err)
		}
	}
	if _, got, err := readB("--B--\r\n", c); err != nil || string(got) != "{}" {
		t.Errorf("a form without fields: %s, %v", got, err)
	}
}

// FuzzReadMultipart looks for forms that break the reader, and for some that end without saying so.
func FuzzReadMultipart(f *testing.F) {
	f.Add(wholeMultipart)
	f.Add("--B--\r\n")
	f.Add("--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--B--")
	c := want(f)
	f.Fuzz(func(t *testing.T, s string) {
		tree, raw, err := readB(s, c)
		if err != nil {
			if _, ok := errors.AsType[*errs.Error](err); !ok {
				t.Fatalf("%q: %v is not an error for the caller", s, err)
			}
			return
		}
		if !strings.Contains(s, "--B--") {
			t.Fatalf("%q has no end and was read as %s", s, raw)
		}
		if again, err := strictjson.Parse(raw); err != nil || !reflect.DeepEqual(tree, again) {
			t.Fatalf("%q: the tree is %v and the JSON %s (%v)", s, tree, raw, err)
		}
	})
}

// FuzzReadForm looks for forms that break the reader, and holds its two results to each other.
func FuzzReadForm(f *testing.F) {
	for _, s := range []string{"name=a&list[]=b", "objects[][a]=x&objects[][n]=1", "maps[love][]=1", "matrix[0][1]=2", "a[b][c][]=%00&count=1e5", "flag=&ratio=.5"} {
		f.Add(s)
	}
	c := want(f)
	f.Fuzz(func(t *testing.T, s string) {
		tree, raw, err := readForm([]byte(s), nil, c)
		if err != nil {
			if _, ok := errors.AsType[*errs.Error](err); !ok {
				t.Fatalf("%q: %v is not an error for the caller", s, err)
			}
			return
		}
		again, err := strictjson.Parse(raw)
		if err != nil {
			t.Fatalf("%q became %s: %v", s, raw, err)
		}
		if !reflect.DeepEqual(tree, again) {
			t.Fatalf("%q: the tree is %v and the JSON %v", s, tree, again)
		}
		if len(c.Check(tree)) == 0 {
			if err := json.Unmarshal(raw, new(shape)); err != nil && !strings.Contains(err.Error(), "number") {
				t.Fatalf("%q: %v", s, err)
			}
		}
	})
}

func FuzzSteps(f *testing.F) {
	f.Add("a[b][]")
	f.Fuzz(func(t *testing.T, s string) {
		path, err := steps(s)
		if err != nil {
			return
		}
		again := path[0]
		for _, p := range path[1:] {
			again += fmt.Sprintf("[%s]", p)
		}
		if again != s || len(path) > maxSteps {
			t.Errorf("%q is cut into %q", s, path)
		}
	})
}

func BenchmarkReadForm(b *testing.B) {
	c := want(b)
	body := []byte("name=a+b&list[]=x&list[]=y&count=7&inner[a]=z&flag=true")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := readForm(body, nil, c); err != nil {
			b.Fatal(err)
		}
	}
}
