package cursorjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/id"
)

// ID is an identifier in its short form: 22 letters and digits. A canonical UUID is read too, so that a client may
// carry an identifier over from another of the APIs. The zero ID is null.
type ID id.ID

var errID = errors.New("not an identifier")

// ID is the identifier in the domain's type.
func (i ID) ID() id.ID { return id.ID(i) }

// IsZero tells whether there is no identifier; encoding/json's omitzero uses it.
func (i ID) IsZero() bool { return id.ID(i).IsZero() }

// String returns the short form.
func (i ID) String() string { return id.ID(i).Short() }

// MarshalJSON writes the short form, or null.
func (i ID) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + i.String() + `"`), nil
}

// UnmarshalText reads either form.
func (i *ID) UnmarshalText(text []byte) error {
	parsed, err := id.ParseShort(string(text))
	if err != nil {
		parsed, err = id.Parse(string(text))
	}
	if err != nil || parsed.IsZero() {
		return errID
	}
	*i = ID(parsed)
	return nil
}

// UnmarshalJSON reads either form, or null.
func (i *ID) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	return i.UnmarshalText(bytes.Trim(data, `"`))
}

// Schema is that of an identifier.
func (ID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: []any{"02ySrr638kQ87dY4TwAwh9"}}
}

// Unix is an instant as whole seconds since 1970, null when it is zero.
type Unix struct{ time.Time }

// At is an instant for the wire.
func At(t time.Time) Unix { return Unix{t} }

var errUnix = errors.New("must be a number of seconds since 1970")

// maxUnix is the last second of the year 9999.
const maxUnix = 253402300799

// MarshalJSON writes the seconds, or null.
func (u Unix) MarshalJSON() ([]byte, error) {
	if u.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, u.Unix(), 10), nil
}

// UnmarshalJSON reads seconds or null.
func (u *Unix) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	var n int64
	if err := json.Unmarshal(data, &n); err != nil || n < 0 || n > maxUnix {
		return errUnix
	}
	u.Time = time.Unix(n, 0).UTC()
	return nil
}

// UnmarshalText reads seconds, for parameters.
func (u *Unix) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 0 || n > maxUnix {
		return errUnix
	}
	u.Time = time.Unix(n, 0).UTC()
	return nil
}

// Schema is that of the seconds.
func (Unix) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Description: "Seconds since 1970, UTC."}
}
