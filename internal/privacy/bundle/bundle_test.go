package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchboard/internal/privacy/bundle"
)

func write(t *testing.T, path string, files map[string]string) bundle.File {
	t.Helper()
	w, err := bundle.Create(path)
	must(t, err)
	for name, text := range files {
		_, err := w.Add(name, func(out io.Writer) error { _, err := io.WriteString(out, text); return err })
		must(t, err)
	}
	whole, err := w.Commit()
	must(t, err)
	return whole
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func names(t testing.TB, folder string) []string {
	t.Helper()
	list, err := os.ReadDir(folder)
	must(t, err)
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

func TestBundle_roundTrip(t *testing.T) {
	t.Parallel()
	files := map[string]string{"manifest.json": "{}", "records/users.jsonl": "{\"a\":1}\n", "records/empty.jsonl": ""}
	for _, name := range []string{"folder", "x.tar", "x.tar.gz", "x.tgz"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "new", name)
			write(t, path, files)
			if got := names(t, filepath.Dir(path)); len(got) != 1 {
				t.Errorf("beside it is %v", got)
			}
			info, err := os.Stat(path)
			must(t, err)
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("others may read it: %v", info.Mode())
			}
			if _, err := bundle.Create(path); err == nil {
				t.Error("it is written over")
			}
			r, err := bundle.Open(path)
			must(t, err)
			for name, want := range files {
				if got, err := r.Read(name, 100); err != nil || string(got) != want {
					t.Errorf("%s = %q, %v", name, got, err)
				}
			}
			if _, err := r.Read("records/users.jsonl", 3); err == nil {
				t.Error("a file larger than the limit is read")
			}
			must(t, r.Close())
		})
	}
}

func TestWriter_names(t *testing.T) {
	t.Parallel()
	w, err := bundle.Create(filepath.Join(t.TempDir(), "x"))
	must(t, err)
	for _, name := range []string{"", "/etc/passwd", "../x", "a/../../x", ".."} {
		if _, err := w.Open(name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	_, err = w.Add("a", func(io.Writer) error { return nil })
	must(t, err)
	if _, err := w.Open("a"); err == nil {
		t.Error("a file is written twice")
	}
	must(t, w.Abandon())
}

func TestWriter_abandoned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := bundle.Create(filepath.Join(dir, "x.tar"))
	must(t, err)
	if _, err := w.Add("a", func(io.Writer) error { return io.ErrShortWrite }); err == nil {
		t.Error("a failure is not told")
	}
	must(t, w.Abandon())
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}

// entry is one of a tar that somebody has put together.
type entry struct {
	name, text string
	kind       byte
	link       string
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		must(t, w.WriteHeader(&tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Size: int64(len(e.text)), Mode: 0o600}))
		_, err := io.WriteString(w, e.text)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func open(t testing.TB, raw []byte) (*bundle.Reader, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.tar")
	must(t, os.WriteFile(path, raw, 0o600))
	return bundle.Open(path)
}

func TestOpen_refuses(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]entry{
		"a way up":           {{name: "../../evil", text: "x"}},
		"a hidden way up":    {{name: "records/../../evil", text: "x"}},
		"an absolute name":   {{name: "/tmp/evil", text: "x"}},
		"a link":             {{name: "manifest.json", kind: tar.TypeSymlink, link: "/etc/passwd"}},
		"a hard link":        {{name: "manifest.json", kind: tar.TypeLink, link: "/etc/passwd"}},
		"a device":           {{name: "manifest.json", kind: tar.TypeChar}},
		"a folder":           {{name: "records/", kind: tar.TypeDir}},
		"one name twice":     {{name: "manifest.json", text: "good"}, {name: "manifest.json", text: "bad"}},
		"twice by a detour":  {{name: "records/a", text: "good"}, {name: "records/./a", text: "bad"}},
		"a file as a folder": {{name: "records", text: "x"}, {name: "records/a", text: "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := open(t, pack(t, entries...)); err == nil {
				t.Error("it is opened")
			}
		})
	}
	for name, raw := range map[string][]byte{
		"no tar":          []byte("this is no tar"),
		"one that is cut": pack(t, entry{name: "a", text: strings.Repeat("x", 2000)})[:1000],
	} {
		if _, err := open(t, raw); err == nil {
			t.Errorf("%s is opened", name)
		}
	}
	path := filepath.Join(t.TempDir(), "x.zip")
	must(t, os.WriteFile(path, nil, 0o600))
	if _, err := bundle.Open(path); err == nil {
		t.Error("a zip is opened")
	}
	if _, err := bundle.Open(path + "x"); err == nil {
		t.Error("nothing is opened")
	}
}

// TestOpen_bounds shows that a small file which unpacks to a huge one is refused while it is unpacked.
func TestOpen_bounds(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(pack(t, entry{name: "a", text: strings.Repeat("x", 1<<20)}, entry{name: "b", text: strings.Repeat("x", 1<<20)}))
	must(t, err)
	must(t, z.Close())
	path := filepath.Join(t.TempDir(), "bomb.tgz")
	must(t, os.WriteFile(path, b.Bytes(), 0o600))
	if r, err := bundle.OpenWithin(path, 1<<21); err != nil {
		t.Errorf("what fits exactly: %v", err)
	} else {
		must(t, r.Close())
	}
	if _, err := bundle.OpenWithin(path, 1<<21-1); err == nil || !strings.Contains(err.Error(), "unpacks to more") {
		t.Errorf("what is larger by one: %v", err)
	}
}

// TestReader_staysInside shows that a folder's links lead nowhere outside, whatever a manifest says.
func TestReader_staysInside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o600))
	folder := filepath.Join(dir, "export")
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.Symlink("../secret", filepath.Join(folder, "link")))
	r, err := bundle.Open(folder)
	must(t, err)
	for _, name := range []string{"link", "../secret", filepath.Join(dir, "secret"), "nothing", "."} {
		if raw, err := r.Read(name, 100); err == nil {
			t.Errorf("%s is read: %q", name, raw)
		}
	}
	must(t, r.Close())
	if len(names(t, folder)) != 1 {
		t.Error("Close has removed what is not its own")
	}
}

func TestReader_Check(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	write(t, path, map[string]string{"a": "abc"})
	r, err := bundle.Open(path)
	must(t, err)
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	must(t, r.Check(bundle.File{Path: "a", Size: 3, SHA256: sum}))
	for _, f := range []bundle.File{
		{Path: "a", Size: 4, SHA256: sum},
		{Path: "a", Size: 3, SHA256: strings.Replace(sum, "b", "c", 1)},
		{Path: "a", Size: 3},
		{Path: "b", Size: 3, SHA256: sum},
		{Path: "../x/a", Size: 3, SHA256: sum},
		{},
	} {
		if err := r.Check(f); err == nil {
			t.Errorf("%+v holds", f)
		}
	}
}

// FuzzOpen opens anything as a tar. Whatever it is, nothing may appear beside the folder that it is unpacked into, and what
// opens must be as large as the tar itself at most.
func FuzzOpen(f *testing.F) {
	f.Add(pack(f, entry{name: "manifest.json", text: "{}"}, entry{name: "records/users.jsonl", text: "{}\n"}))
	f.Add(pack(f, entry{name: "../evil", text: "x"}))
	f.Add(pack(f, entry{name: "a", kind: tar.TypeSymlink, link: ".."}, entry{name: "a/evil", text: "x"}))
	f.Add(pack(f, entry{name: "a", text: "1"}, entry{name: "a", text: "2"}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<20 {
			t.Skip()
		}
		dir := t.TempDir()
		path, temp := filepath.Join(dir, "x.tar"), filepath.Join(dir, "temp")
		must(t, os.WriteFile(path, raw, 0o600))
		must(t, os.Mkdir(temp, 0o700))
		r, err := bundle.UnpackIn(temp, path, int64(len(raw)))
		if got := names(t, dir); len(got) != 2 {
			t.Errorf("beside it appeared %v", got)
		}
		if err == nil {
			err = r.Close()
			must(t, err)
		}
		if got := names(t, temp); len(got) != 0 {
			t.Errorf("it leaves %v", got)
		}
	})
}
