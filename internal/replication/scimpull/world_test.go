package scimpull_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"switchboard/internal/replication"
	"switchboard/internal/replication/scimpull"
	"switchboard/internal/setting"
)

type object = map[string]any

const token = setting.Secret("a-token-that-nobody-may-see")

// server is a SCIM server in memory.
type server struct {
	lists    map[string][]any
	filters  bool // whether it says that it knows filters
	most     int  // records on a page; 0: as many as are asked for
	requests []string
	// before answers a request in the server's place when it returns true. n counts from 1.
	before func(n int, w http.ResponseWriter, r *http.Request) bool
}

func newServer(people, teams int) *server {
	s := &server{lists: map[string][]any{"Users": {}, "Groups": {}}}
	for n := range people {
		s.lists["Users"] = append(s.lists["Users"], user(n+1))
	}
	for n := range teams {
		s.lists["Groups"] = append(s.lists["Groups"], object{
			"id": fmt.Sprintf("g%d", n+1), "displayName": fmt.Sprintf("Group %d", n+1), "members": []any{object{"value": "u1"}},
		})
	}
	return s
}

func user(n int) object {
	return object{"id": fmt.Sprintf("u%d", n), "userName": fmt.Sprintf("user-%d", n), "active": true}
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests = append(s.requests, strings.TrimPrefix(r.URL.RequestURI(), "/scim/v2"))
	if w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat)); s.before != nil && s.before(len(s.requests), w, r) {
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/scim/v2/"), "/")
	list, known := s.lists[parts[0]]
	switch {
	case r.Header.Get("Authorization") != "Bearer "+token.Reveal():
		fail(w, http.StatusUnauthorized, "who are you?")
	case parts[0] == "ServiceProviderConfig":
		show(w, object{"filter": object{"supported": s.filters}})
	case !known:
		fail(w, http.StatusNotFound, "")
	case len(parts) == 2:
		s.one(w, list, parts[1])
	default:
		s.list(w, r, list)
	}
}

func (s *server) one(w http.ResponseWriter, list []any, id string) {
	for _, v := range list {
		if v.(object)["id"] == id {
			show(w, v)
			return
		}
	}
	fail(w, http.StatusNotFound, "there is none")
}

func (s *server) list(w http.ResponseWriter, r *http.Request, list []any) {
	start, _ := strconv.Atoi(r.URL.Query().Get("startIndex"))
	count, _ := strconv.Atoi(r.URL.Query().Get("count"))
	if s.most > 0 {
		count = min(count, s.most)
	}
	from := min(start-1, len(list))
	show(w, object{"totalResults": len(list), "startIndex": start, "Resources": list[from:min(from+count, len(list))]})
}

func show(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/scim+json")
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, detail string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object{"detail": detail})
}

// RoundTrip implements http.RoundTripper: the handler without a wire, so that time can be a test's.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (s *server) opener(change ...func(*scimpull.Settings)) replication.Opener {
	settings := scimpull.Settings{URL: "https://id.example.org/scim/v2/", Token: token, PageSize: 100, Timeout: 20 * time.Second}
	for _, f := range change {
		f(&settings)
	}
	return scimpull.OpenOver(settings, s, time.Now)
}

func pages(n int) func(*scimpull.Settings) {
	return func(s *scimpull.Settings) { s.PageSize = n }
}

// outcome is what a reading gave.
type outcome struct {
	ids      []string // of records, in order
	records  map[string]replication.Record
	problems []string
	place    replication.Place
	err      error // nil at the end of the feed
}

// read reads a feed to its end, or until it has given most records.
func read(ctx context.Context, t *testing.T, o replication.Opener, from replication.Place, most int) outcome {
	t.Helper()
	feed, err := o.Open(ctx, from)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	out := outcome{records: map[string]replication.Record{}}
	for len(out.ids) < most {
		rec, err := feed.Next(ctx)
		if wrong, ok := errors.AsType[*replication.RecordError](err); ok {
			out.problems = append(out.problems, strings.Join(strings.Fields(wrong.ExternalID+" "+wrong.Field+" "+wrong.Message), " "))
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				out.err = err
			}
			break
		}
		var id string
		if rec.Person != nil {
			id = rec.Person.ExternalID
		} else {
			id = rec.Team.ExternalID
		}
		out.ids, out.records[id] = append(out.ids, id), rec
	}
	out.place = feed.Place()
	return out
}

const everything = 1 << 30
