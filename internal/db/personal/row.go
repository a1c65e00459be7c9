package personal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
)

// Row is one row, by column. Values are id.ID, time.Time, string, int64, bool and []byte; nil for NULL.
type Row map[string]any

// ID returns a column that holds an identifier; zero for NULL.
func (r Row) ID(column string) id.ID {
	v, _ := r[column].(id.ID)
	return v
}

// Null tells whether a column is NULL.
func (r Row) Null(column string) bool { return r[column] == nil }

// scanner returns a function that reads rows of these columns.
func scanner(names []string, types columns) func(db.Row) (Row, error) {
	return func(r db.Row) (Row, error) {
		dest := make([]any, len(names))
		for i, n := range names {
			dest[i] = destination(types[n])
		}
		given := slices.Clone(dest)
		if err := r.Scan(given...); err != nil {
			return nil, err
		}
		out := make(Row, len(names))
		for i, n := range names {
			out[n] = value(dest[i])
		}
		return out, nil
	}
}

func destination(t columnType) any {
	switch t {
	case typeID:
		return new(id.ID)
	case typeTime:
		return new(time.Time)
	case typeInt:
		return new(*int64)
	case typeBool:
		return new(*bool)
	case typeBytes:
		return new([]byte)
	case typeText:
	}
	return new(*string)
}

func value(dest any) any {
	switch v := dest.(type) {
	case *id.ID:
		if !v.IsZero() {
			return *v
		}
	case *time.Time:
		if !v.IsZero() {
			return *v
		}
	case **int64:
		if *v != nil {
			return **v
		}
	case **bool:
		if *v != nil {
			return **v
		}
	case *[]byte:
		if *v != nil {
			return *v
		}
	case **string:
		if *v != nil {
			return **v
		}
	}
	return nil
}

// order is how the members of a line stand: the key, then the rest by name.
func order(t Table) []string {
	key := strings.Fields(t.Key)
	rest := slices.DeleteFunc(t.Columns(), func(c string) bool { return slices.Contains(key, c) })
	slices.Sort(rest)
	return append(key, rest...)
}

// line writes a row as one line of JSON. The same row is the same line, whichever database it is of.
func (t Table) line(r Row) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, c := range order(t) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", c)
		if err := enc.Encode(t.member(c, r[c])); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t.Name, c, err)
		}
		b.Truncate(b.Len() - 1) // the encoder's newline
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// member is a value as JSON shows it.
func (t Table) member(column string, v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case string:
		if has(t.JSON, column) && embeddable(v) {
			return json.RawMessage(v)
		}
	}
	return v
}

// embeddable tells whether a text is an object or array that comes back from an export letter by letter.
func embeddable(text string) bool {
	if text == "" || text[0] != '{' && text[0] != '[' {
		return false
	}
	var b bytes.Buffer
	return json.Compact(&b, []byte(text)) == nil && b.String() == text
}

// parse reads a line. Columns that the line does not have are left out.
func (t Table) parse(line []byte, types columns) (Row, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		return nil, err
	}
	out := make(Row, len(members))
	for c, raw := range members {
		if !has(t.Personal, c) && !has(t.Plain, c) {
			return nil, fmt.Errorf("there is no column %s; the export is of another version", c)
		}
		v, err := t.read(c, raw, types[c])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		out[c] = v
	}
	for k := range strings.FieldsSeq(t.Key) {
		if out.Null(k) {
			return nil, fmt.Errorf("%s is missing", k)
		}
	}
	return out, nil
}

func (t Table) read(column string, raw json.RawMessage, typ columnType) (any, error) {
	if string(raw) == "null" {
		return nil, nil //nolint:nilnil // NULL is a value
	}
	switch typ {
	case typeInt:
		return decode[int64](raw)
	case typeBool:
		return decode[bool](raw)
	case typeID:
		text, err := decode[string](raw)
		if err != nil {
			return nil, err
		}
		return id.Parse(text)
	case typeTime:
		at, err := decode[time.Time](raw)
		return at.UTC().Truncate(time.Microsecond), err
	case typeBytes:
		text, err := decode[string](raw)
		if err != nil {
			return nil, err
		}
		return base64.StdEncoding.DecodeString(text)
	case typeText:
	}
	if has(t.JSON, column) && (raw[0] == '{' || raw[0] == '[') {
		return string(raw), nil
	}
	return decode[string](raw)
}

func decode[T any](raw json.RawMessage) (T, error) {
	var v T
	err := json.Unmarshal(raw, &v)
	return v, err
}

// same tells whether two rows agree in the columns that both have, save those of a list.
func same(a, b Row, except string) bool {
	for _, c := range slices.Sorted(maps.Keys(a)) {
		other, ok := b[c]
		if ok && !has(except, c) && !equal(a[c], other) {
			return false
		}
	}
	return true
}

func equal(a, b any) bool {
	switch x := a.(type) {
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return a == b
}
