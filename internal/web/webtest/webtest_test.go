package webtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchboard/internal/web/webtest"
)

// echo answers with what it was asked.
func echo() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Auth", r.Header.Get("Authorization"))
		w.Header().Set("X-Type", r.Header.Get("Content-Type"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(body)
	})
}

func TestScenario_Send(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		scenario         webtest.Scenario
		body, auth, kind string
	}{
		{webtest.Scenario{Do: "GET /x"}, "", "", ""},
		{webtest.Scenario{Do: "POST /x", As: "k", Body: "text"}, "text", "Bearer k", "application/json"},
		{webtest.Scenario{Do: "POST /x", Body: []byte("b"), Header: map[string]string{"Content-Type": "x/y", "Authorization": "Basic z"}}, "b", "Basic z", "x/y"},
		{webtest.Scenario{Do: "POST /x", Body: map[string]int{"a": 1}, Header: map[string]string{"Content-Type": ""}}, `{"a":1}`, "", ""},
	} {
		r := tc.scenario.Send(t, echo())
		if string(r.Body) != tc.body || r.Header.Get("X-Auth") != tc.auth || r.Header.Get("X-Type") != tc.kind || r.Status != 418 {
			t.Errorf("%+v: %+v", tc.scenario, r)
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	ran := false
	webtest.Run(t, echo(), []webtest.Scenario{
		{
			Name: "everything holds", Do: "POST /x", Want: 418, Contains: []string{"pointer"}, Lacks: []string{"nope"}, Error: "/data/id", Code: "Bad",
			Body: `{"errors":[{"code":"Bad","source":{"pointer":"/data/id"}}]}`,
			Then: func(*testing.T, *webtest.Response) { ran = true },
		},
		{Name: "a parameter", Do: "POST /x", Want: 418, Error: "page[limit]", Body: `{"errors":[{"source":{"parameter":"page[limit]"}}]}`},
		{Name: "the whole body", Do: "POST /x", Want: 418, Body: `{"errors":[{"source":{"pointer":""}}]}`},
		{Name: "a field", Do: "POST /x", Want: 418, Error: "a.b", Body: `{"message":"x","errors":{"a.b":["y"]}}`},
		{Name: "a message", Do: "POST /x", Want: 418, Error: "limit", Body: `{"type":"invalid_request","message":"limit is too large"}`},
	})
	if !ran {
		t.Error("Then was not called")
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(echo())
	defer s.Close()
	webtest.Run(t, webtest.At(t, s.URL), []webtest.Scenario{{Name: "forwarded", As: "k", Do: "POST /x?y=1", Body: "text", Want: 418, Contains: []string{"text"}}})
}

func TestResponse_Path(t *testing.T) {
	t.Parallel()
	r := webtest.Do(t, echo(), "", "POST /x", `{"data":[{"id":"a","n":1.5,"ok":true}],"a.b":{"c":7},"null":null}`)
	for path, want := range map[string]string{
		"data.0.id": "a", "data.0.n": "1.5", "data.0.ok": "true", `a\.b.c`: "7", "null": "", "data.1.id": "", "data.x": "", "data.0.id.x": "", "nope": "",
	} {
		if got := r.Text(t, path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	if r.Len(t, "data") != 1 || r.Len(t, "data.0") != 3 || r.Len(t, "nope") != 0 {
		t.Error("Len counts elements and members")
	}
	var v struct{ Data []struct{ ID string } }
	if r.Into(t, &v); v.Data[0].ID != "a" {
		t.Errorf("Into = %+v", v)
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	in := `{"a":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","b":"usr_0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0c","c":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b",` +
		`"at":"2026-11-22T10:00:00.123Z","s":1700000000,"n":12,"short":"02OFgyqVPIZ6GZ4yuNtTpJ","list":[1700000000]}`
	want := `{"a":"id-1","b":"usr_id-2","c":"id-1","at":"INSTANT","s":SECONDS,"n":12,"short":"id-3","list":[SECONDS]}`
	if got := string(webtest.Normalize([]byte(in))); got != want {
		t.Errorf("Normalize =\n%s\nwant\n%s", got, want)
	}
}

func TestGolden(t *testing.T) { //nolint:paralleltest // changes the working directory
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "a.json"), []byte("{\n  \"id\": \"id-1\"\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	webtest.Golden(t, "a.json", []byte(`{"id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"}`))
	if err := os.WriteFile(filepath.Join("testdata", "a.txt"), []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	webtest.GoldenText(t, "a.txt", []byte("x\n"))
	if !strings.HasPrefix(string(webtest.Normalize([]byte("plain text"))), "plain") {
		t.Error("what has nothing to replace stays")
	}
}
