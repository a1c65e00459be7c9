package directorytest

import (
	"testing"

	"switchboard/internal/directory/photo"
)

func photos(t *testing.T, s suite) {
	ctx := t.Context()
	i := Individual(s.org.ID, "shown", "")
	must(t, s.InsertIndividual(ctx, i))
	find := func(what string, want photo.Photo) {
		t.Helper()
		got, err := s.FindPhoto(ctx, s.org.ID, i.ID)
		must(t, err)
		same(t, what, got, want)
	}
	find("at first", photo.Photo{})
	one, two := photo.Photo{MediaType: "image/png", Bytes: []byte{0, 1, 0xff}}, photo.Photo{MediaType: "image/jpeg", Bytes: []byte{2}}
	must(t, s.PutPhoto(ctx, s.org.ID, i.ID, one, At))
	find("stored", one)
	must(t, s.PutPhoto(ctx, s.org.ID, i.ID, two, At))
	find("replaced", two)
	must(t, s.PutPhoto(ctx, s.other.ID, i.ID, photo.Photo{}, At))
	find("not taken away by another organization", two)
	got, err := s.FindPhoto(ctx, s.other.ID, i.ID)
	must(t, err)
	same(t, "for another organization", got, photo.Photo{})
	must(t, s.PutPhoto(ctx, s.org.ID, i.ID, photo.Photo{}, At))
	find("taken away", photo.Photo{})
	must(t, s.PutPhoto(ctx, s.org.ID, i.ID, one, At))
	_, err = s.DeleteIndividual(ctx, s.org.ID, i.ID, At)
	must(t, err)
	find("gone with the individual", photo.Photo{})
}
