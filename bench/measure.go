package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"switchboard/internal/id"
)

// postgresEnv names the PostgreSQL server to measure on.
const postgresEnv = "SWITCHBOARD_TEST_POSTGRES"

// site is one database with the server and the bare database on it.
type site struct {
	*bench
	name    string
	server  *server
	world   *world
	bare    bare
	writers int // of the bare database, when it is measured with all of them
	next    atomic.Int64

	rates sample // posts a second, for the load beside the latency
}

// sqlite measures on SQLite.
func (b *bench) sqlite(ctx context.Context) error {
	s := &site{bench: b, name: "SQLite", server: &server{binary: b.binary, dir: filepath.Join(b.dir, "sqlite")}, writers: connections}
	err := s.measure(ctx, func(ctx context.Context) (bare, error) {
		return openBareSQLite(ctx, filepath.Join(b.dir, "bare.db"), connections)
	})
	if err != nil {
		return err
	}
	return b.scale(ctx, "SQLite", "", "")
}

// postgres measures on PostgreSQL, in databases of its own that it drops.
func (b *bench) postgres(ctx context.Context, address string) (err error) {
	admin, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	var durable, commit, version string
	row := admin.QueryRow(ctx, "select current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_version')")
	if err := row.Scan(&durable, &commit, &version); err != nil {
		return err
	}
	b.note("PostgreSQL %s with fsync=%s, synchronous_commit=%s", version, durable, commit)
	if durable != "on" || commit == "off" {
		b.note("THE FIGURES ON POSTGRESQL ARE NOT DURABLE ONES; make bench sets SWITCHBOARD_TEST_FSYNC=on")
	}
	urls := make([]string, 4)
	for i := range urls {
		name := "bench_" + id.New().Short()
		if _, err := admin.Exec(ctx, fmt.Sprintf("create database %q", name)); err != nil {
			return err
		}
		defer func() {
			_, dropErr := admin.Exec(context.WithoutCancel(ctx), fmt.Sprintf("drop database %q with (force)", name))
			err = errors.Join(err, dropErr)
		}()
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		u.Path = "/" + name
		urls[i] = u.String()
	}
	s := &site{
		bench: b, name: "PostgreSQL", writers: connections,
		server: &server{binary: b.binary, dir: filepath.Join(b.dir, "postgres"), database: urls[0]},
	}
	err = s.measure(ctx, func(ctx context.Context) (bare, error) { return openBarePostgres(ctx, urls[1], connections) })
	if err != nil {
		return err
	}
	return b.scale(ctx, "PostgreSQL", urls[2], urls[3])
}

// measure takes every figure of one database.
func (s *site) measure(ctx context.Context, open func(context.Context) (bare, error)) (err error) {
	if s.server.sink, err = openSink(); err != nil {
		return err
	}
	defer s.server.sink.close()
	if err := s.server.prepare(); err != nil {
		return err
	}
	if s.wants("start") {
		if err := s.starts(ctx); err != nil {
			return err
		}
	}
	if !s.wants("posts") && !s.wants("fanout") && !s.wants("live") {
		return nil
	}
	if s.bare, err = open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.bare.close()) }()
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer func() {
		s.server.sink.close() // or the server would wait for an answer from there
		err = errors.Join(err, s.server.stop())
	}()
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{{"posts", s.posts}, {"live", s.live}, {"fanout", s.fanout}} {
		if s.wants(part.name) {
			s.say("%s: %s", s.name, part.name)
			if err := part.measure(ctx); err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
		}
	}
	return s.afterLoad()
}

// begin starts the server and furnishes it.
func (s *site) begin(ctx context.Context) error {
	w := &world{}
	var err error
	if w.key, err = s.server.key(ctx, "administrator"); err != nil {
		return err
	}
	if w.service, err = s.server.key(ctx, "service"); err != nil {
		return err
	}
	if _, err := s.server.start(ctx); err != nil {
		return err
	}
	w.host = s.server.host
	s.world = w
	if err := w.furnish(ctx); err != nil {
		return errors.Join(err, s.server.stop())
	}
	return nil
}

// bareRate is how often a second the bare database does something.
func (s *site) bareRate(ctx context.Context, writers int, work func(context.Context, int) error) (float64, []time.Duration, error) {
	n, took, elapsed, err := spin(ctx, writers, s.window()/2, work)
	return perSecond(n, elapsed), took, err
}

// posts measures durable messages a second, on many channels and on one.
func (s *site) posts(ctx context.Context) error {
	many := row{database: s.name, what: fmt.Sprintf("messages posted/s, %d connections, a channel each", connections)}
	one := row{database: s.name, what: fmt.Sprintf("messages posted/s, %d connections, one channel", connections)}
	wait := row{database: s.name, what: "  a post takes ms, p50 (a channel each)"}
	slow := row{database: s.name, what: "  a post takes ms, p99"}
	cost := row{database: s.name, what: "  processor time of the server for a post, µs"}
	var sequential, parallel, p50, p99 sample
	for range s.runs {
		r, err := s.load(s.world.posts(false), 201).run(ctx, s.window(), s.server.pid())
		if err != nil {
			return err
		}
		many.got, many.share = append(many.got, perSecond(r.done, r.elapsed)), r.use.String()
		cost.got = append(cost.got, r.cost())
		wait.got = append(wait.got, milliseconds(percentile(r.took, .5)))
		slow.got = append(slow.got, milliseconds(percentile(r.took, .99)))
		rate, took, err := s.bareRate(ctx, 1, s.bare.commit)
		if err != nil {
			return err
		}
		sequential = append(sequential, rate)
		p50, p99 = append(p50, milliseconds(percentile(took, .5))), append(p99, milliseconds(percentile(took, .99)))
		if rate, _, err = s.bareRate(ctx, s.writers, s.bare.commit); err != nil {
			return err
		}
		parallel = append(parallel, rate)
		if r, err = s.load(s.world.posts(true), 201).run(ctx, s.window()/2, s.server.pid()); err != nil {
			return err
		}
		one.got, one.share = append(one.got, perSecond(r.done, r.elapsed)), r.use.String()
	}
	limits := []limit{
		{"bare commits/s of one row, 1 writer", sequential},
		{fmt.Sprintf("bare commits/s of one row, %d writers", s.writers), parallel},
	}
	many.limits, one.limits = limits, limits
	wait.limits, slow.limits = []limit{{"a bare commit takes ms, 1 writer, p50", p50}}, []limit{{"p99", p99}}
	s.rates = many.got
	for _, r := range []row{many, wait, slow, cost, one} {
		s.table.add(r)
	}
	return nil
}

// load is requests as fast as they are answered.
func (s *site) load(requests []request, want int) load {
	return load{host: s.server.host, requests: requests, want: want, next: &s.next}
}

// fanout measures how many deliveries a second are planned for events that concern 100 people each.
func (s *site) fanout(ctx context.Context) error {
	r := row{database: s.name, what: fmt.Sprintf("deliveries planned/s, %d people an event, %d connections", people, connections)}
	var bulk, single sample
	events := 0
	before, err := s.world.planned(ctx)
	if err != nil {
		return err
	}
	for range s.runs {
		l, err := s.load(s.world.events(), 202).run(ctx, s.window(), s.server.pid())
		if err != nil {
			return err
		}
		events += l.total
		r.got, r.share = append(r.got, people*perSecond(l.done, l.elapsed)), l.use.String()
		rate, _, err := s.bareRate(ctx, 1, s.bare.bulk)
		if err != nil {
			return err
		}
		single = append(single, people*rate)
		if rate, _, err = s.bareRate(ctx, s.writers, s.bare.bulk); err != nil {
			return err
		}
		bulk = append(bulk, people*rate)
	}
	r.limits = []limit{
		{fmt.Sprintf("bare rows/s of that width, %d a commit, 1 writer", people), single},
		{fmt.Sprintf("bare rows/s of that width, %d a commit, %d writers", people, s.writers), bulk},
	}
	s.table.add(r)
	after, err := s.world.planned(ctx)
	if err != nil {
		return err
	}
	if after-before != people*events {
		s.note("%s: %d events were accepted and %d deliveries are in the ledger, which should be %d", s.name, events, after-before, people*events)
	}
	s.note("The deliveries go to a mail server on loopback that takes connections and stays silent, one attempt at a time, so that planning is measured and not sending.")
	return nil
}

// starts measures starting on an empty database and on one that is there, and the memory of an idle server.
func (s *site) starts(ctx context.Context) error {
	s.say("%s: start", s.name)
	first := row{database: s.name, what: "first start to ready, with migrations, ms"}
	again := row{database: s.name, what: "start to ready, ms"}
	idle := row{database: s.name, what: "memory of an idle server, MiB resident"}
	var process sample
	for i := range s.runs + 1 {
		took, err := s.server.start(ctx)
		if err != nil {
			return err
		}
		if i == 0 {
			first.got = sample{milliseconds(took)}
		} else {
			again.got = append(again.got, milliseconds(took))
			pause(ctx, time.Second) // what the start took is given back, if it ever is
			idle.got = append(idle.got, residentMiB(s.server.pid()))
		}
		if err := s.server.stop(); err != nil {
			return err
		}
		if took, err = s.version(ctx); err != nil {
			return err
		}
		process = append(process, milliseconds(took))
	}
	again.limits = []limit{{"the same binary prints its version, ms", process[1:]}}
	for _, r := range []row{first, again, idle} {
		s.table.add(r)
	}
	return nil
}

// afterLoad notes what the server holds after all of it.
func (s *site) afterLoad() error {
	s.note("%s: %s MiB resident after the load", s.name, figure(residentMiB(s.server.pid())))
	return nil
}

// size tells how large the binary is.
func (b *bench) size() error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.table.add(row{database: "binary", what: "size, MiB", got: sample{float64(info.Size()) / (1 << 20)}})
	return nil
}
