package feed

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/replication"
)

// maxRow is how many bytes one row of a CSV file may have: a quote that nobody closes must not take the rest of the file.
const maxRow = 1 << 20

// CSV is the settings of directory.csv.
type CSV struct {
	Path      string        `key:"path,required" doc:"The file. It has a header, is UTF-8, and is best replaced by renaming."`
	Columns   []string      `key:"columns" doc:"Which column holds what, as in username=Login, email=Work e-mail. A field that is not named is looked for under its own name."`
	Delimiter string        `key:"delimiter" default:"," doc:"What stands between columns: one character, or tab."`
	Separator string        `key:"separator" default:";" doc:"What stands between the external ids in the columns leaders and members."`
	Settle    time.Duration `key:"settle" default:"5s" doc:"A file that was written to more recently is not read yet."`
	Checksum  bool          `key:"checksum" default:"false" doc:"Read only a file that agrees with <path>.sha256. A checksum that is there counts in any case."`
}

// Check implements setting.Checker.
func (c *CSV) Check(f *errs.Fields) {
	if c.Delimiter == "tab" {
		c.Delimiter = "\t"
	}
	if utf8.RuneCountInString(c.Delimiter) != 1 || strings.ContainsAny(c.Delimiter, "\"\r\n") {
		f.Add("delimiter", "must be one character, or tab")
	}
	if c.Separator == "" {
		f.Add("separator", "must be at least one character")
	}
	for _, column := range c.Columns {
		if field, header, ok := strings.Cut(column, "="); !ok || header == "" || !slices.Contains(Fields(), field) {
			f.Add("columns", "must be field=Column, where the field is one of %s", strings.Join(Fields(), ", "))
			return
		}
	}
}

// Fields lists what a column may hold.
func Fields() []string {
	return append([]string{"type", "external-id", "deleted", "name", "description", "parent", "leaders", "members"}, personFields()...)
}

func personFields() []string {
	return []string{
		"username", "email", "phone", "first-name", "last-name", "preferred-name", "birth-date", "locale", "tz", "state", "account-type",
	}
}

// OpenCSV returns the opener of a CSV file.
func OpenCSV(c CSV) replication.Opener { return csvOpener{c, clock.System} }

type csvOpener struct {
	CSV
	now clock.Clock
}

// Open implements replication.Opener.
func (c csvOpener) Open(ctx context.Context, from replication.Place) (replication.Feed, error) {
	f, err := File{c.Path, c.Settle, c.Checksum}.open(ctx, c.now())
	if err != nil {
		return nil, err
	}
	r := &csvFeed{settings: c.CSV, file: f}
	r.restart()
	if err := r.header(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	resumed, err := f.resume(ctx, from)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if resumed {
		r.restart()
	}
	return r, nil
}

// csvFeed implements replication.Feed.
type csvFeed struct {
	settings CSV
	file     *file
	bounded  *bounded
	csv      *csv.Reader
	columns  map[string]int // by field
	width    int
}

// restart begins to read at the start that the file has.
func (r *csvFeed) restart() {
	r.bounded = &bounded{r: r.file}
	r.csv = csv.NewReader(r.bounded)
	r.csv.Comma, _ = utf8.DecodeRuneInString(r.settings.Delimiter)
	r.csv.ReuseRecord = true
	r.csv.FieldsPerRecord = -1 // counted here, so that the error is one about the row
}

// bounded fails when a row is longer than maxRow.
type bounded struct {
	r    io.Reader
	left int
}

var errRow = fmt.Errorf("a row is longer than %d bytes; a quote may have no end", maxRow)

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRow
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// header reads which column holds what.
func (r *csvFeed) header() error {
	r.bounded.left = maxRow
	names, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return errs.CodeUnavailable.Errorf("the file %s is empty; it needs a header", r.file.Name())
	}
	if err != nil {
		return fmt.Errorf("the header cannot be read: %w", err)
	}
	at := map[string]int{}
	for n, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := at[name]; twice && name != "" {
			return fmt.Errorf("the header has the column %q twice", name)
		}
		at[name] = n
	}
	r.columns, r.width = map[string]int{}, len(names)
	for _, field := range Fields() {
		if n, ok := at[field]; ok {
			r.columns[field] = n
		}
	}
	for _, column := range r.settings.Columns {
		field, name, _ := strings.Cut(column, "=")
		n, ok := at[strings.ToLower(strings.TrimSpace(name))]
		if !ok {
			return fmt.Errorf("the header has no column %q, which the setting columns names", name)
		}
		r.columns[field] = n
	}
	if _, ok := r.columns["external-id"]; !ok {
		return errors.New("the header has no column for external-id")
	}
	return nil
}

// Next implements replication.Feed.
func (r *csvFeed) Next(ctx context.Context) (replication.Record, error) {
	if err := ctx.Err(); err != nil {
		return replication.Record{}, err
	}
	r.bounded.left = maxRow
	row, err := r.csv.Read()
	line := r.line(err)
	switch wrong, malformed := errors.AsType[*csv.ParseError](err); {
	case errors.Is(err, io.EOF):
		return replication.Record{}, r.file.end()
	case errors.Is(err, errRow):
		return replication.Record{}, fmt.Errorf("line %d: %w", line, errRow)
	case malformed:
		return replication.Record{}, &replication.RecordError{Line: line, Message: wrong.Err.Error()}
	case err != nil:
		return replication.Record{}, err
	case len(row) != r.width:
		return replication.Record{}, &replication.RecordError{Line: line, Message: fmt.Sprintf("has %d columns, not %d as the header", len(row), r.width)}
	}
	return r.record(line, row)
}

// line is the number of the line on which the last row begins.
func (r *csvFeed) line(err error) int {
	if wrong, malformed := errors.AsType[*csv.ParseError](err); malformed {
		return r.file.line + wrong.StartLine
	}
	if err != nil {
		return r.file.line + 1
	}
	line, _ := r.csv.FieldPos(0)
	return r.file.line + line
}

// record makes a record of a row. Texts are copied, because the row is used again.
func (r *csvFeed) record(line int, row []string) (replication.Record, error) {
	wrong := func(field, message string) (replication.Record, error) {
		return replication.Record{}, &replication.RecordError{Line: line, Field: field, Message: message}
	}
	values := make(map[string]*string, len(r.columns))
	for field, n := range r.columns {
		if !utf8.ValidString(row[n]) || strings.ContainsRune(row[n], 0) {
			return wrong(field, "is not valid UTF-8")
		}
		text := strings.Clone(strings.TrimSpace(row[n]))
		values[field] = &text
	}
	deleted, ok := yes(values["deleted"])
	if !ok {
		return wrong("deleted", "must be true or false")
	}
	switch kind := text(values["type"]); kind {
	case "", "user":
		p := person(values)
		p.Deleted = deleted
		return replication.Record{Line: line, Person: &p}, nil
	case "group":
		return replication.Record{Line: line, Team: r.team(values, deleted)}, nil
	default:
		return wrong("type", "must be user or group")
	}
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// yes reads a truth value of a spreadsheet.
func yes(p *string) (value, ok bool) {
	switch strings.ToLower(text(p)) {
	case "", "false", "no", "n", "0":
		return false, true
	case "true", "yes", "y", "1":
		return true, true
	}
	return false, false
}

func person(values map[string]*string) replication.Person {
	return replication.Person{
		ExternalID: text(values["external-id"]), Username: values["username"], Email: values["email"], Phone: values["phone"],
		FirstName: values["first-name"], LastName: values["last-name"], PreferredName: values["preferred-name"],
		BirthDate: values["birth-date"], Locale: values["locale"], TZ: values["tz"], State: values["state"], AccountType: values["account-type"],
	}
}

func (r *csvFeed) team(values map[string]*string, deleted bool) *replication.Team {
	t := &replication.Team{
		ExternalID: text(values["external-id"]), Deleted: deleted, Name: values["name"], Description: values["description"], Parent: values["parent"],
	}
	leaders, members := values["leaders"], values["members"]
	if leaders != nil || members != nil {
		all := append(r.split(leaders), r.split(members)...)
		t.Members = &all
	}
	return t
}

func (r *csvFeed) split(list *string) []string {
	out := []string{}
	for item := range strings.SplitSeq(text(list), r.settings.Separator) {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// Place implements replication.Feed.
func (r *csvFeed) Place() replication.Place { return r.file.place(r.file.start + r.csv.InputOffset()) }

// Close implements replication.Feed.
func (r *csvFeed) Close() error { return r.file.Close() }
