// Package scimpull reads another SCIM 2.0 server (RFC 7643, 7644) as a feed: its users, then its groups, page by page. What a
// record is called is the identifier that the other server gave it, by which groups name their members too.
//
// It reads everything, or only what has changed since the reading before where the server can tell, and then everything again
// at least once a day. It never takes what is missing for deleted. It writes nothing, neither there nor here.
package scimpull

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/replication"
	"switchboard/internal/setting"
)

// Settings is the settings of directory.scim-pull.
type Settings struct {
	URL          string         `key:"url,required" doc:"The address of the server's SCIM root, such as https://id.example.org/scim/v2. It must be https, unless allow_private is set."`
	Token        setting.Secret `key:"token,required" doc:"The bearer token to read with."`
	PageSize     int            `key:"page_size" default:"100" doc:"How many records one request asks for, from 1 to 1000. A page that is too large for the server, or larger than 32 MiB, is asked for in smaller parts."`
	Timeout      time.Duration  `key:"timeout" default:"20s" doc:"How long one request may take, from 1s to 60s."`
	AllowPrivate bool           `key:"allow_private" doc:"Whether the server may be on private, loopback and link-local addresses."`
}

// Check implements setting.Checker.
func (s *Settings) Check(f *errs.Fields) {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "":
		f.Add("url", "must be an address such as https://id.example.org/scim/v2")
	case u.User != nil:
		f.Add("url", "must not have a password in it; the setting token is for that")
	case u.Scheme == "http" && !s.AllowPrivate:
		f.Add("url", "must begin with https://, so that nobody reads the token")
	}
	if s.PageSize < 1 || s.PageSize > 1000 {
		f.Add("page_size", "must be between 1 and 1000")
	}
	if s.Timeout < time.Second || s.Timeout > time.Minute {
		f.Add("timeout", "must be between 1s and 60s")
	}
}

// Open returns the opener of a server. It calls nobody.
func Open(s Settings) replication.Opener {
	s.URL = strings.TrimRight(s.URL, "/")
	return &opener{Settings: s, client: newClient(s), now: clock.System}
}

type opener struct {
	Settings
	client *client
	now    clock.Clock
}

const (
	// wholeAfter is how old the last whole reading may be when only changes are read.
	wholeAfter = 24 * time.Hour
	// overlap is how far before the last reading changes are asked for: what was being written then was not yet to be seen.
	overlap = 5 * time.Minute
)

// mark is what a reading leaves for the next one.
type mark struct {
	Server string    `json:"server"`
	Since  time.Time `json:"since"` // by the clock of the server
	Whole  time.Time `json:"whole"` // by ours: when the last whole reading began
}

// position is where a reading stands.
type position struct {
	Server string    `json:"server"`
	Kind   string    `json:"kind"`            // Users or Groups
	Next   int       `json:"next"`            // the startIndex of the next record
	Total  int       `json:"total,omitempty"` // as the server said of this list; 0 until it has
	Since  time.Time `json:"since,omitzero"`  // zero: all are read
	Whole  time.Time `json:"whole"`           // as in mark
	Began  time.Time `json:"began,omitzero"`  // by the clock of the server; zero until it has said
	Moved  bool      `json:"moved,omitempty"` // the lists changed while they were read: something may have been passed over
}

// Open implements replication.Opener. The first request is made when the first record is wanted.
func (o *opener) Open(_ context.Context, from replication.Place) (replication.Feed, error) {
	r := &reading{opener: o, ready: true}
	if json.Unmarshal([]byte(from.Position), &r.at) != nil || !r.at.valid(o.URL) {
		r.at = o.start(from.Mark)
		r.ready = r.at.Since.IsZero()
	}
	said := r.at.Total
	if r.turn(r.at.Kind, r.at.Next); said > 0 {
		r.at.Total, r.total = said, said
	}
	return r, nil
}

func (p position) valid(server string) bool {
	return p.Server == server && (p.Kind == users || p.Kind == groups) && p.Next > 0
}

// start is the beginning of a reading after another one.
func (o *opener) start(after string) position {
	now := o.now().UTC()
	at := position{Server: o.URL, Kind: users, Next: 1, Whole: now}
	var m mark
	if json.Unmarshal([]byte(after), &m) != nil || m.Server != o.URL || now.Sub(m.Whole) >= wholeAfter || m.Whole.After(now) {
		return at
	}
	at.Since, at.Whole = m.Since, m.Whole
	return at
}
