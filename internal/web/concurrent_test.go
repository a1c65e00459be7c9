package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
	"switchboard/internal/web/webtest"
)

type echoed struct {
	Text  string   `json:"text"`
	Tags  []string `json:"tags,omitempty" default:"[\"none\"]"`
	Other id.ID    `json:"other,omitzero"`
}

// TestServer_requestsDoNotMix sends many requests at once whose bodies share pooled memory, and checks that each is
// answered with its own: a view of a buffer that outlived its request would show here, or under the race detector.
func TestServer_requestsDoNotMix(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	r := jsonapi.New(s)
	jsonapi.Create(r, "POST /v1/echoes/", func(_ context.Context, in echoed) (jsonapi.Resource[echoed], error) {
		if strings.HasPrefix(in.Text, "fail") {
			return jsonapi.Resource[echoed]{}, errs.InvalidField("text", "is %s", in.Text)
		}
		in.Tags = append(in.Tags, in.Text)
		return jsonapi.Resource[echoed]{Key: in.Text, Attributes: in}, nil
	})
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 25 {
				text := fmt.Sprintf("%d-%d-%s", worker, i, strings.Repeat("x", i*29))
				checkEcho(t, s, text)
			}
		})
	}
	wg.Wait()
}

func checkEcho(t *testing.T, h http.Handler, text string) {
	t.Helper()
	const do = "POST /v1/echoes/"
	body := func(attributes string) string {
		return `{"data":{"type":"echoes","attributes":{` + attributes + `}}}`
	}
	answer := webtest.Do(t, h, "", do, body(`"text":"`+text+`"`))
	want := `"attributes":{"text":"` + text + `","tags":["none","` + text + `"]}`
	if answer.Status != 201 || !strings.Contains(string(answer.Body), want) {
		t.Errorf("%s was answered %d %s", text, answer.Status, answer.Body)
	}
	refused := webtest.Do(t, h, "", do, body(`"text":"fail `+text+`"`))
	if refused.Status != 422 || refused.Text(t, "errors.0.detail") != "text is fail "+text {
		t.Errorf("%s was refused %d %s", text, refused.Status, refused.Body)
	}
	unknown := webtest.Do(t, h, "", do, body(`"text":"x","`+text+`":1`))
	if unknown.Text(t, "errors.0.source.pointer") != "/data/attributes/"+text {
		t.Errorf("%s was refused %d %s", text, unknown.Status, unknown.Body)
	}
	broken := webtest.Do(t, h, "", do, body(`"text":"x","other":"`+text+`"`))
	if broken.Text(t, "errors.0.source.pointer") != "/data/attributes/other" {
		t.Errorf("%s was refused %d %s", text, broken.Status, broken.Body)
	}
}
