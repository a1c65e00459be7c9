package directory_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"strings"
	"sync"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/photo"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
)

// pictureURL is the data URL of a picture of w by h pixels.
func pictureURL(t *testing.T, w, h int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

func TestService_SetPhoto(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.as(actor.Member, &w.ann)
	none, err := w.GetProfile(me, w.ann.ID)
	w.must(err)
	same(t, "at first", none, directory.Profile{IndividualID: w.ann.ID})
	set, err := w.SetPhoto(me, w.ann.ID, pictureURL(t, 1000, 500))
	w.must(err)
	same(t, "type", set.Photo.MediaType, "image/jpeg")
	for who, ctx := range map[string]func() (directory.Profile, error){
		"the individual":    func() (directory.Profile, error) { return w.GetProfile(me, w.ann.ID) },
		"the administrator": func() (directory.Profile, error) { return w.GetProfile(w.admin(), w.ann.ID) },
		"another context":   func() (directory.Profile, error) { return w.Profile(t.Context(), w.org.ID, w.ann.ID) },
	} {
		got, err := ctx()
		w.must(err)
		same(t, who, got, set)
	}
	other, err := w.SetPhoto(w.admin(), w.ann.ID, pictureURL(t, 10, 10))
	w.must(err)
	if bytes.Equal(other.Photo.Bytes, set.Photo.Bytes) {
		t.Error("the photo is the same")
	}
	gone, err := w.SetPhoto(me, w.ann.ID, "")
	w.must(err)
	same(t, "taken away", gone, none)
	same(t, "events", w.events(), []string{directory.EventIndividualUpdated, directory.EventIndividualUpdated, directory.EventIndividualUpdated})
	same(t, "rows of the audit", w.audits(), 3)

	w.must(second(w.SetPhoto(me, w.ann.ID, pictureURL(t, 10, 10))))
	w.must(w.DeleteIndividual(w.admin(), w.ann.ID))
	left, err := directorydb.New(w.db, vaulttest.Box()).FindPhoto(t.Context(), w.org.ID, w.ann.ID)
	w.must(err)
	same(t, "after the individual was deleted", left, photo.Photo{})
}

func TestService_SetPhoto_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ok := pictureURL(t, 2, 2)
	for who, ctx := range w.everyone() {
		_, set := w.SetPhoto(ctx, w.cy.ID, ok)
		_, got := w.GetProfile(ctx, w.cy.ID)
		want := errs.NotFound
		switch who {
		case "administrator":
			w.must(set)
			w.must(got)
			continue
		case "nobody":
			want = errs.Unauthenticated
		case "unscoped":
			want = errs.Denied
		}
		if errs.KindOf(set) != want || errs.KindOf(got) != want {
			t.Errorf("%s: %v, %v, want %v", who, set, got, want)
		}
	}
	before := len(w.entries())
	for name, url := range map[string]string{
		"a link": "https://example.org/a.png", "a text": "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte("text")),
		"too large": "data:image/png;base64," + strings.Repeat("A", 2*photo.MaxInput),
	} {
		_, err := w.SetPhoto(w.admin(), w.ann.ID, url)
		if e, ok := errors.AsType[*errs.Error](err); !ok || e.Code.Kind != errs.Invalid || len(e.Fields) != 1 || e.Fields[0].Path != "photo" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, who := range map[string]id.ID{"theirs": w.theirs.ID, "nobody": id.New()} {
		if _, err := w.SetPhoto(w.admin(), who, ok); !errs.Is(err, errs.CodeNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, "entries after refusals", len(w.entries()), before)
}

// TestService_SetPhoto_many sends pictures together; each gets its own, and nobody waits for ever.
func TestService_SetPhoto_many(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	for _, who := range []directory.Individual{w.ann, w.ben, w.cy, w.leader} {
		wg.Go(func() {
			if _, err := w.SetPhoto(w.admin(), who.ID, pictureURL(t, 200, 200)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
