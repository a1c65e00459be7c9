package privacy_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchboard/internal/privacy"
)

// believing takes every signature.
func believing(context.Context, string, []byte, []byte) error { return nil }

// FuzzReadManifest reads anything as the manifest of an export, signed as it is. What is taken has the format of an export,
// and every file that it names is in the folder with the hash that it says: an empty one, since there is no other.
func FuzzReadManifest(f *testing.F) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	file := func(path, sum string) string { return `{"path":"` + path + `","size":0,"sha256":"` + sum + `"}` }
	for _, document := range []string{
		`{"format":"switchboard-export-1","files":[` + file("records/users.jsonl", empty) + `]}`,
		`{"format":"switchboard-export-1","files":[` + file("../secret", empty) + `]}`,
		`{"format":"switchboard-export-1","files":[` + file("/etc/passwd", empty) + `]}`,
		`{"format":"switchboard-export-1","files":[` + file("records/users.jsonl", strings.Repeat("0", 64)) + `]}`,
		`{"format":"switchboard-export-1","files":[` + file("records/gone.jsonl", empty) + `]}`,
		`{"format":"switchboard-purge-report-1"}`, `{"format":7}`, `[]`, `null`, `"x"`, ``, `{`,
	} {
		f.Add([]byte(`{"key-id":"k","signature":"AA==","document":` + document + `}`))
	}
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"document":{"format":"switchboard-export-1","format":"switchboard-purge-report-1"}}`))
	dir := f.TempDir()
	folder := filepath.Join(dir, "export")
	if err := os.MkdirAll(filepath.Join(folder, "records"), 0o700); err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "secret"), filepath.Join(folder, "records", "users.jsonl")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(filepath.Join(folder, "manifest.json"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := privacy.ReadManifest(t.Context(), folder, believing)
		if err != nil {
			return
		}
		if m.Format != "switchboard-export-1" || !json.Valid(raw) {
			t.Errorf("%q is taken for a manifest: %+v", raw, m)
		}
		for _, file := range m.Files {
			if filepath.Clean(file.Path) != filepath.Join("records", "users.jsonl") || file.Size != 0 || file.SHA256 != empty {
				t.Errorf("%+v is taken for a file of the export", file)
			}
		}
	})
}
