package webtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update rewrites golden files: go test ./… -update.
var update = flag.Bool("update", false, "rewrite the golden files")

// What changes from run to run. Unix seconds are those of 2001 to 2286.
var (
	uuids    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	shortIDs = regexp.MustCompile(`"0[0-9A-Za-z]{21}"`)
	instants = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z`)
	seconds  = regexp.MustCompile(`([:\[,]\s*)[1-9]\d{9}([,\s\]}])`)
)

// Golden compares got with testdata/<name>, which -update writes. Identifiers become id-1, id-2, … in the order in which
// they first appear, so that which stands where is compared; instants all become one. JSON is indented.
func Golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var indented bytes.Buffer
	if json.Indent(&indented, got, "", "  ") == nil {
		got = append(bytes.TrimSpace(indented.Bytes()), '\n')
	}
	compare(t, name, Normalize(got))
}

// GoldenText compares got with testdata/<name> as it is.
func GoldenText(t *testing.T, name string, got []byte) {
	t.Helper()
	compare(t, name, got)
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got; rewrite it with -update):\n%s", path, diff)
	}
}

// Normalize replaces identifiers and instants by names that are the same in every run.
func Normalize(text []byte) []byte {
	names := map[string]string{}
	name := func(given string) string {
		if names[given] == "" {
			names[given] = "id-" + strconv.Itoa(len(names)+1)
		}
		return names[given]
	}
	text = uuids.ReplaceAllFunc(text, func(b []byte) []byte { return []byte(name(string(b))) })
	text = shortIDs.ReplaceAllFunc(text, func(b []byte) []byte { return []byte(`"` + name(string(b)) + `"`) })
	text = instants.ReplaceAll(text, []byte("INSTANT"))
	return seconds.ReplaceAll(text, []byte("${1}SECONDS${2}"))
}
