package setting_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/errs"
	"switchboard/internal/setting"
)

type sample struct {
	Host    string           `key:"host,required" doc:"Where."`
	Port    int              `key:"port" default:"587" doc:"Which."`
	Token   setting.Secret   `key:"token" doc:"What."`
	Keys    []setting.Secret `key:"keys" doc:"Whose."`
	Names   []string         `key:"names" default:"a,b" doc:"Who."`
	Wait    time.Duration    `key:"wait" default:"15s" doc:"How long."`
	Private bool             `key:"private" doc:"Whether."`
}

func (s *sample) Check(f *errs.Fields) {
	if s.Port < 1 || s.Port > 65535 {
		f.Add("port", "must be between 1 and 65535")
	}
}

func faults(t *testing.T, err error) map[string]string {
	t.Helper()
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		t.Fatalf("%v (%T) is no *errs.Error", err, err)
	}
	out := map[string]string{}
	for _, field := range e.Fields {
		out[field.Path] = field.Message
	}
	return out
}

func TestDecode_defaults(t *testing.T) {
	got, err := setting.Decode[sample](map[string]any{"host": "h", "port": nil})
	want := sample{Host: "h", Port: 587, Names: []string{"a", "b"}, Wait: 15 * time.Second}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDecode_types(t *testing.T) {
	want := sample{
		Host: "h", Port: 25, Token: "t", Keys: []setting.Secret{"k1", "k2"}, Names: []string{"n"}, Wait: time.Minute, Private: true,
	}
	for name, raw := range map[string]map[string]any{
		"typed":       {"host": "h", "port": 25, "token": "t", "keys": []string{"k1", "k2"}, "names": []any{"n"}, "wait": time.Minute, "private": true},
		"json":        {"host": "h", "port": 25.0, "token": "t", "keys": []any{"k1", "k2"}, "names": []any{"n"}, "wait": "1m", "private": true},
		"environment": {"host": "h", "port": "25", "token": "t", "keys": "k1, k2", "names": "n,", "wait": "60s", "private": "true"},
		"yaml":        {"host": "h", "port": uint64(25), "token": "t", "keys": "k1,k2", "names": "n", "wait": "60s", "private": "1"},
	} {
		got, err := setting.Decode[sample](raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestDecode_mistakes(t *testing.T) {
	for name, c := range map[string]struct {
		raw  map[string]any
		want map[string]string
	}{
		"missing":      {map[string]any{}, map[string]string{"host": "is required"}},
		"empty":        {map[string]any{"host": ""}, map[string]string{"host": "is required"}},
		"unknown":      {map[string]any{"host": "h", "hosst": 1}, map[string]string{"hosst": "is no setting here"}},
		"check":        {map[string]any{"host": "h", "port": 0}, map[string]string{"port": "must be between 1 and 65535"}},
		"text":         {map[string]any{"host": 7}, map[string]string{"host": "must be a text"}},
		"secret":       {map[string]any{"host": "h", "token": 7}, map[string]string{"token": "must be a text"}},
		"number":       {map[string]any{"host": "h", "port": "many"}, map[string]string{"port": "must be a whole number"}},
		"fraction":     {map[string]any{"host": "h", "port": 1.5}, map[string]string{"port": "must be a whole number"}},
		"number of":    {map[string]any{"host": "h", "port": true}, map[string]string{"port": "must be a whole number"}},
		"huge":         {map[string]any{"host": "h", "port": uint64(1 << 60)}, map[string]string{"port": "must be a whole number"}},
		"duration":     {map[string]any{"host": "h", "wait": "15"}, map[string]string{"wait": `must be a duration such as "15s"`}},
		"duration of":  {map[string]any{"host": "h", "wait": 15}, map[string]string{"wait": `must be a duration such as "15s"`}},
		"boolean":      {map[string]any{"host": "h", "private": "maybe"}, map[string]string{"private": "must be true or false"}},
		"list":         {map[string]any{"host": "h", "names": 1}, map[string]string{"names": "must be a list of texts"}},
		"list of list": {map[string]any{"host": "h", "keys": []any{[]any{}}}, map[string]string{"keys": "must be a list of texts"}},
		"all at once": {
			map[string]any{"port": "x", "y": 1},
			map[string]string{"host": "is required", "port": "must be a whole number", "y": "is no setting here"},
		},
	} {
		_, err := setting.Decode[sample](c.raw)
		if diff := cmp.Diff(c.want, faults(t, err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDescribe(t *testing.T) {
	want := []setting.Setting{
		{Key: "host", Type: "text", Required: true, Doc: "Where."},
		{Key: "port", Type: "number", Default: "587", Doc: "Which."},
		{Key: "token", Type: "secret", Doc: "What."},
		{Key: "keys", Type: "list of secrets", Doc: "Whose."},
		{Key: "names", Type: "list of texts", Default: "a,b", Doc: "Who."},
		{Key: "wait", Type: "duration", Default: "15s", Doc: "How long."},
		{Key: "private", Type: "yes or no", Doc: "Whether."},
	}
	if diff := cmp.Diff(want, setting.Describe(&sample{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSetting_Secret(t *testing.T) {
	for _, s := range setting.Describe(&sample{}) {
		if want := s.Key == "token" || s.Key == "keys"; s.Secret() != want {
			t.Errorf("%s: %v", s.Key, s.Secret())
		}
	}
}

func TestDescribe_panicsOnAStructThatIsNoSettings(t *testing.T) {
	for name, v := range map[string]any{
		"no key": struct{ A string }{},
		"no doc": struct {
			A string `key:"a"`
		}{},
		"odd type": struct {
			A float32 `key:"a" doc:"A."`
		}{},
		"odd list": struct {
			A []int `key:"a" doc:"A."`
		}{},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			setting.Describe(v)
		}()
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"host":"h","port":25,"keys":["sekrit-value"]}`)
	f.Add(`{"host":1,"wait":"1h","private":"yes","token":{"a":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var raw map[string]any
		if json.Unmarshal([]byte(text), &raw) != nil {
			return
		}
		got, err := setting.Decode[sample](raw)
		if err == nil && (got.Host == "" || got.Port < 1) {
			t.Errorf("accepted %+v", got)
		}
		raw = map[string]any{"host": "h", "port": "sekrit-value", "token": []any{"sekrit-value"}, "wait": "sekrit-value"}
		if _, err := setting.Decode[sample](raw); err == nil || strings.Contains(err.Error(), "sekrit") {
			t.Errorf("the error is %v", err)
		}
	})
}
