package scimpull_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/replication"
	"switchboard/internal/replication/scimpull"
)

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestRead_records(t *testing.T) {
	t.Parallel()
	s := newServer(0, 0)
	s.lists["Users"] = []any{
		object{
			"id": "1", "externalId": "not this", "userName": "ada", "displayName": "Ada", "name": object{"givenName": "Ada", "familyName": "L"}, "ACTIVE": false,
			"emails": []any{object{"value": "home@example.org", "type": "home"}, object{"value": "ada@example.org", "primary": true}}, "userType": "Provider",
			"phoneNumbers": []any{object{"value": "tel:+4930123456"}}, "locale": "de-DE", "timezone": "Europe/Berlin",
		},
		object{"id": "2", "userName": "bob", "active": "True"},
		object{"id": "3", "userName": 7},
		object{"userName": "nobody"},
		"garbage",
		object{"id": "4", "userName": "a\x00b"},
	}
	s.lists["Groups"] = []any{
		object{"id": "g1", "displayName": "Ward", "members": []any{
			object{"value": "1"}, object{"value": "2", "type": "User"}, object{"value": "1"}, object{"value": "g2", "type": "Group"}, object{"value": "g3", "$ref": "https://x/Groups/g3"},
		}},
		object{"id": "g2", "displayName": "Nobody in it"},
		object{"id": "g3"},
		object{"id": "g4", "displayName": "Odd", "members": []any{object{"display": "?"}}},
	}
	got := read(t.Context(), t, s.opener(), replication.Place{}, everything)
	if got.err != nil {
		t.Fatal(got.err)
	}
	none := new(string)
	same(t, "records", got.records, map[string]replication.Record{
		"1": {Person: &replication.Person{
			ExternalID: "1", Username: new("ada"), Email: new("ada@example.org"), Phone: new("+4930123456"), FirstName: new("Ada"), LastName: new("L"),
			PreferredName: new("Ada"), Locale: new("de-DE"), TZ: new("Europe/Berlin"), State: new("archived"), AccountType: new("provider"), Unarchived: true,
		}},
		"2": {Person: &replication.Person{
			ExternalID: "2", Username: new("bob"), Email: none, Phone: none, FirstName: none, LastName: none, PreferredName: none, Locale: none, TZ: none,
			State: new("active"), Unarchived: true,
		}},
		"g1": {Team: &replication.Team{ExternalID: "g1", Name: new("Ward"), Members: &[]string{"1", "2"}}},
		"g2": {Team: &replication.Team{ExternalID: "g2", Name: new("Nobody in it"), Members: &[]string{}}},
	})
	same(t, "problems", got.problems, []string{
		"3 userName must be a text", "id must be the identifier of the resource", "is no JSON object", "4 must not have the character U+0000 in it",
		"g3 displayName must be a text", "g4 members must each have a value",
	})
}

// TestRead_paging: every record comes once and in order, however the server cuts its lists.
func TestRead_paging(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		people, most, size int
		requests           int // for Users
	}{
		"nobody":                       {0, 0, 100, 1},
		"one page":                     {5, 0, 5, 1},
		"several":                      {11, 0, 5, 3},
		"fewer than were asked for":    {11, 4, 100, 3},
		"one at a time":                {3, 1, 1, 3},
		"a page that ends with a list": {10, 0, 5, 2},
	} {
		s := newServer(c.people, 2)
		s.most = c.most
		got := read(t.Context(), t, s.opener(pages(c.size)), replication.Place{}, everything)
		if got.err != nil || got.problems != nil || len(got.records) != c.people+2 || len(got.ids) != c.people+2 || got.place.Mark == "" {
			t.Errorf("%s: %+v", name, got)
		}
		same(t, name, len(slices.DeleteFunc(s.requests, func(r string) bool { return !strings.HasPrefix(r, "/Users") })), c.requests)
	}
}

// TestRead_resumes: a reading that ends anywhere goes on with the record behind it.
func TestRead_resumes(t *testing.T) {
	t.Parallel()
	s := newServer(7, 3)
	whole := read(t.Context(), t, s.opener(pages(3)), replication.Place{}, everything).ids
	for n := range len(whole) {
		first := read(t.Context(), t, s.opener(pages(3)), replication.Place{}, n)
		o := s.opener(pages(3))
		feed, err := o.Open(t.Context(), first.place)
		if err != nil || feed.Place() != first.place {
			t.Fatalf("opened at %+v, not %+v: %v", feed.Place(), first.place, err)
		}
		rest := read(t.Context(), t, o, first.place, everything)
		same(t, "what was read", slices.Concat(first.ids, rest.ids), whole)
		if rest.place.Mark == "" {
			t.Errorf("after %d records there is no mark: %+v", n, rest.place)
		}
	}
	elsewhere := read(t.Context(), t, s.opener(func(c *scimpull.Settings) { c.URL = "https://other.example.org" }),
		read(t.Context(), t, s.opener(), replication.Place{}, 2).place, 1)
	if elsewhere.err == nil && elsewhere.ids[0] != "u1" {
		t.Errorf("a place of another server was taken: %+v", elsewhere)
	}
}

// TestRead_thatChanges: a list that grows or shrinks under the reading is read, and the next reading reads all of it.
func TestRead_thatChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*server){
		"one comes at the front": func(s *server) { s.lists["Users"] = append([]any{user(99)}, s.lists["Users"]...) },
		"one comes at the end":   func(s *server) { s.lists["Users"] = append(s.lists["Users"], user(99)) },
		"one goes":               func(s *server) { s.lists["Users"] = s.lists["Users"][1:] },
		"all go":                 func(s *server) { s.lists["Users"] = nil },
	} {
		s := newServer(9, 1)
		s.before = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
			if n == 2 {
				change(s)
			}
			return false
		}
		got := read(t.Context(), t, s.opener(pages(3)), replication.Place{}, everything)
		if got.err != nil || got.problems != nil || got.place != (replication.Place{}) || !slices.Contains(got.ids, "g1") {
			t.Errorf("%s: %+v", name, got)
		}
		if len(got.ids) != len(got.records) {
			t.Errorf("%s: a record came twice: %v", name, got.ids)
		}
	}
}

// TestRead_thatChangesInBetween: a list that changes before a reading is taken up again may have moved the rest of it.
func TestRead_thatChangesInBetween(t *testing.T) {
	t.Parallel()
	s := newServer(9, 1)
	first := read(t.Context(), t, s.opener(pages(3)), replication.Place{}, 5)
	s.lists["Users"] = s.lists["Users"][1:]
	rest := read(t.Context(), t, s.opener(pages(3)), first.place, everything)
	if rest.err != nil || rest.place != (replication.Place{}) || !slices.Contains(rest.ids, "g1") {
		t.Errorf("the rest: %+v", rest)
	}
}

// TestRead_changes: only what has changed is asked for where the server knows filters, and everything once a day.
func TestRead_changes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(3, 1)
		s.filters = true
		ask := func(from replication.Place) (place replication.Place, requests string) {
			t.Helper()
			s.requests = nil
			got := read(t.Context(), t, s.opener(), from, everything)
			if got.err != nil || got.problems != nil {
				t.Fatalf("%+v", got)
			}
			return replication.Place{Mark: got.place.Mark}, strings.Join(s.requests, " ")
		}
		const all = "/Users?count=100&startIndex=1 /Groups?count=100&startIndex=1"
		place, requests := ask(replication.Place{})
		same(t, "the first reading", requests, all)
		began := time.Now().UTC()
		time.Sleep(time.Hour)
		next, requests := ask(place)
		filter := "count=100&filter=meta.lastModified+gt+%22" + strings.ReplaceAll(began.Add(-5*time.Minute).Format(time.RFC3339), ":", "%3A") + "%22&startIndex=1"
		same(t, "the second", requests, "/ServiceProviderConfig /Users?"+filter+" /Groups?"+filter)

		time.Sleep(22*time.Hour + 59*time.Minute)
		if _, requests = ask(next); !strings.Contains(requests, "filter") {
			t.Errorf("all was read again too soon: %s", requests)
		}
		time.Sleep(time.Minute)
		_, requests = ask(next)
		same(t, "after a day", requests, all)

		s.filters = false
		_, requests = ask(place)
		same(t, "after a day, of a server without filters", requests, all)
		fresh, _ := ask(replication.Place{})
		_, requests = ask(fresh)
		same(t, "a server without filters", requests, "/ServiceProviderConfig "+all)
	})
}

// TestRead_filterRefused: a server that says it knows filters, and refuses this one, is read as a whole.
func TestRead_filterRefused(t *testing.T) {
	t.Parallel()
	s := newServer(3, 1)
	s.filters = true
	place := read(t.Context(), t, s.opener(), replication.Place{}, everything).place
	s.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		refuses := r.URL.Query().Has("filter")
		if refuses {
			fail(w, http.StatusBadRequest, "tooMany")
		}
		return refuses
	}
	got := read(t.Context(), t, s.opener(), place, everything)
	if got.err != nil || got.problems != nil || len(got.ids) != 4 {
		t.Errorf("%+v", got)
	}
}

// TestRead_largePages: what the server finds too much, or what is too much for us, is asked for in smaller parts.
func TestRead_largePages(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(http.ResponseWriter){
		"tooMany":            func(w http.ResponseWriter) { fail(w, http.StatusBadRequest, "tooMany") },
		"413":                func(w http.ResponseWriter) { fail(w, http.StatusRequestEntityTooLarge, "") },
		"a body with no end": func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 33<<20)) },
	} {
		s := newServer(1, 30)
		s.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			count := r.URL.Query().Get("count")
			much := strings.HasPrefix(r.URL.Path, "/scim/v2/Groups") && len(count) > 1 // ten and more
			if much {
				refuse(w)
			}
			return much
		}
		got := read(t.Context(), t, s.opener(pages(40)), replication.Place{}, everything)
		if got.err != nil || len(got.ids) != 31 {
			t.Errorf("%s: %d records: %v", name, len(got.ids), got.err)
		}
	}
	s := newServer(1, 1)
	s.before = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		fail(w, http.StatusBadRequest, "never")
		return true
	}
	if got := read(t.Context(), t, s.opener(), replication.Place{}, everything); got.err == nil || !strings.Contains(got.err.Error(), "400 Bad Request: never") {
		t.Errorf("a server that refuses everything: %v", got.err)
	}
}
