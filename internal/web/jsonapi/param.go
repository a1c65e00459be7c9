package jsonapi

import (
	"errors"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/page"
	"switchboard/internal/web"
)

// Page is the page that a list is asked for, to be embedded in its parameters. Other bounds are set by PageLimit.
type Page struct {
	Limit int `query:"page[limit]" minimum:"1" maximum:"1000" default:"100" doc:"How many to answer"`
	Skip  int `query:"page[offset]" minimum:"0" default:"0" doc:"How many to skip"`
}

// Offset is the page in the domain's words.
func (p *Page) Offset() page.Offset { return page.Offset{Limit: p.Limit, Offset: p.Skip} }

// pager is an input that embeds Page.
type pager interface {
	want() page.Offset
	limit(most int)
}

func (p *Page) want() page.Offset { return p.Offset() }

func (p *Page) limit(most int) {
	if p.Limit == 0 { // none was given and there is no default
		p.Limit = most
	}
}

// Comparator is how a Bound compares.
type Comparator string

// The comparators.
const (
	After    Comparator = ">"
	Before   Comparator = "<"
	NotUnder Comparator = ">="
	NotOver  Comparator = "<="
)

// Bound is one side of a Compare.
type Bound struct {
	Comparator Comparator
	At         time.Time
}

// Compare is a filter[cmp-…] parameter: up to two bounds that all hold, as in ">=2026-11-01T00:00:00Z,<2026-12-01".
type Compare struct {
	Bounds []Bound
	OrNull bool // "|null" stood at the end: records without the value are admitted too
}

const (
	maxBounds      = 2
	maxBoundLength = 40
)

var (
	errBounds   = errors.New("takes at most two bounds")
	errTooLong  = errors.New("has a bound longer than 40 characters")
	errNoBound  = errors.New("must be one of > < >= <= followed by a date-time")
	errNoMoment = errors.New("has a bound that is no date-time")
	errNotNull  = errors.New("takes no |null: every record has this time")
)

// UnmarshalValues reads the parameter.
func (c *Compare) UnmarshalValues(values []string) error {
	if len(values) > maxBounds {
		return errBounds
	}
	*c = Compare{}
	for _, v := range values {
		v, orNull := strings.CutSuffix(v, "|null")
		c.OrNull = c.OrNull || orNull
		b, err := parseBound(v)
		if err != nil {
			return err
		}
		c.Bounds = append(c.Bounds, b)
	}
	return nil
}

func parseBound(s string) (Bound, error) {
	if len(s) > maxBoundLength {
		return Bound{}, errTooLong
	}
	for _, c := range []Comparator{NotUnder, NotOver, After, Before} { // the longer ones first
		if rest, ok := strings.CutPrefix(s, string(c)); ok {
			at, err := web.ParseTime(strings.TrimSpace(rest))
			if err != nil {
				return Bound{}, errNoMoment
			}
			return Bound{c, at}, nil
		}
	}
	return Bound{}, errNoBound
}

// Within is a Compare of a time that every record has: "|null" is refused.
type Within struct{ Compare }

// UnmarshalValues reads the parameter.
func (w *Within) UnmarshalValues(values []string) error {
	if err := w.Compare.UnmarshalValues(values); err != nil {
		return err
	}
	if w.OrNull {
		return errNotNull
	}
	return nil
}

// IsZero tells whether the parameter was not given.
func (c Compare) IsZero() bool { return len(c.Bounds) == 0 && !c.OrNull }

// Only tells whether every bound compares by one of those allowed.
func (c Compare) Only(allowed ...Comparator) bool {
	for _, b := range c.Bounds {
		ok := false
		for _, a := range allowed {
			ok = ok || a == b.Comparator
		}
		if !ok {
			return false
		}
	}
	return true
}

// Holds tells whether an instant is within the bounds; the zero instant is a missing value.
func (c Compare) Holds(at time.Time) bool {
	if at.IsZero() {
		return c.OrNull || len(c.Bounds) == 0
	}
	for _, b := range c.Bounds {
		if !b.holds(at.Compare(b.At)) {
			return false
		}
	}
	return true
}

func (b Bound) holds(order int) bool {
	switch b.Comparator {
	case After:
		return order > 0
	case Before:
		return order < 0
	case NotUnder:
		return order >= 0
	case NotOver:
		return order <= 0
	}
	return false
}

// Schema is that of the parameter.
func (Compare) Schema(huma.Registry) *huma.Schema {
	items, most := 2, maxBoundLength
	return &huma.Schema{
		Type: huma.TypeArray, MaxItems: &items,
		Items:    &huma.Schema{Type: huma.TypeString, MaxLength: &most},
		Examples: []any{[]string{">=2026-11-01T00:00:00Z", "<2026-12-01T00:00:00Z"}},
	}
}
