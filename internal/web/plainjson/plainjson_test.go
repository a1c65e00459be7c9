package plainjson_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
	"switchboard/internal/web/webtest"
)

type ofGroup struct{}

func (ofGroup) Prefix() string { return "ntfgrp" }

type ofUser struct{}

func (ofUser) Prefix() string { return "usr" }

type (
	groupID = plainjson.ID[ofGroup]
	userID  = plainjson.ID[ofUser]
)

type notifiable struct {
	ID      userID `json:"id"`
	Channel string `json:"channel" enum:"email,sms"`
}

type newGroup struct {
	Name        string       `json:"name" minLength:"1" maxLength:"10"`
	ScheduleID  userID       `json:"schedule_id,omitzero"`
	Notifiables []notifiable `json:"notifiables" maxItems:"3"`
}

type group struct {
	ID        groupID        `json:"id"`
	Name      string         `json:"name"`
	CreatedAt plainjson.Time `json:"created_at"`
}

type byGroup struct {
	ID groupID `path:"groupId"`
}

var (
	one   = id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b")
	other = id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0c")
)

type groups struct{ bare bool }

func (g *groups) group(i id.ID, name string) group {
	at, _ := web.ParseTime("2026-11-22 10:00:00")
	return group{ID: groupID{ID: i, Bare: g.bare}, Name: name, CreatedAt: plainjson.At(at)}
}

type listGroups struct {
	Empty bool `query:"empty"`
}

func (g *groups) list(_ context.Context, in *listGroups) ([]group, error) {
	if in.Empty {
		return nil, nil
	}
	return []group{g.group(one, "a")}, nil
}

func (g *groups) get(_ context.Context, in *byGroup) (group, error) {
	if in.ID.ID != one {
		return group{}, errs.MissingRecord("notification group")
	}
	return g.group(in.ID.ID, "a"), nil
}

func (g *groups) create(_ context.Context, in newGroup) (group, error) {
	switch in.Name {
	case "rules":
		var f errs.Fields
		f.Add("notifiables[2].channel", "must be known")
		f.Add("notifiables[2].channel", "must be used")
		return group{}, f.Err()
	case "taken":
		return group{}, errs.CodeDuplicate.Errorf("there is one of that name").At("name")
	case "broken":
		return group{}, errors.New("disk on fire")
	}
	return g.group(one, in.Name), nil
}

func (g *groups) update(_ context.Context, i groupID, in newGroup) (group, error) {
	return g.group(i.ID, in.Name), nil
}

func (g *groups) delete(context.Context, groupID) error { return nil }

func (g *groups) test(_ context.Context, i groupID, in struct {
	Loud bool `json:"loud,omitempty"`
},
) (map[string]any, error) {
	return map[string]any{"id": i, "loud": in.Loud}, nil
}

func (g *groups) schedules(context.Context, *struct{}) (map[string][]int, error) {
	return map[string][]int{"data": {}}, nil
}

func server() http.Handler {
	s := web.New(web.Options{})
	r := plainjson.New(s)
	g, legacy := &groups{}, &groups{bare: true}
	plainjson.List(r, "GET /notifications", g.list)
	plainjson.Create(r, "POST /notifications", g.create)
	plainjson.Get(r, "GET /notifications/{groupId}", g.get)
	plainjson.Update(r, "PUT /notifications/{groupId}", g.update)
	plainjson.Delete(r, "DELETE /notifications/{groupId}", g.delete)
	plainjson.Action(r, "POST /notifications/{groupId}/test", g.test, web.Status(202))
	plainjson.Do(r, "GET /chrono/schedules", g.schedules)
	plainjson.List(r, "GET /", legacy.list)
	plainjson.Create(r, "POST /", legacy.create)
	return s
}

func TestDialect(t *testing.T) {
	t.Parallel()
	body := func(name string) string {
		return `{"name":"` + name + `","notifiables":[{"id":"usr_` + one.String() + `","channel":"email"},{"id":"` + one.String() + `","channel":"sms"}]}`
	}
	webtest.Run(t, server(), []webtest.Scenario{
		{Name: "list", Do: "GET /notifications", Want: 200, Contains: []string{`[{"id":"ntfgrp_` + one.String() + `","name":"a","created_at":"2026-11-22T10:00:00.000Z"}]`}},
		{Name: "empty list", Do: "GET /notifications/?empty=true", Want: 200, Contains: []string{"[]"}},
		{Name: "bad parameter", Do: "GET /notifications?empty=yes", Want: 400, Contains: []string{`{"message":"`, "empty must be true or false"}},
		{Name: "unknown parameter", Do: "GET /notifications?page=2", Want: 400, Contains: []string{"page"}},
		{Name: "get prefixed", Do: "GET /notifications/ntfgrp_" + one.String(), Want: 200, Contains: []string{"ntfgrp_"}},
		{Name: "get bare", Do: "GET /notifications/" + one.String() + "/", Want: 200, Contains: []string{"ntfgrp_"}},
		{Name: "get with another prefix", Do: "GET /notifications/usr_" + one.String(), Want: 404, Contains: []string{`{"message":"`}},
		{Name: "get another", Do: "GET /notifications/" + other.String(), Want: 404, Contains: []string{"no such notification group"}},
		{Name: "create", Do: "POST /notifications", Body: body("a"), Want: 201, Contains: []string{"ntfgrp_"}},
		{Name: "create by legacy", Do: "POST /", Body: body("a"), Want: 201, Contains: []string{`"id":"` + one.String()}},
		{Name: "list by legacy", Do: "GET /", Want: 200, Contains: []string{`[{"id":"` + one.String()}},
		{Name: "update", Do: "PUT /notifications/" + one.String(), Body: body("b"), Want: 200, Contains: []string{`"name":"b"`}},
		{Name: "delete", Do: "DELETE /notifications/" + one.String(), Want: 204},
		{Name: "action", Do: "POST /notifications/" + one.String() + "/test", Want: 202, Contains: []string{`"loud":false`}},
		{Name: "do", Do: "GET /chrono/schedules/", Want: 200, Contains: []string{`{"data":[]}`}},
		{Name: "missing", Do: "POST /notifications", Body: `{}`, Want: 422, Error: "name", Contains: []string{`"notifiables":["is required"]`}},
		{Name: "nested", Do: "POST /notifications", Body: strings.Replace(body("a"), `"sms"`, `"fax"`, 1), Want: 422, Error: "notifiables.1.channel"},
		{Name: "bad id", Do: "POST /notifications", Body: strings.Replace(body("a"), "usr_", "site_", 1), Want: 422, Error: "notifiables.0.id"},
		{Name: "rules", Do: "POST /notifications", Body: body("rules"), Want: 422, Error: "notifiables.2.channel", Contains: []string{`["must be known","must be used"]`}},
		{Name: "conflict", Do: "POST /notifications", Body: body("taken"), Want: 409, Contains: []string{`{"message":"there is one of that name`}, Lacks: []string{"errors"}},
		{Name: "internal", Do: "POST /notifications", Body: body("broken"), Want: 500, Lacks: []string{"fire"}},
		{Name: "form", Do: "POST /notifications", Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, Body: "name=a", Want: 415},
		{Name: "malformed", Do: "POST /notifications", Body: `{`, Want: 400, Lacks: []string{"errors"}},
	})
}

func TestID(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		value any
		want  string
	}{
		{plainjson.Of[ofUser](one), `"usr_` + one.String() + `"`},
		{userID{ID: one, Bare: true}, `"` + one.String() + `"`},
		{userID{}, `null`},
	} {
		if raw, err := json.Marshal(tc.value); err != nil || string(raw) != tc.want {
			t.Errorf("Marshal(%v) = %s, %v; want %s", tc.value, raw, err, tc.want)
		}
	}
	var v userID
	if err := json.Unmarshal([]byte("null"), &v); err != nil || !v.IsZero() {
		t.Errorf("null reads as %v, %v", v, err)
	}
	for _, text := range []string{`""`, `"usr_"`, `"usr_usr_` + one.String() + `"`, `7`, `{}`, `"` + id.Nil.String() + `"`, `"` + id.Nil.Prefixed("usr") + `"`} {
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("%s reads as %v", text, v)
		}
	}
}

func FuzzID(f *testing.F) {
	f.Add(one.Prefixed("usr"))
	f.Add(one.String())
	f.Fuzz(func(t *testing.T, s string) {
		var v userID
		if v.UnmarshalText([]byte(s)) != nil {
			return
		}
		if !strings.EqualFold(s, v.ID.String()) && !strings.EqualFold(s, v.String()) {
			t.Errorf("%q reads as %v", s, v)
		}
	})
}
