package feed

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard/internal/clock"
	"switchboard/internal/replication"
)

// maxLine is how many bytes one line of a JSON Lines file may have: a group with all its members stands on one.
const maxLine = 8 << 20

// JSONL is the settings of directory.jsonl.
type JSONL struct {
	Path     string        `key:"path,required" doc:"The file: one JSON object a line, UTF-8. It is best replaced by renaming."`
	Settle   time.Duration `key:"settle" default:"5s" doc:"A file that was written to more recently is not read yet."`
	Checksum bool          `key:"checksum" default:"false" doc:"Read only a file that agrees with <path>.sha256. A checksum that is there counts in any case."`
}

// OpenJSONL returns the opener of a JSON Lines file.
func OpenJSONL(j JSONL) replication.Opener { return jsonlOpener{j, clock.System} }

type jsonlOpener struct {
	JSONL
	now clock.Clock
}

// Open implements replication.Opener.
func (j jsonlOpener) Open(ctx context.Context, from replication.Place) (replication.Feed, error) {
	f, err := File{j.Path, j.Settle, j.Checksum}.open(ctx, j.now())
	if err != nil {
		return nil, err
	}
	if _, err := f.resume(ctx, from); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &jsonlFeed{file: f, lines: lines{r: bufio.NewReaderSize(f, 1<<16), most: maxLine, offset: f.start, line: f.line}}, nil
}

// jsonlFeed implements replication.Feed.
type jsonlFeed struct {
	file  *file
	lines lines
}

// Next implements replication.Feed.
func (r *jsonlFeed) Next(ctx context.Context) (replication.Record, error) {
	for {
		if err := ctx.Err(); err != nil {
			return replication.Record{}, err
		}
		text, err := r.lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return replication.Record{}, r.file.end()
		case errors.Is(err, errTooLong):
			return replication.Record{}, &replication.RecordError{Line: r.lines.line, Message: fmt.Sprintf("is longer than %d bytes", maxLine)}
		case err != nil:
			return replication.Record{}, err
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			rec, err := decode(text)
			if err != nil {
				err.Line = r.lines.line
				return replication.Record{}, err
			}
			rec.Line = r.lines.line
			return rec, nil
		}
	}
}

// Place implements replication.Feed.
func (r *jsonlFeed) Place() replication.Place { return r.file.place(r.lines.offset) }

// Close implements replication.Feed.
func (r *jsonlFeed) Close() error { return r.file.Close() }

// team is a group as it stands on a line.
type team struct {
	Type string `json:"type"`
	replication.Team
	Leaders *[]string `json:"leaders"`
}

type user struct {
	Type string `json:"type"`
	replication.Person
}

// decode reads one line.
func decode(line []byte) (replication.Record, *replication.RecordError) {
	if !utf8.Valid(line) {
		return replication.Record{}, &replication.RecordError{Message: "is not valid UTF-8"}
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return replication.Record{}, wrong(err)
	}
	switch kind.Type {
	case "", "user":
		var u user
		if err := strict(line, &u); err != nil {
			return replication.Record{}, wrong(err)
		}
		return replication.Record{Person: &u.Person}, nil
	case "group":
		var t team
		if err := strict(line, &t); err != nil {
			return replication.Record{}, wrong(err)
		}
		if t.Leaders != nil {
			all := *t.Leaders
			if t.Members != nil {
				all = append(all, *t.Members...)
			}
			t.Members = &all
		}
		return replication.Record{Team: &t.Team}, nil
	}
	return replication.Record{}, &replication.RecordError{Field: "type", Message: "must be user or group"}
}

// strict decodes one document that has no members but those of v.
func strict(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// kind names a type for whoever writes the file.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list of texts"
	default:
		return "an object"
	}
}

// wrong tells what cannot be read, and of which field when that is known.
func wrong(err error) *replication.RecordError {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := e.Field[strings.LastIndexByte(e.Field, '.')+1:] // without the struct that it is in
		return &replication.RecordError{Field: field, Message: "must be " + kind(e.Type) + ", not a JSON " + e.Value}
	}
	return &replication.RecordError{Message: "is not a JSON object that is known here: " + err.Error()}
}
