// Package bundle writes and reads the files of an export: a folder, or a tar that may be compressed, by its name. It knows
// that there are files with names; what is in them is package privacy's.
//
// A bundle is written under another name and takes its own when it is whole and on the disk, so that one whose writing
// was interrupted is never mistaken for one.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// File describes one file of a bundle.
type File struct {
	Path   string `json:"path"` // with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Writer writes a bundle. Files are written one after the other.
type Writer struct {
	path  string // what the bundle will be called
	dir   string // where its files gather
	files []File
}

// partial ends the name of what is not whole yet.
const partial = ".partial"

// Create begins a bundle at path, which must not exist: a tar when its name ends in .tar, .tar.gz or .tgz, and a folder
// otherwise. Folders on the way are made, for their owner alone.
func Create(path string) (*Writer, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s exists already", path)
	}
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, filepath.Base(path)+partial+"-*")
	if err != nil {
		return nil, err
	}
	return &Writer{path: path, dir: dir}, nil
}

// Add writes a file. The name must be a relative path with slashes.
func (w *Writer) Add(name string, write func(io.Writer) error) (File, error) {
	f, err := w.Open(name)
	if err != nil {
		return File{}, err
	}
	if err := write(f); err != nil {
		return File{}, errors.Join(err, f.abandon())
	}
	return f.Close()
}

// Open begins a file.
func (w *Writer) Open(name string) (*FileWriter, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fmt.Errorf("%q is no name for a file of an export", name)
	}
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &FileWriter{bundle: w, name: name, file: file, hash: sha256.New()}, nil
}

// FileWriter writes one file of a bundle.
type FileWriter struct {
	bundle *Writer
	name   string
	file   *os.File
	hash   hash.Hash
	size   int64
}

// Write implements io.Writer.
func (f *FileWriter) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.size += int64(n)
	f.hash.Write(p[:n])
	return n, err
}

// Close ends the file, once it is on the disk.
func (f *FileWriter) Close() (File, error) {
	if err := errors.Join(f.file.Sync(), f.file.Close()); err != nil {
		return File{}, err
	}
	out := File{Path: f.name, Size: f.size, SHA256: hex.EncodeToString(f.hash.Sum(nil))}
	f.bundle.files = append(f.bundle.files, out)
	return out, nil
}

func (f *FileWriter) abandon() error { return f.file.Close() }

// Files lists what was written.
func (w *Writer) Files() []File { return w.files }

// Below is a writer of files in a folder of the bundle. It lists them by their names in the folder, and the bundle lists them too once
// Join is called with it. It is not committed itself.
func (w *Writer) Below(folder string) *Writer {
	return &Writer{dir: filepath.Join(w.dir, filepath.FromSlash(folder))}
}

// Join takes the files over that a writer made by Below has written to a folder.
func (w *Writer) Join(folder string, below *Writer) {
	for _, f := range below.files {
		f.Path = folder + "/" + f.Path
		w.files = append(w.files, f)
	}
}

// Commit makes the bundle whole: when it returns, the bundle is on the disk under its own name. It returns the bundle as a
// file; of a folder there is no hash.
func (w *Writer) Commit() (File, error) {
	if !packed(w.path) {
		if err := os.Rename(w.dir, w.path); err != nil {
			return File{}, err
		}
		return File{Path: w.path}, syncFolder(filepath.Dir(w.path))
	}
	whole, err := w.pack()
	if err != nil {
		return File{}, errors.Join(err, os.Remove(w.path+partial))
	}
	if err := os.Rename(w.path+partial, w.path); err != nil {
		return File{}, err
	}
	return whole, errors.Join(syncFolder(filepath.Dir(w.path)), os.RemoveAll(w.dir))
}

// Abandon removes what was written of a bundle that will not be whole. After Commit it does nothing.
func (w *Writer) Abandon() error { return os.RemoveAll(w.dir) }

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func packed(path string) bool { return strings.HasSuffix(path, ".tar") || zipped(path) }

func zipped(path string) bool {
	return strings.HasSuffix(path, ".tar.gz") || strings.HasSuffix(path, ".tgz")
}

// copyWithin copies at most limit bytes and tells when there were more.
func copyWithin(to io.Writer, from io.Reader, limit int64) (int64, error) {
	n, err := io.Copy(to, io.LimitReader(from, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("it unpacks to more than %d bytes", limit)
	}
	return n, err
}
