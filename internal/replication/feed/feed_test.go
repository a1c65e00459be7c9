package feed_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/errs"
	"switchboard/internal/replication"
	"switchboard/internal/replication/feed"
	"switchboard/internal/setting"
)

// write makes a file that has rested for an hour.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	return path
}

func openCSV(t testing.TB, path string, raw map[string]any) replication.Opener {
	t.Helper()
	all := map[string]any{"path": path}
	maps.Copy(all, raw)
	c, err := setting.Decode[feed.CSV](all)
	if err != nil {
		t.Fatal(err)
	}
	return feed.OpenCSV(c)
}

func openJSONL(path string) replication.Opener {
	return feed.OpenJSONL(feed.JSONL{Path: path, Settle: 5 * time.Second})
}

// read reads a feed to its end and writes every record and every error as a line.
func read(t testing.TB, o replication.Opener, from replication.Place) []string {
	t.Helper()
	f, err := o.Open(t.Context(), from)
	if err != nil {
		return []string{"open: " + err.Error()}
	}
	defer f.Close()
	var out []string
	for {
		rec, err := f.Next(t.Context())
		wrong, about := errors.AsType[*replication.RecordError](err)
		switch {
		case errors.Is(err, io.EOF):
			return out
		case about:
			out = append(out, "! "+wrong.Error())
			continue
		case err != nil:
			return append(out, "end: "+err.Error())
		}
		var said any = rec.Person
		if rec.Team != nil {
			said = rec.Team
		}
		raw, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d %s", rec.Line, raw))
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	const bom = "\xef\xbb\xbf"
	for name, tc := range map[string]struct {
		settings map[string]any
		text     string
		want     []string
	}{
		"plain": {nil, "external-id,username,email\n1,ada,ada@example.org\n2,bob,\n", []string{
			`2 {"external-id":"1","username":"ada","email":"ada@example.org"}`, `3 {"external-id":"2","username":"bob","email":""}`,
		}},
		"no end of line at the end": {nil, "external-id,username\n1,ada", []string{`2 {"external-id":"1","username":"ada"}`}},
		"a byte order mark, CRLF, spaces and empty lines": {nil, bom + "External-ID , Username\r\n1, ada \r\n\r\n2,bob\r\n", []string{
			`2 {"external-id":"1","username":"ada"}`, `4 {"external-id":"2","username":"bob"}`,
		}},
		"quotes with line breaks": {nil, "external-id,username,first-name\n1,ada,\"A\nD \"\"A\"\"\"\n2,bob,B\n", []string{
			`2 {"external-id":"1","username":"ada","first-name":"A\nD \"A\""}`, `4 {"external-id":"2","username":"bob","first-name":"B"}`,
		}},
		"other columns, tabs": {
			map[string]any{"delimiter": "tab", "columns": []any{"external-id=Personalnr", "username=Login", "tz=Zone"}},
			"Login\tPersonalnr\tZone\tSalary\nada\t7\tEurope/Berlin\t1\n",
			[]string{`2 {"external-id":"7","username":"ada","tz":"Europe/Berlin"}`},
		},
		"groups and tombstones": {nil, "type,external-id,name,description,parent,leaders,members,deleted,username\n" +
			"group,g,Ward,D,h,1; 2 ,3;;,no,\ngroup,h,House,,,,,yes,\nuser,1,,,,,,TRUE,ada\n", []string{
			`2 {"external-id":"g","name":"Ward","description":"D","parent":"h","members":["1","2","3"]}`,
			`3 {"external-id":"h","deleted":true,"name":"House","description":"","parent":"","members":[]}`,
			`4 {"external-id":"1","deleted":true,"username":"ada"}`,
		}},
		"every field of a person": {nil, "external-id,username,email,phone,first-name,last-name,preferred-name,birth-date,locale,tz,state,account-type\n1,2,3,4,5,6,7,8,9,10,11,12\n", []string{
			`2 {"external-id":"1","username":"2","email":"3","phone":"4","first-name":"5","last-name":"6","preferred-name":"7","birth-date":"8","locale":"9","tz":"10","state":"11","account-type":"12"}`,
		}},
		"wrong rows do not stop it": {nil, "external-id,username,deleted,type\n1,a\xff,,\n2,b\n3,c,perhaps,\n4,d,,robot\n5,\"e\"f,,\n6,g\x00,,\n7,h,0,user\n", []string{
			"! line 2, username: is not valid UTF-8", "! line 3: has 2 columns, not 4 as the header", "! line 4, deleted: must be true or false",
			"! line 5, type: must be user or group", `! line 6: extraneous or missing " in quoted-field`, "! line 7, username: is not valid UTF-8",
			`8 {"external-id":"7","username":"h"}`,
		}},
		"a quote without end":        {nil, "external-id,username\n1,\"ada\n2,bob\n", []string{`! line 2: extraneous or missing " in quoted-field`}},
		"a quote without end, large": {nil, "external-id,username\n1,\"" + strings.Repeat("x\n", 1<<20), []string{"end: line 1: a row is longer than 1048576 bytes; a quote may have no end"}},
		"no external id":             {nil, "username\nada\n", []string{"open: the header has no column for external-id"}},
		"a column twice":             {nil, "external-id,username,Username\n", []string{`open: the header has the column "username" twice`}},
		"a column that is not there": {map[string]any{"columns": "email=Mail"}, "external-id\n", []string{`open: the header has no column "Mail", which the setting columns names`}},
	} {
		path := write(t, "feed.csv", tc.text)
		if diff := cmp.Diff(tc.want, read(t, openCSV(t, path, tc.settings), replication.Place{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	path := write(t, "empty.csv", "")
	if got := read(t, openCSV(t, path, nil), replication.Place{}); len(got) != 1 || got[0] != "open: the file "+path+" is empty; it needs a header" {
		t.Errorf("an empty file: %v", got)
	}
}

func TestCSV_settings(t *testing.T) {
	t.Parallel()
	for _, raw := range []map[string]any{
		{},
		{"path": "x", "delimiter": ""},
		{"path": "x", "delimiter": ";;"},
		{"path": "x", "delimiter": `"`},
		{"path": "x", "separator": ""},
		{"path": "x", "columns": "nothing"},
		{"path": "x", "columns": "salary=Pay"},
		{"path": "x", "columns": "email="},
	} {
		if _, err := setting.Decode[feed.CSV](raw); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%v: %v", raw, err)
		}
	}
}

func TestJSONL(t *testing.T) {
	t.Parallel()
	path := write(t, "feed.jsonl", "\xef\xbb\xbf"+strings.Join([]string{
		`{"type":"user","external-id":"1","username":"ada","state":"invited"}`, ``, `  {"external-id":"2","deleted":true}  ` + "\r",
		`{"type":"group","external-id":"g","name":"Ward","leaders":["1"],"members":["2"]}`, `{"type":"group","external-id":"h","members":[]}`,
		`{"external-id":1}`, `{"external-id":"3","salary":1}`, `not json`, `{"type":"robot"}`, "{\"external-id\":\"\xff\"}", `["x"]`,
		`{"type":"group","external-id":"g","members":"1"}`, `{"external-id":"` + strings.Repeat("x", 8<<20) + `"}`, `{"external-id":"4"}`,
	}, "\n"))
	want := []string{
		`1 {"external-id":"1","username":"ada","state":"invited"}`, `3 {"external-id":"2","deleted":true}`,
		`4 {"external-id":"g","name":"Ward","members":["1","2"]}`, `5 {"external-id":"h","members":[]}`,
		`! line 6, external-id: must be a text, not a JSON number`, `! line 7: is not a JSON object that is known here: json: unknown field "salary"`,
		`! line 8: is not a JSON object that is known here: invalid character 'o' in literal null (expecting 'u')`, `! line 9, type: must be user or group`,
		`! line 10: is not valid UTF-8`, `! line 11: must be an object, not a JSON array`,
		`! line 12, members: must be a list of texts, not a JSON string`, `! line 13: is longer than 8388608 bytes`, `14 {"external-id":"4"}`,
	}
	if diff := cmp.Diff(want, read(t, openJSONL(path), replication.Place{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPlace stops behind every record and goes on there: nothing is read twice, nothing is lost, lines keep their numbers.
func TestPlace(t *testing.T) {
	t.Parallel()
	csv := write(t, "a.csv", "\xef\xbb\xbfexternal-id,first-name\r\n1,\"a\nb\"\r\n2,x\r\nbad\r\n3,\"y\n\"\r\n4,z")
	jsonl := write(t, "a.jsonl", "{\"external-id\":\"1\"}\n\n{\"external-id\":\"2\"}\nbad\n{\"external-id\":\"3\"}")
	for name, o := range map[string]replication.Opener{"csv": openCSV(t, csv, nil), "jsonl": openJSONL(jsonl)} {
		all := read(t, o, replication.Place{})
		for stop := range all {
			f, err := o.Open(t.Context(), replication.Place{})
			if err != nil {
				t.Fatal(err)
			}
			for range stop {
				_, _ = f.Next(t.Context())
			}
			place := f.Place()
			f.Close()
			if diff := cmp.Diff(all[stop:], read(t, o, place)); diff != "" {
				t.Errorf("%s from %v (-want +got):\n%s", name, place, diff)
			}
		}
		elsewhere := replication.Place{Fingerprint: "another", Position: "20"}
		if diff := cmp.Diff(all, read(t, o, elsewhere)); diff != "" {
			t.Errorf("%s from a place of another edition (-want +got):\n%s", name, diff)
		}
		for _, position := range []string{"0", "-5", "99999", "x"} {
			f, err := o.Open(t.Context(), replication.Place{})
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if got := read(t, o, replication.Place{Fingerprint: f.Place().Fingerprint, Position: position}); len(got) != len(all) {
				t.Errorf("%s from the position %s: %v", name, position, got)
			}
		}
	}
}

// TestFile_notWhole: a file is not read while it may be half written.
func TestFile_notWhole(t *testing.T) {
	t.Parallel()
	refused := func(what, path, want string, checksum bool) *errs.Error {
		t.Helper()
		_, err := feed.OpenJSONL(feed.JSONL{Path: path, Settle: time.Minute, Checksum: checksum}).Open(t.Context(), replication.Place{})
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || e.Code.Kind != errs.Unavailable || !strings.Contains(e.Message, want) {
			t.Fatalf("%s: %v", what, err)
		}
		return e
	}
	refused("no file", filepath.Join(t.TempDir(), "x"), "cannot be opened: no such file", false)
	refused("a folder", t.TempDir(), "is no file", false)
	const text = `{"external-id":"1"}` + "\n"
	fresh := write(t, "fresh", text)
	if err := os.Chtimes(fresh, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if e := refused("written to just now", fresh, "when it has rested", false); e.RetryAfter <= 0 || e.RetryAfter > time.Minute {
		t.Errorf("tried again in %s", e.RetryAfter)
	}
	ahead := write(t, "ahead", text)
	if err := os.Chtimes(ahead, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, openJSONL(ahead), replication.Place{}); len(got) != 1 || got[0][0] != '1' {
		t.Errorf("a clock that is ahead: %v", got)
	}
	refused("UTF-16", write(t, "utf16", "\xff\xfe{\x00}\x00"), "is UTF-16", false)
	path := write(t, "summed", text)
	refused("without the checksum that is asked for", path, "checksum", true)
	sum := sha256.Sum256([]byte(text))
	if err := os.WriteFile(path+".sha256", []byte(strings.ToUpper(hex.EncodeToString(sum[:]))+"  summed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := read(t, openJSONL(path), replication.Place{}); len(got) != 1 || got[0][0] != '1' {
		t.Errorf("a checksum that agrees: %v", got)
	}
	if err := os.WriteFile(path+".sha256", []byte("00"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("a checksum that does not agree", path, "half written", false)
}

func TestFile_changesWhileItIsRead(t *testing.T) {
	t.Parallel()
	path := write(t, "feed", `{"external-id":"1"}`+"\n")
	f, err := openJSONL(path).Open(t.Context(), replication.Place{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"external-id":"1"}`+"\n"+`{"external-`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = f.Next(t.Context()) // the half of a line that has come since
	if _, about := errors.AsType[*replication.RecordError](err); about {
		_, err = f.Next(t.Context())
	}
	if errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("%v", err)
	}
}

// TestFile_replaced: a file that is replaced by renaming is read as it was.
func TestFile_replaced(t *testing.T) {
	t.Parallel()
	path := write(t, "feed", "{\"external-id\":\"1\"}\n{\"external-id\":\"2\"}\n")
	f, err := openJSONL(path).Open(t.Context(), replication.Place{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(write(t, "next", "{}\n"), path); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1", "2"} {
		if rec, err := f.Next(t.Context()); err != nil || rec.Person.ExternalID != want {
			t.Errorf("%+v, %v", rec, err)
		}
	}
	if _, err := f.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

// FuzzFeeds holds that no file makes a reader fail otherwise than with an error, run without end, or name a wrong line.
func FuzzFeeds(f *testing.F) {
	f.Add("external-id,username\n1,ada\n\"2\n\",b\n")
	f.Add("{\"external-id\":\"1\"}\n[]\nnull\n{\"type\":\"group\",\"members\":null}")
	f.Add("\xef\xbb\xbfexternal-id,deleted,type,members\r\n\"\"\"\",x,group,;;\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := write(t, "feed", text)
		for _, o := range []replication.Opener{openCSV(t, path, nil), openJSONL(path)} {
			if n := len(read(t, o, replication.Place{})); n > strings.Count(text, "\n")+strings.Count(text, "\r")+2 {
				t.Errorf("%d records of %q", n, text)
			}
		}
	})
}
