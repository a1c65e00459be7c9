package notifyapi_test

import (
	"testing"

	"switchboard/internal/web/webtest"
)

func TestTopics(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	webtest.Golden(t, "topics.json", s.do(t, member, "GET /topics", nil).Body)
	created := s.do(t, admin, "POST /topics", object{"key": "door-open", "name": "Door", "description": "of a rack"})
	webtest.Golden(t, "topic_created.json", created.Body)
	topic := created.Text(t, "id")
	builtIn := "/topics/" + s.Heartbeat.ID.String()
	groupID := s.made(t, "POST /notifications", with(s.group(), "topics", []string{topic, s.Links.ID.String()}))
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "get", As: member, Do: "GET /topics/" + topic, Want: 200, Contains: []string{`"id":"` + topic + `","key":"door-open","name":"Door","description":"of a rack"`}},
		{Name: "get a built-in one", As: member, Do: "GET " + builtIn, Want: 200, Contains: []string{`"key":"heartbeat"`}},
		{Name: "no key", As: admin, Do: "POST /topics", Body: object{"name": "n"}, Want: 422, Error: "key"},
		{Name: "a bad key", As: admin, Do: "POST /topics", Body: object{"key": "Door", "name": "n"}, Want: 422, Error: "key"},
		{Name: "a key taken", As: admin, Do: "POST /topics", Body: object{"key": "door-open", "name": "n"}, Want: 422, Error: "key", Contains: []string{"already been taken"}},
		{Name: "a built-in key", As: admin, Do: "POST /topics", Body: object{"key": "heartbeat", "name": "n"}, Want: 422, Error: "key"},
		{Name: "a long name", As: admin, Do: "POST /topics", Body: object{"key": "x", "name": long(101)}, Want: 422, Error: "name"},
		{Name: "a long description", As: admin, Do: "POST /topics", Body: object{"key": "x", "name": "x", "description": long(1001)}, Want: 422, Error: "description"},
		{Name: "update", As: admin, Do: "PUT /topics/" + topic, Body: object{"name": "Gate"}, Want: 200, Contains: []string{`"key":"door-open","name":"Gate","description":null`}},
		{Name: "rename", As: admin, Do: "PUT /topics/" + topic, Body: object{"name": "Gate", "key": "gate"}, Want: 200, Contains: []string{`"key":"gate"`}},
		{Name: "update without a name", As: admin, Do: "PUT /topics/" + topic, Body: object{"key": "gate"}, Want: 422, Error: "name"},
		{Name: "describe a built-in one", As: admin, Do: "PUT " + builtIn, Body: object{"name": "Pulse", "key": "heartbeat"}, Want: 200, Contains: []string{"Pulse"}},
		{Name: "rename a built-in one", As: admin, Do: "PUT " + builtIn, Body: object{"name": "Pulse", "key": "pulse"}, Want: 409, Contains: []string{"message"}},
		{Name: "delete a built-in one", As: admin, Do: "DELETE " + builtIn, Want: 409},
		{Name: "delete", As: admin, Do: "DELETE /topics/" + topic, Want: 204},
		{Name: "deleted", As: admin, Do: "GET /topics/" + topic, Want: 404},
		{Name: "gone from its group", As: admin, Do: "GET /notifications/" + groupID, Want: 200, Contains: []string{`"topics":["` + s.Links.ID.Prefixed("top") + `"]`}},
	})
}
