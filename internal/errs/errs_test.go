package errs_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"switchboard/internal/errs"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want errs.Kind
	}{
		{nil, errs.Internal},
		{errors.New("disk on fire"), errs.Internal},
		{errs.MissingRecord("channel"), errs.NotFound},
		{fmt.Errorf("posting: %w", errs.Forbidden("no")), errs.Denied},
		{errs.InvalidField("name", "is empty"), errs.Invalid},
		{errs.InvalidParameter("page[limit]", "is too large"), errs.Malformed},
	} {
		if got := errs.KindOf(tc.err); got != tc.want {
			t.Errorf("KindOf(%v) = %v, want %v", tc.err, got, tc.want)
		}
	}
}

func TestFields_gatherAll(t *testing.T) {
	t.Parallel()
	var f errs.Fields
	if f.Err() != nil {
		t.Fatal("no fields are no error")
	}
	f.Text("name", "", 1, 5)
	f.Text("title", "ä", 2, 5)
	f.Text("label", "ääääää", 0, 5)
	f.Text("fine", "äääää", 1, 5)
	errs.OneOf(&f, "mute", "sometimes", "never", "always")
	e, ok := errors.AsType[*errs.Error](f.Err())
	if !ok || len(e.Fields) != 4 {
		t.Fatalf("Err = %v", f.Err())
	}
	if e.Fields[0].Code != errs.CodeRequired || e.Fields[3].Message != "must be one of never, always" {
		t.Errorf("fields = %+v", e.Fields)
	}
}

func TestError_keepsItsCauseForTheLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("pq: too many connections")
	err := errs.CodeUnavailable.Errorf("the database is busy").Because(cause).After(time.Second).With("setting", "database.url").At("")
	if !errors.Is(err, cause) || err.RetryAfter != time.Second || err.Meta["setting"] == nil || len(err.Fields) != 1 {
		t.Errorf("err = %+v", err)
	}
	if !errs.Is(fmt.Errorf("x: %w", err), errs.CodeUnavailable) || errs.Is(cause, errs.CodeUnavailable) {
		t.Error("Is looks through wrapping, and only for errors of this package")
	}
}

func TestCommon_isACatalogue(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range errs.Common() {
		if c.Name == "" || c.Doc == "" || seen[c.Name] {
			t.Errorf("code %+v lacks a name or a text, or stands twice", c)
		}
		seen[c.Name] = true
	}
}
