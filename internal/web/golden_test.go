package web_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
	"switchboard/internal/web/jsonapi"
	"switchboard/internal/web/plainjson"
	"switchboard/internal/web/webtest"
)

type failingInput struct {
	Code string `query:"code"`
	Body struct {
		Name string `json:"name,omitempty" maxLength:"3"`
		List []struct {
			Day  string    `json:"day" enum:"monday,friday"`
			At   time.Time `json:"at"`
			Tags []string  `json:"tags,omitempty" maxLength:"3"`
		} `json:"list,omitempty"`
	}
}

// fail returns an error of every sort that a service makes.
func fail(_ context.Context, in *failingInput) (string, error) {
	switch in.Code {
	case "fields":
		var f errs.Fields
		f.Add("notifiables[2].user_id", "is not active")
		f.Require("message_js.en_US")
		f.Add("communication_preferences.sms.quiet_hours[0].day", "must be a weekday")
		f.Add("individual_ids[3]", "is given twice")
		f.Add("[1]", "must be an object")
		f.Add("[1].id", "must be a UUID")
		f.Add("", "has nothing to change")
		return "", f.Err()
	case "Duplicate":
		return "", errs.CodeDuplicate.Errorf("there is one already").With("id", id.New()).At("group_id")
	case "RateLimited":
		return "", errs.CodeRateLimited.Errorf("at most 10 a second").After(time.Second)
	case "parameter":
		return "", errs.InvalidParameter("filter[text]", "is too vague")
	}
	for _, c := range errs.Common() {
		if c.Name == in.Code {
			return "", c.Errorf("this is %s", in.Code)
		}
	}
	return "", fmt.Errorf("no such code: %s", in.Code)
}

// TestErrors_onTheWire writes every error of every dialect to one golden file each.
func TestErrors_onTheWire(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{BaseURL: "https://talk.example"})
	jsonapi.Do(jsonapi.New(s), "POST /courier/", fail)
	plainjson.Do(plainjson.New(s), "POST /notifications", fail)
	cursorjson.Do(cursorjson.New(s), "POST /groups", fail)
	for _, dialect := range []string{"courier", "notifications", "groups"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			record := func(title, query, body string) {
				r := webtest.Scenario{Do: "POST /" + dialect + query, Body: body, Header: map[string]string{"X-Request-Id": "request-1"}}.Send(t, s)
				fmt.Fprintf(&out, "%s\n%d %s", title, r.Status, r.Body)
				for _, h := range []string{"Content-Type", "Retry-After", "Www-Authenticate"} {
					for _, v := range r.Header[http.CanonicalHeaderKey(h)] {
						fmt.Fprintf(&out, "%s: %s\n", h, v)
					}
				}
				out.WriteByte('\n')
			}
			for _, c := range errs.Common() {
				record(c.Name, "?code="+c.Name, "{}")
			}
			record("fields", "?code=fields", "{}")
			record("parameter", "?code=parameter", "{}")
			record("unknown error", "?code=x", "{}")
			record("bad parameter and body", "?cod=1", `{"name":"long","nome":1}`)
			record("bad element", "", `{"list":[{"day":"monday","at":"2026-11-22T10:00:00Z"},{"day":"someday","tags":["a","long"],"x":1},3]}`)
			record("element that does not decode", "", `{"list":[{"day":"monday","at":"yesterday"}]}`)
			record("NUL in an element", "", `{"list":[{"day":"\u0000"}]}`)
			record("bad JSON", "", `{"name"`)
			record("NUL", "", `{"name":"\u0000"}`)
			webtest.GoldenText(t, "errors_"+dialect+".txt", webtest.Normalize(out.Bytes()))
		})
	}
}
