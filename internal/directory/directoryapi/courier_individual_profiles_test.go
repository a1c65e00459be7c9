package directoryapi_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"strings"
	"testing"

	"switchboard/internal/directory/photo"
	"switchboard/internal/web/webtest"
)

func TestIndividualProfiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var b bytes.Buffer
	w.must(png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 2, 2))))
	picture := "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
	url := "/v1/individual-profiles/" + w.ann.ID.String() + "/"
	with := func(v any) map[string]any { return change("individual-profiles", w.ann.ID, attributes{"photo": v}) }
	shows := func(want string) func(*testing.T, *webtest.Response) {
		return func(t *testing.T, r *webtest.Response) {
			if !strings.Contains(string(r.Body), want) {
				t.Errorf("%s", r.Body)
			}
		}
	}
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "none", As: "member", Do: "GET " + url, Want: 200, Then: shows(`"photo":null`)},
		{Name: "one's own", As: "member", Do: "PATCH " + url, Body: with(picture), Want: 200, Then: shows(`"photo":"data:image/png;base64,`)},
		{Name: "nothing to change", As: "member", Do: "PATCH " + url, Body: change("individual-profiles", w.ann.ID, attributes{}), Want: 200, Then: shows(`"photo":"data:`)},
		{Name: "read by the administrator", As: "administrator", Do: "GET " + url, Want: 200, Then: shows(`"photo":"data:`)},
		{Name: "taken away by the administrator", As: "administrator", Do: "PATCH " + url, Body: with(nil), Want: 200, Then: shows(`"photo":null`)},
	})
	before := w.events()
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "nobody", Do: "GET " + url, Want: 401},
		{Name: "another person reads", As: "leader", Do: "GET " + url, Want: 404},
		{Name: "a machine reads", As: "machine", Do: "GET " + url, Want: 404},
		{Name: "another organization reads", As: "stranger", Do: "GET " + url, Want: 404},
		{Name: "another person writes", As: "leader", Do: "PATCH " + url, Body: with(picture), Want: 404},
		{Name: "another organization writes", As: "stranger", Do: "PATCH " + url, Body: with(picture), Want: 404},
		{Name: "a reader writes", As: "reader", Do: "PATCH " + url, Body: with(picture), Want: 403},
		{Name: "no picture", As: "member", Do: "PATCH " + url, Body: with("hello"), Want: 422, Error: "/data/attributes/photo"},
		{Name: "a number", As: "member", Do: "PATCH " + url, Body: with(7), Want: 422, Error: "/data/attributes/photo"},
		{Name: "a large picture", As: "member", Do: "PATCH " + url, Body: with("data:image/png;base64," + strings.Repeat("A", photo.MaxInput/3*4+64)), Want: 422, Error: "/data/attributes/photo"},
		{Name: "a body without end", As: "member", Do: "PATCH " + url, Body: with(strings.Repeat("A", 12<<20)), Want: 413},
	})
	if after := w.events(); after != before {
		t.Errorf("%d entries after refusals", after-before)
	}
}
