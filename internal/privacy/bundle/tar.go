package bundle

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// pack writes the files into a tar, in the order in which they were written, under the partial name.
func (w *Writer) pack() (File, error) {
	out, err := os.OpenFile(w.path+partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	if err := w.packTo(io.MultiWriter(out, sum)); err != nil {
		return File{}, errors.Join(err, out.Close())
	}
	info, err := out.Stat()
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return File{}, err
	}
	return File{Path: w.path, Size: info.Size(), SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

func (w *Writer) packTo(out io.Writer) error {
	var closers []io.Closer
	if zipped(w.path) {
		z := gzip.NewWriter(out)
		out, closers = z, append(closers, z)
	}
	t := tar.NewWriter(out)
	closers = append([]io.Closer{t}, closers...)
	for _, f := range w.files {
		if err := w.packFile(t, f); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	for _, c := range closers {
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) packFile(t *tar.Writer, f File) error {
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.Path, Size: f.Size, Mode: 0o600, Format: tar.FormatPAX}); err != nil {
		return err
	}
	in, err := os.Open(filepath.Join(w.dir, filepath.FromSlash(f.Path)))
	if err != nil {
		return err
	}
	_, err = io.Copy(t, in)
	return errors.Join(err, in.Close())
}

// maxUnpacked bounds what a tar may unpack to, against one made to fill the disk.
const maxUnpacked = 1 << 40

// Reader reads a bundle.
type Reader struct {
	dir  string
	temp bool // unpacked by us, and to be removed
}

// Open opens a bundle. A tar is unpacked beside the temporary files of the system until Close.
func Open(path string) (*Reader, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &Reader{dir: path}, nil
	}
	if !packed(path) {
		return nil, fmt.Errorf("%s is neither a folder nor a .tar, .tar.gz or .tgz", path)
	}
	return unpacked("", path, maxUnpacked)
}

// unpacked unpacks a tar into a folder of its own below parent, which is the system's for temporary files when it is empty.
func unpacked(parent, path string, most int64) (*Reader, error) {
	dir, err := os.MkdirTemp(parent, "switchboard-import-*")
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: dir, temp: true}
	if err := r.unpack(path, most); err != nil {
		return nil, errors.Join(fmt.Errorf("unpacking %s: %w", path, err), r.Close())
	}
	return r, nil
}

func (r *Reader) unpack(path string, left int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var in io.Reader = file
	if zipped(path) {
		z, err := gzip.NewReader(file)
		if err != nil {
			return err
		}
		in = z
	}
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(h.Name)) {
			return fmt.Errorf("%q is no file of an export", h.Name)
		}
		n, err := r.unpackFile(h.Name, t, left)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		left -= n
	}
}

func (r *Reader) unpackFile(name string, in io.Reader, limit int64) (int64, error) {
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := copyWithin(out, in, limit)
	return n, errors.Join(err, out.Close())
}

// Below is the reader of a folder of the bundle, for as long as that is open. The folder's name must be a relative path with slashes.
func (r *Reader) Below(folder string) (*Reader, error) {
	if !filepath.IsLocal(filepath.FromSlash(folder)) {
		return nil, fmt.Errorf("%q is no folder of an export", folder)
	}
	return &Reader{dir: filepath.Join(r.dir, filepath.FromSlash(folder))}, nil
}

// Open opens a file of the bundle.
func (r *Reader) Open(name string) (*os.File, error) {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, err
	}
	f, err := root.Open(filepath.FromSlash(name))
	return f, errors.Join(err, root.Close())
}

// Read returns the contents of a small file.
func (r *Reader) Read(name string, limit int64) ([]byte, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return raw, err
}

// Check compares a file with its description.
func (r *Reader) Check(want File) error {
	f, err := r.Open(want.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return err
	}
	if n != want.Size || hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
		return fmt.Errorf("%s was changed since it was exported", want.Path)
	}
	return nil
}

// Close removes what was unpacked.
func (r *Reader) Close() error {
	if !r.temp {
		return nil
	}
	return os.RemoveAll(r.dir)
}
