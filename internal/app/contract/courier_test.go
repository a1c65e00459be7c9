package contract_test

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"switchboard/internal/app"
	"switchboard/internal/app/apptest"
	"switchboard/internal/app/contract"
	"switchboard/internal/web/webtest"
)

// TestCourier sends the sample request of every courier operation that there is here, with identifiers of real records,
// and holds the answer to the sample answer. What there is not yet is listed in testdata/courier.txt, and counted.
func TestCourier(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	operations, err := contract.Courier()
	if err != nil {
		t.Fatal(err)
	}
	c := &courier{Server: s, answers: map[string][]any{}, samples: map[string][]any{}}
	routes := routed(t)
	var here, missing []string
	for _, o := range operations {
		if !slices.Contains(routes, o.Route()) {
			missing = append(missing, o.Route())
			continue
		}
		here = append(here, o.Route())
	}
	t.Run("operations", func(t *testing.T) {
		for _, o := range operations {
			if slices.Contains(here, o.Route()) {
				t.Run(strings.ReplaceAll(o.Route(), "/", "_"), func(t *testing.T) {
					t.Parallel()
					c.check(t, o)
				})
			}
		}
	})
	line := fmt.Sprintf("contract: %d of %d operations are routed", len(here), len(operations))
	fmt.Println(line)
	t.Log(line)
	if !t.Failed() {
		webtest.GoldenText(t, "courier.txt", []byte(report(line, here, missing, c.unproven())))
	}
}

// routed are the routes of the server.
func routed(t *testing.T) []string {
	t.Helper()
	table, err := app.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(table))
	for i, r := range table {
		out[i] = r.Method + " " + r.Path
	}
	return out
}

func report(line string, here, missing, unproven []string) string {
	return strings.Join([]string{
		line, "", "Routed:", "  " + strings.Join(here, "\n  "), "", "Not routed:", "  " + strings.Join(missing, "\n  "), "",
		"Members that no answer of these tests has a value of, so that their type is not shown:", "  " + strings.Join(unproven, "\n  "), "",
	}, "\n")
}

type courier struct {
	*apptest.Server
	mu      sync.Mutex
	answers map[string][]any // by type
	samples map[string][]any // by type, one for each operation
}

// check sends one operation's requests to records of its own.
func (c *courier) check(t *testing.T, o contract.Operation) {
	w := newWorld(t, c.Server)
	c.prepare(t, w, o)
	r := c.send(t, w, o, nil)
	if want := o.Status; want != 0 && r.Status != want {
		t.Fatalf("status %d, want %d\n%s", r.Status, want, r.Body)
	}
	answer := r.JSON(t)
	sample := o.Response
	if o.Lists() {
		sample = paged(t, sample)
	}
	for _, difference := range contract.Compare(sample, answer, rulesFor(o)) {
		t.Error(difference)
	}
	c.remember(o, answer)
	golden(t, "courier/"+fileOf(o.Route()), r.Body)
	c.checkParameters(t, w, o)
}

// paged is the sample of a list with the meta that every list of ours has.
func paged(t *testing.T, sample any) any {
	t.Helper()
	body, _ := sample.(map[string]any)
	return map[string]any{"data": body["data"], "meta": map[string]any{"page[limit]": 0.0, "page[offset]": 0.0, "page[total]": 0.0}}
}

func (c *courier) send(t *testing.T, w *apptest.World, o contract.Operation, more url.Values) *webtest.Response {
	t.Helper()
	query := url.Values{}
	for _, p := range o.Query {
		if p.Required || len(extra(o)[p.Name]) > 0 {
			query.Set(p.Name, value(t, w, o, p))
		}
	}
	maps.Copy(query, more)
	path := strings.ReplaceAll(o.Path, "{id}", idOf(t, w, apptest.KindOfResource(o.Resource)))
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var body any
	if o.Request != nil {
		body = contract.Fill(o.Request, overridesFor(t, w, o), func(member string) string {
			if member == "id" {
				return idOf(t, w, apptest.KindOfResource(o.Resource))
			}
			if kind := apptest.KindOfMember(member); kind != "" {
				return idOf(t, w, kind)
			}
			return ""
		})
	}
	return c.Do(t, w.Key, o.Method+" "+path, body)
}

func idOf(t *testing.T, w *apptest.World, kind apptest.Kind) string {
	t.Helper()
	if kind == "" {
		return contract.Placeholder
	}
	return w.Spell(t, "courier", kind)
}

// value is one for a query parameter.
func value(t *testing.T, w *apptest.World, o contract.Operation, p contract.Parameter) string {
	t.Helper()
	name := strings.TrimSuffix(strings.TrimPrefix(p.Name, "filter["), "]")
	switch {
	case extra(o)[p.Name] != "":
		return extra(o)[p.Name]
	case strings.HasPrefix(name, "cmp-"):
		return ">=2020-01-01T00:00:00Z"
	case len(p.Enum) > 0:
		return fmt.Sprint(p.Enum[0])
	case apptest.KindOfMember(name) != "" && p.Format == "uuid":
		return idOf(t, w, apptest.KindOfMember(name))
	case p.Format == "email":
		return "nobody@demo.example"
	case p.Type == "boolean":
		return "true"
	case p.Type == "integer" && p.Min != nil:
		return fmt.Sprint(max(*p.Min, 1))
	}
	return "string"
}

// checkParameters sends every documented parameter alone; one that is not documented is refused.
func (c *courier) checkParameters(t *testing.T, w *apptest.World, o contract.Operation) {
	t.Helper()
	if o.Method != "GET" {
		return
	}
	for _, p := range o.Query {
		if r := c.send(t, w, o, url.Values{p.Name: {value(t, w, o, p)}}); r.Status != 200 {
			t.Errorf("%s: %d %s", p.Name, r.Status, r.Body)
		}
		for _, wrong := range outside(p) {
			r := c.send(t, w, o, url.Values{p.Name: {wrong}})
			if r.Status != 400 || r.Text(t, "errors.0.source.parameter") != p.Name {
				t.Errorf("%s=%s: %d %s", p.Name, wrong, r.Status, r.Body)
			}
		}
	}
	if r := c.send(t, w, o, url.Values{"unheard-of": {"1"}}); r.Status != 400 || r.Text(t, "errors.0.source.parameter") != "unheard-of" {
		t.Errorf("an unknown parameter: %d %s", r.Status, r.Body)
	}
	if o.Lists() && strings.Contains(fmt.Sprint(o.Query), "page[limit]") {
		r := c.send(t, w, o, url.Values{"page[limit]": {"1"}, "page[offset]": {"0"}})
		if r.Len(t, "data") > 1 || r.Text(t, `meta.page[limit]`) != "1" || r.Text(t, "meta.page[offset]") != "0" {
			t.Errorf("a page of one: %s", r.Body)
		}
	}
}

// outside are values that a parameter does not take.
func outside(p contract.Parameter) []string {
	switch {
	case p.Type == "boolean":
		return []string{"1", "yes", ""}
	case p.Type == "integer":
		out := []string{"x", "1.5", "99999999999999999999"}
		if p.Min != nil {
			out = append(out, fmt.Sprint(*p.Min-1))
		}
		if p.Max != nil {
			out = append(out, fmt.Sprint(*p.Max+1))
		}
		return out
	case p.Format == "uuid":
		return []string{"x", "1"}
	case strings.HasPrefix(p.Name, "filter[cmp-"):
		return []string{"2020-01-01", "=2020-01-01T00:00:00Z", ">soon"}
	case len(p.Enum) > 0:
		return []string{"none of them"}
	}
	return nil
}

// remember keeps the answer for unproven.
func (c *courier) remember(o contract.Operation, answer any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	each := func(body any, keep func(any)) {
		document, _ := body.(map[string]any)
		switch data := document["data"].(type) {
		case map[string]any:
			keep(data["attributes"])
		case []any:
			for _, element := range data {
				if resource, ok := element.(map[string]any); ok {
					keep(resource["attributes"])
				}
			}
		default:
			keep(body)
		}
	}
	each(o.Response, func(v any) { c.samples[o.Type] = append(c.samples[o.Type], v) })
	each(answer, func(v any) { c.answers[o.Type] = append(c.answers[o.Type], v) })
}

func (c *courier) unproven() []string {
	var out []string
	for kind, samples := range c.samples {
		for _, sample := range samples {
			for _, path := range contract.Unproven(sample, c.answers[kind]) {
				out = append(out, kind+": "+path)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// What the worlds of these tests number.
var numbered = regexp.MustCompile(`\+1[\d*]{10}|(?i)(person-|Organization |sample|Group |Site |Topic |topic-|Schedule |Notification group |key-|contact-)\d+|SM[0-9a-f]{32}`)

// states are those that a delivery goes through while a test runs.
var states = regexp.MustCompile(`"state":"(queued|held|sending|sent|delivered)"`)

// active tells whether a schedule is active now.
var active = regexp.MustCompile(`("timezone":"[^"]*","active":|"schedule_active":)(?:true|false)`)

// destinations are those of a message, which are planned just after it is posted.
var (
	destinations = regexp.MustCompile(`"destination":\{("[a-z]+":\{[^}]*\},?)+\}`)
	totals       = regexp.MustCompile(`"page\[total\]":\d+`)
)

// golden compares a body with testdata, aside from numbers, the progress of deliveries and what hangs on the time of day.
func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	body = states.ReplaceAll(body, []byte(`"state":"STATE"`))
	body = active.ReplaceAll(body, []byte("${1}false"))
	if strings.Contains(name, "sniffers_id_get-logs") {
		body = totals.ReplaceAll(body, []byte(`"page[total]":1`))
	}
	body = destinations.ReplaceAll(body, []byte(`"destination":{}`))
	body = numbered.ReplaceAllFunc(body, func(found []byte) []byte {
		switch {
		case found[0] == '+':
			return []byte("PHONE")
		case len(found) == len("SM")+32:
			return []byte("SID")
		}
		return []byte(strings.TrimRight(string(found), "0123456789") + "N")
	})
	webtest.Golden(t, name, body)
}

func fileOf(route string) string {
	return strings.Trim(regexp.MustCompile(`[^A-Za-z0-9-]+`).ReplaceAllString(route, "_"), "_") + ".json"
}

// newWorld is an organization with records in which as little as possible is missing.
func newWorld(t *testing.T, s *apptest.Server) *apptest.World {
	t.Helper()
	w := s.NewOrganization(t)
	patch := func(kind apptest.Kind, resource string, attributes map[string]any) {
		t.Helper()
		s.Want(t, 200, w.Key, "PATCH /v1/"+resource+"/"+w.IDs[kind].String()+"/", map[string]any{
			"data": map[string]any{"type": resource, "id": w.IDs[kind], "attributes": attributes},
		})
	}
	for individual, user := range map[apptest.Kind]apptest.Kind{apptest.Individual: apptest.User, apptest.OtherIndividual: apptest.OtherUser} {
		name := map[apptest.Kind]string{apptest.Individual: "Ann", apptest.OtherIndividual: "Ben"}[individual]
		patch(individual, "individuals", map[string]any{"first-name": name, "last-name": "Example", "preferred-name": "Dear " + name, "birth-date": "1970-01-02"})
		patch(user, "users", map[string]any{
			"first-name": name, "last-name": "Example",
			"communication-preferences": map[string]any{"sms": map[string]any{"enabled": true}},
		})
	}
	parent := s.Want(t, 201, w.Key, "POST /v1/individual-groups/", apptest.Document("individual-groups", map[string]any{"name": "The parent"}))
	patch(apptest.Group, "individual-groups", map[string]any{
		"leader-ids": []any{w.IDs[apptest.OtherIndividual]}, "parent-id": parent.Text(t, "data.id"),
	})
	patch(apptest.Organization, "organizations", map[string]any{"classification": "hospital", "provider-type": "clinic"})
	w.IDs[apptest.Channel] = apptest.ParseID(t, s.Want(t, 201, w.Key, "POST /v1/messaging-channels/", apptest.Document("messaging-channels", map[string]any{
		"individual-group-id": w.IDs[apptest.Group], "individual-ids": []any{w.IDs[apptest.Individual]}, "name": "A channel", "label": "a label",
		"subscription-type": "open", "floating": true, "text-number-id": contract.Placeholder,
	})).Text(t, "data.id"))
	for _, author := range []apptest.Kind{apptest.Individual, apptest.OtherIndividual} {
		w.IDs[apptest.Message] = apptest.ParseID(t, s.Want(t, 201, w.Key, "POST /v1/messaging-messages/", apptest.Document("messaging-messages", map[string]any{
			"channel-id": w.IDs[apptest.Channel], "individual-id": w.IDs[author], "message": "Good morning", "include-destinations": []string{"sms"},
		})).Text(t, "data.id"))
	}
	action := func(name string, body map[string]any, header ...string) {
		t.Helper()
		body["individual-id"] = w.IDs[apptest.Individual]
		s.Want(t, 201, w.Key, "POST /v1/messaging-messages/"+w.IDs[apptest.Message].String()+"/"+name+"/", body, header...)
	}
	patch(apptest.Individual, "individual-profiles", map[string]any{"photo": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="})
	action("ack", map[string]any{}, "Date", "2026-11-22T10:00:00.123Z")
	action("add-reaction", map[string]any{"reaction-type": "love"})
	return w
}
