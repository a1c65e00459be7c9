// Package feed reads what other systems export as files: CSV and JSON Lines. It reads record by record and never holds more
// than one in memory, however long the file is.
//
// A file is read only when it is whole, as far as that can be seen: it has not been written to for a while, it agrees with
// the checksum beside it when there is one, and it is the same at the end of the reading as at its start. Whoever writes to
// another name and renames is always safe.
package feed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/replication"
)

// File is the settings that both kinds of files have, as the program sees them.
type File struct {
	Path     string
	Settle   time.Duration
	Checksum bool
}

// file is one that is being read.
type file struct {
	*os.File
	before      fs.FileInfo
	fingerprint string
	// start is where the reading begins and line how many lines are before it.
	start int64
	line  int
}

// open opens a file that is whole. now tells how old it is.
func (f File) open(ctx context.Context, now time.Time) (*file, error) {
	handle, err := os.Open(f.Path)
	if err != nil {
		return nil, errs.CodeUnavailable.Errorf("the file %s cannot be opened: %v", f.Path, reason(err)).Because(err)
	}
	opened := &file{File: handle}
	if err := f.inspect(ctx, opened, now); err != nil {
		return nil, errors.Join(err, handle.Close())
	}
	return opened, nil
}

// reason is an error of a file without the path, which stands before it.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

func (f File) inspect(ctx context.Context, o *file, now time.Time) (err error) {
	if o.before, err = o.Stat(); err != nil {
		return err
	}
	if !o.before.Mode().IsRegular() {
		return errs.CodeUnavailable.Errorf("%s is no file", f.Path)
	}
	// A time that lies well ahead is another clock's, which will not come to rest.
	if age := now.Sub(o.before.ModTime()); age > -f.Settle && age < f.Settle {
		age = max(age, 0)
		return errs.CodeUnavailable.Errorf("the file %s was written to %s ago; it is read when it has rested", f.Path, age.Round(time.Millisecond)).
			After(f.Settle - age)
	}
	if err := f.verify(ctx, o); err != nil {
		return err
	}
	return o.begin()
}

// verify compares the file with the checksum beside it: <path>.sha256, as sha256sum writes it.
func (f File) verify(ctx context.Context, o *file) error {
	o.fingerprint = fmt.Sprintf("%d-%d", o.before.Size(), o.before.ModTime().UnixNano())
	text, err := os.ReadFile(f.Path + ".sha256")
	switch {
	case errors.Is(err, fs.ErrNotExist) && !f.Checksum:
		return nil
	case err != nil:
		return errs.CodeUnavailable.Errorf("the checksum %s.sha256 cannot be read: %v", f.Path, reason(err))
	}
	want, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	sum := sha256.New()
	if _, err := io.Copy(sum, reader{ctx, o.File}); err != nil {
		return err
	}
	got := hex.EncodeToString(sum.Sum(nil))
	if !strings.EqualFold(got, want) {
		return errs.CodeUnavailable.Errorf("the file %s does not agree with its checksum; it may be half written", f.Path)
	}
	o.fingerprint = got
	return nil
}

// begin finds the start of the content, behind a byte order mark.
func (o *file) begin() error {
	if _, err := o.Seek(0, io.SeekStart); err != nil {
		return err
	}
	head := make([]byte, 3)
	n, err := io.ReadFull(o, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	switch head = head[:n]; {
	case bytes.Equal(head, []byte("\xef\xbb\xbf")):
		o.start = 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return errs.CodeUnavailable.Errorf("the file %s is UTF-16; it must be UTF-8", o.Name())
	}
	_, err = o.Seek(o.start, io.SeekStart)
	return err
}

// resume moves the start to a place, if that is one in this edition.
func (o *file) resume(ctx context.Context, from replication.Place) (bool, error) {
	at, err := strconv.ParseInt(from.Position, 10, 64)
	if err != nil || from.Fingerprint != o.fingerprint || at <= o.start || at > o.before.Size() {
		return false, nil
	}
	return true, o.skip(ctx, at)
}

// skip moves the start and counts the lines before it.
func (o *file) skip(ctx context.Context, to int64) error {
	if _, err := o.Seek(0, io.SeekStart); err != nil {
		return err
	}
	buffer, rest := make([]byte, 1<<16), io.LimitReader(reader{ctx, o.File}, to)
	for {
		n, err := rest.Read(buffer)
		o.line += bytes.Count(buffer[:n], []byte("\n"))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	o.start = to
	_, err := o.Seek(to, io.SeekStart)
	return err
}

// place is behind an offset of this edition.
func (o *file) place(offset int64) replication.Place {
	return replication.Place{Fingerprint: o.fingerprint, Position: strconv.FormatInt(offset, 10)}
}

// end is the error at the end of the file: io.EOF if it is still what it was.
func (o *file) end() error {
	after, err := o.Stat()
	if err != nil {
		return err
	}
	if after.Size() != o.before.Size() || !after.ModTime().Equal(o.before.ModTime()) {
		return errs.CodeUnavailable.Errorf("the file %s changed while it was read; it is read again", o.Name())
	}
	return io.EOF
}

// reader ends with its context.
type reader struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// lines reads lines of bounded length.
type lines struct {
	r      *bufio.Reader
	most   int
	offset int64 // behind the last line
	line   int   // number of the last line
}

// errTooLong is a line longer than the limit; reading goes on behind it.
var errTooLong = errors.New("line too long")

// next returns the next line without its end, valid until the next call, or io.EOF.
func (l *lines) next() ([]byte, error) {
	var out []byte
	length := 0
	for {
		part, err := l.r.ReadSlice('\n')
		length += len(part)
		l.offset += int64(len(part))
		if length <= l.most {
			out = append(out, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (!errors.Is(err, io.EOF) || length == 0):
			return nil, err
		}
		if l.line++; length > l.most {
			return nil, errTooLong
		}
		return bytes.TrimRight(out, "\r\n"), nil
	}
}
