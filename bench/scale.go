package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"switchboard/internal/id"
)

// The part "scale": the same requests to a server whose organization has a thousand people and to one whose organization has a
// million, with a twentieth of them in one group and ten thousand other organizations around it. The two servers are asked in
// turns, request by request, over one connection each, so that the ratio means something on a busy machine too.

const (
	smallCrowd = 1000
	// largeNeighbours is how many other organizations there are beside the large one.
	largeNeighbours = 10_000
	pageSize        = 100
)

// question is what is asked of both servers.
type question struct {
	what     string
	requests func(s *scaled) []request
}

// questions are the permission checks and the pages of lists.
func questions() []question {
	return []question{
		{"a leader reads an individual", func(s *scaled) []request {
			return s.gets(s.leader, s.crowd.some, func(p person) string { return "/v1/individuals/" + p.individual.String() + "/" })
		}},
		{"a leader acts as one of a group of a twentieth", func(s *scaled) []request {
			return s.gets(s.leader, s.crowd.members, func(p person) string { return "/v1/messaging-channels/?individual-id=" + p.individual.String() })
		}},
		{fmt.Sprintf("the first %d users", pageSize), func(s *scaled) []request {
			return []request{s.get(s.admin, fmt.Sprintf("/v1/users/?page[limit]=%d", pageSize))}
		}},
		{"a user by e-mail", func(s *scaled) []request {
			return s.gets(s.admin, s.crowd.some, func(p person) string { return "/v1/users/?filter[email]=" + p.email })
		}},
		{fmt.Sprintf("%d users from the middle of the list", pageSize), func(s *scaled) []request {
			return []request{s.get(s.admin, fmt.Sprintf("/v1/users/?page[limit]=%d&page[offset]=%d", pageSize, s.crowd.people/2))}
		}},
	}
}

// scaled is a server with a crowd.
type scaled struct {
	server        *server
	crowd         *crowd
	admin, leader string // keys
	conn          *connection
	row           func(ctx context.Context, individual id.ID) error // reads one row by its key, without the server
	closers       []func() error
}

// scale measures what the size of an organization does to permission checks and lists. The URLs name empty databases of
// PostgreSQL; without them SQLite is measured.
func (b *bench) scale(ctx context.Context, name, smallURL, largeURL string) (err error) {
	if b.large == 0 || !b.wants("scale") {
		return nil
	}
	small := &crowd{people: smallCrowd, group: smallCrowd / 20}
	large := &crowd{people: b.large, group: b.large / 20, others: largeNeighbours}
	var both []*scaled
	for _, c := range []struct {
		*crowd
		url string
	}{{small, smallURL}, {large, largeURL}} {
		s, err := b.openScaled(ctx, name, c.crowd, c.url)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close()) }()
		both = append(both, s)
	}
	for _, s := range both {
		if err := s.dial(); err != nil {
			return err
		}
	}
	for _, q := range questions() {
		b.say("%s: scale: %s", name, q.what)
		if err := b.compare(ctx, name, q, both[0], both[1]); err != nil {
			return fmt.Errorf("%s: %w", q.what, err)
		}
	}
	return nil
}

// compare asks both servers the same, and adds a row.
func (b *bench) compare(ctx context.Context, name string, q question, small, large *scaled) error {
	size := func(s *scaled) string { return figure(float64(s.crowd.people)) }
	r := row{database: name, what: fmt.Sprintf("%s, of %s: ms, p50", q.what, size(large))}
	alike, bare := limit{what: fmt.Sprintf("the same, of %s", size(small))}, limit{what: "a bare read of one row by its key"}
	fewer, more := q.requests(small), q.requests(large)
	for range b.runs {
		var took [3][]time.Duration
		for n, begun := 0, time.Now(); time.Since(begun) < b.window() || n == 0; n++ {
			for i, ask := range []func() error{
				func() error { return small.ask(fewer, n) },
				func() error { return large.ask(more, n) },
				func() error { return large.row(ctx, large.crowd.some[n%len(large.crowd.some)].individual) },
			} {
				began := time.Now()
				if err := errors.Join(ask(), ctx.Err()); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(began))
			}
		}
		for i, s := range []*sample{&alike.got, &r.got, &bare.got} {
			*s = append(*s, milliseconds(percentile(took[i], .5)))
		}
	}
	r.limits = []limit{alike, bare}
	b.table.add(r)
	return nil
}

// ask sends one of the requests and waits for its answer.
func (s *scaled) ask(requests []request, n int) error {
	status, problem, err := s.conn.do(&requests[n%len(requests)])
	if err == nil && status != 200 {
		err = fmt.Errorf("answered %d: %s", status, problem)
	}
	return err
}

func (s *scaled) get(key, path string) request {
	return newRequest(s.server.host, "GET", path, key, "", "")
}

func (s *scaled) gets(key string, people []person, path func(person) string) []request {
	out := make([]request, len(people))
	for i, p := range people {
		out[i] = s.get(key, path(p))
	}
	return out
}

// openScaled makes a database with a crowd, and starts a server on it.
func (b *bench) openScaled(ctx context.Context, name string, c *crowd, url string) (_ *scaled, err error) {
	s := &scaled{crowd: c, server: &server{binary: b.binary, dir: filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, c.people)), database: url}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.server.sink, err = openSink(); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() error { s.server.sink.close(); return nil })
	if err := s.server.prepare(); err != nil {
		return nil, err
	}
	made, err := s.server.newKey(ctx, "administrator")
	if err != nil {
		return nil, err
	}
	s.admin, c.organization = made.Key, made.Organization
	path := filepath.Join(s.server.dir, "switchboard.db")
	begun := time.Now()
	where := url
	if where == "" {
		where = "sqlite:" + path
	}
	if err := c.fill(ctx, where, func(format string, args ...any) { b.say(name+": "+format, args...) }); err != nil {
		return nil, fmt.Errorf("storing %d people: %w", c.people, err)
	}
	b.note("%s: %s people and %s other organizations were stored in %s", name, figure(float64(c.people)), fmt.Sprint(c.others), time.Since(begun).Round(time.Second))
	if s.leader, err = s.server.key(ctx, "leader", "--user", c.leader.String()); err != nil {
		return nil, err
	}
	if _, err := s.server.start(ctx); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.server.stop)
	return s, s.openRow(ctx, path)
}

// dial connects to the server, which would not wait for long until it is asked something.
func (s *scaled) dial() (err error) {
	if s.conn, err = dial(s.server.host); err == nil {
		s.closers = append(s.closers, func() error { s.conn.close(); return nil })
	}
	return err
}

const selectRow = "select first_name from individuals where id = $1"

// openRow connects to the database itself; path is that of SQLite.
func (s *scaled) openRow(ctx context.Context, path string) error {
	var name string
	if s.server.database == "" {
		d, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			return err
		}
		s.closers = append(s.closers, d.Close)
		s.row = func(ctx context.Context, i id.ID) error { return d.QueryRowContext(ctx, selectRow, i).Scan(&name) }
		return nil
	}
	c, err := pgx.Connect(ctx, s.server.database)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() error { return c.Close(context.WithoutCancel(ctx)) })
	s.row = func(ctx context.Context, i id.ID) error { return c.QueryRow(ctx, selectRow, i).Scan(&name) }
	return nil
}

// close ends what was begun, the last first.
func (s *scaled) close() error {
	var err error
	for len(s.closers) > 0 {
		last := len(s.closers) - 1
		err = errors.Join(err, s.closers[last]())
		s.closers = s.closers[:last]
	}
	return err
}
