package messaging_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/png"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
)

// TestService_Profile shows a photo to who shares the channel with the person, and to nobody else.
func TestService_Profile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2))))
	must(t, second(w.Directory.SetPhoto(w.Member(t, w.Nurse), w.Nurse.ID, "data:image/png;base64,"+base64.StdEncoding.EncodeToString(b.Bytes()))))
	v := w.Single(t, false)
	elsewhere, err := w.CreateChannel(w.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Clerk.ID, w.Nurse.ID}, Type: messaging.Open, EventsEnabled: true})
	must(t, err)
	for _, test := range []struct {
		name    string
		as      context.Context
		channel id.ID
		acting  id.ID
		whose   id.ID
		want    errs.Kind // zero: it is shown
	}{
		{"the participant", w.Member(t, w.Ada), v.ID, w.Ada.ID, w.Nurse.ID, 0},
		{"a colleague", w.Member(t, w.Doctor), v.ID, w.Doctor.ID, w.Nurse.ID, 0},
		{"oneself", w.Member(t, w.Nurse), v.ID, w.Nurse.ID, w.Nurse.ID, 0},
		{"a leader for the participant", w.Leader(t, w.Doctor), v.ID, w.Ada.ID, w.Nurse.ID, 0},
		{"an administrator for the participant", w.Admin(t), v.ID, w.Ada.ID, w.Nurse.ID, 0},
		{"nobody", t.Context(), v.ID, w.Ada.ID, w.Nurse.ID, errs.Unauthenticated},
		{"who is not in the channel", w.Member(t, w.Ben), v.ID, w.Ben.ID, w.Nurse.ID, errs.NotFound},
		{"for somebody else", w.Member(t, w.Ben), v.ID, w.Ada.ID, w.Nurse.ID, errs.Denied},
		{"an administrator who is nobody", w.Admin(t), v.ID, id.Nil, w.Nurse.ID, errs.NotFound},
		{"an administrator for somebody elsewhere", w.Admin(t), v.ID, w.Clerk.ID, w.Nurse.ID, errs.NotFound},
		{"of somebody who is not in it", w.Member(t, w.Ada), v.ID, w.Ada.ID, w.Clerk.ID, errs.NotFound},
		{"in a channel that one is not in", w.Member(t, w.Ada), elsewhere.ID, w.Ada.ID, w.Nurse.ID, errs.NotFound},
		{"a stranger", w.As(t, actor.Administrator, w.Alien), v.ID, w.Alien.ID, w.Nurse.ID, errs.NotFound},
		{"of a stranger", w.Member(t, w.Ada), v.ID, w.Ada.ID, w.Alien.ID, errs.NotFound},
		{"without the scope", w.As(t, actor.Member, w.Ada, "users"), v.ID, w.Ada.ID, w.Nurse.ID, errs.Denied},
	} {
		p, err := w.Profile(test.as, test.channel, test.acting, test.whose)
		switch {
		case test.want != 0 && errs.KindOf(err) != test.want:
			t.Errorf("%s: %v", test.name, err)
		case test.want == 0 && (err != nil || p.Photo.IsZero() || p.IndividualID != w.Nurse.ID):
			t.Errorf("%s: %v, %v", test.name, p.IndividualID, err)
		}
	}
	must(t, second(w.Unsubscribe(w.Admin(t), v.ID, []id.ID{w.Nurse.ID})))
	if _, err := w.Profile(w.Member(t, w.Ada), v.ID, w.Ada.ID, w.Nurse.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("of who has left: %v", err)
	}
}
