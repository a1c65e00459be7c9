package scimpull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/replication"
	"switchboard/internal/scim"
)

// The lists, in the order in which they are read: a group names users.
const (
	users  = "Users"
	groups = "Groups"
)

const (
	// budget is how long one record may take with all that is asked for it. The lease of a poll is longer.
	budget = 75 * time.Second
	// maxRecords bounds a list that has no end.
	maxRecords = 5_000_000
)

// reading implements replication.Feed.
type reading struct {
	*opener
	at    position
	ready bool // it is known whether changes can be asked for
	done  bool

	page     []resource      // what is left of the page
	count    int             // how many records are asked for
	total    int             // as the server says; below 0 before the first page
	last     bool            // the page is the last one
	previous map[string]bool // identifiers of this page
}

// turn goes to a place in a list.
func (r *reading) turn(kind string, next int) {
	r.at.Kind, r.at.Next, r.at.Total = kind, next, 0
	r.page, r.count, r.total, r.last, r.previous = nil, r.PageSize, -1, false, nil
}

// Next implements replication.Feed.
func (r *reading) Next(ctx context.Context) (replication.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	for !r.done {
		if err := r.prepare(ctx); err != nil {
			return replication.Record{}, err
		}
		if len(r.page) > 0 {
			rec, err := r.read(ctx, r.page[0])
			if passing(err) {
				return rec, err
			}
			r.page, r.at.Next = r.page[1:], r.at.Next+1
			if rec == (replication.Record{}) && err == nil {
				continue
			}
			return rec, err
		}
		if r.last {
			if err := r.end(); err != nil {
				return replication.Record{}, err
			}
			continue
		}
		if err := r.fetch(ctx); err != nil {
			return replication.Record{}, err
		}
	}
	return replication.Record{}, io.EOF
}

// prepare finds out, when only changes are wanted, whether the server can tell them.
func (r *reading) prepare(ctx context.Context) error {
	if r.ready {
		return nil
	}
	raw, _, err := r.client.get(ctx, "/ServiceProviderConfig", nil)
	if _, refused := errors.AsType[*refusal](err); err != nil && !refused {
		return err
	}
	var config struct {
		Filter struct {
			Supported bool `json:"supported"`
		} `json:"filter"`
	}
	if err != nil || json.Unmarshal(raw, &config) != nil || !config.Filter.Supported {
		r.at.Since, r.at.Whole = time.Time{}, r.now().UTC()
	}
	r.ready = true
	return nil
}

// fetch reads the next page. What the server refuses it is asked otherwise: without the filter, then for less at a time.
func (r *reading) fetch(ctx context.Context) error {
	for {
		query := url.Values{"startIndex": {strconv.Itoa(r.at.Next)}, "count": {strconv.Itoa(r.count)}}
		if !r.at.Since.IsZero() {
			query.Set("filter", `meta.lastModified gt "`+r.at.Since.UTC().Format(time.RFC3339)+`"`)
		}
		raw, header, err := r.client.get(ctx, "/"+r.at.Kind, query)
		refused, is := errors.AsType[*refusal](err)
		switch {
		case err == nil:
			return r.accept(raw, header)
		case is && !r.at.Since.IsZero() && (refused.status == http.StatusBadRequest || refused.status == http.StatusNotImplemented):
			r.at.Since = time.Time{} // it knows filters, and not this one: from here on all is read
			r.turn(r.at.Kind, 1)
		case r.count > 1 && (errors.Is(err, errTooLarge) || is && (refused.status == http.StatusBadRequest || refused.status == http.StatusRequestEntityTooLarge)):
			r.count = max(r.count/2, 1)
		default:
			return err
		}
	}
}

// accept takes a page as the next one.
func (r *reading) accept(raw []byte, header http.Header) error {
	l, err := decodeList(raw)
	if err != nil {
		return errs.CodeUnavailable.Errorf("the answer about %s is not one of a SCIM server: %v", r.at.Kind, err)
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil && r.at.Began.IsZero() && r.at.Kind == users && r.at.Next == 1 {
		r.at.Began = date.UTC()
	}
	if r.total >= 0 && r.total != l.total {
		r.at.Moved = true
	}
	ids, fresh, page := map[string]bool{}, false, []resource{}
	for _, raw := range l.resources {
		one := resource{raw: raw, id: identifier(raw)}
		one.again = one.id != "" && r.previous[one.id]
		fresh = fresh || !one.again
		ids[one.id] = true
		page = append(page, one)
	}
	switch {
	case len(page) > 0 && !fresh:
		return errs.CodeUnavailable.Errorf("the server gives the same %s again and again; it does not turn pages", r.at.Kind)
	case r.at.Next+len(page) > maxRecords:
		return fmt.Errorf("the server has more than %d %s", maxRecords, r.at.Kind)
	}
	r.total, r.at.Total, r.page, r.previous = l.total, max(l.total, 0), page, ids
	r.last = len(page) == 0 || r.at.Next+len(page) > l.total
	r.count = min(2*r.count, r.PageSize)
	return nil
}

// end goes on with the next list. A list that was not as long as the server said is a problem of its own.
func (r *reading) end() error {
	kind, given, total := r.at.Kind, r.at.Next-1, r.total
	if kind == users {
		r.turn(groups, 1)
	} else {
		r.done = true
	}
	if given == total || r.at.Moved {
		return nil
	}
	r.at.Moved = true
	return &replication.RecordError{Field: "totalResults", Message: fmt.Sprintf("is %d for %s, of which the server gave %d", total, kind, given)}
}

// read makes a record of a resource. The zero Record is one to pass over.
func (r *reading) read(ctx context.Context, from resource) (replication.Record, error) {
	if from.again {
		return replication.Record{}, nil
	}
	o, err := from.object()
	if err != nil {
		return replication.Record{}, err
	}
	if r.at.Kind == users {
		return person(from.id, o)
	}
	if scim.Get(o, "members") == nil {
		if o, err = r.alone(ctx, from); o == nil || err != nil {
			return replication.Record{}, err
		}
	}
	return team(from.id, o)
}

// alone reads a group by itself, nil when it is gone. A list may leave members out that a group has; only of the group itself
// no members are none.
func (r *reading) alone(ctx context.Context, from resource) (scim.Object, error) {
	raw, _, err := r.client.get(ctx, "/"+groups+"/"+url.PathEscape(from.id), nil)
	if refused, is := errors.AsType[*refusal](err); is {
		if refused.status == http.StatusNotFound {
			r.at.Moved = true
			return nil, nil //nolint:nilnil // it is gone
		}
		return nil, &replication.RecordError{ExternalID: from.id, Message: refused.Error()}
	}
	if errors.Is(err, errTooLarge) {
		return nil, &replication.RecordError{ExternalID: from.id, Message: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	one := resource{raw: raw, id: from.id}
	if got := identifier(raw); got != from.id {
		return nil, &replication.RecordError{ExternalID: from.id, Field: "id", Message: "is another in the answer about the group itself"}
	}
	return one.object()
}

// passing tells whether an error is about the server and not about one record.
func passing(err error) bool {
	_, about := errors.AsType[*replication.RecordError](err)
	return err != nil && !about
}

// Place implements replication.Feed.
func (r *reading) Place() replication.Place {
	if !r.done {
		return replication.Place{Position: encode(r.at)}
	}
	if r.at.Moved || r.at.Began.IsZero() {
		return replication.Place{}
	}
	return replication.Place{Mark: encode(mark{Server: r.at.Server, Since: r.at.Began.Add(-overlap), Whole: r.at.Whole})}
}

// encode writes what has nothing that JSON cannot hold.
func encode(v any) string {
	raw, _ := json.Marshal(v) //nolint:errchkjson // texts, numbers and times
	return string(raw)
}

// Close implements replication.Feed.
func (r *reading) Close() error {
	r.client.http.CloseIdleConnections()
	return nil
}
