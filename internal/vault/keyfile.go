package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// keyFile is the file of a ring. It remembers what it read last, so that an unchanged file is not read again.
type keyFile struct {
	path string
	at   time.Time
	size int64
	ring Ring
}

// read returns the ring and whether it changed since the last read. A file that is not there is an empty ring.
func (f *keyFile) read() (r Ring, changed bool, err error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Ring{}, false, nil
	}
	if err != nil {
		return Ring{}, false, fmt.Errorf("the key file cannot be read: %w", err)
	}
	if info.ModTime().Equal(f.at) && info.Size() == f.size {
		return f.ring, false, nil
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return Ring{}, false, fmt.Errorf("the key file cannot be read: %w", err)
	}
	if r, err = ParseRing(string(text)); err != nil {
		return Ring{}, false, fmt.Errorf("the key file %s is not usable: %w", f.path, err)
	}
	f.at, f.size, f.ring = info.ModTime(), info.Size(), r
	return r, true, nil
}

// write replaces the file as a whole: a crash leaves the old one or the new one.
func (f *keyFile) write(r Ring) error {
	if err := placeFile(f.path, []byte(r.Text()), os.Rename); err != nil {
		return fmt.Errorf("the key file cannot be written: %w", err)
	}
	return nil
}

// create writes a file that is not there yet, and leaves one that is there alone.
func (f *keyFile) create(r Ring) error {
	err := placeFile(f.path, []byte(r.Text()), os.Link)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the key file cannot be made: %w", err)
	}
	return nil
}

// placeFile writes a file beside path, to the disk, and lets put bring it there.
func placeFile(path string, content []byte, put func(from, to string) error) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(folder, ".secrets-*") // readable for its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	_, err = temporary.Write(content)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := put(temporary.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes the change of names last through a loss of power.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
