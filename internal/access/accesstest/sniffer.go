package accesstest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/access"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// SnifferStore checks a store of sniffers, which must be empty.
func SnifferStore(t *testing.T, s access.SnifferStore) {
	t.Helper()
	t.Run("sniffers", func(t *testing.T) { sniffers(t, s) })
	t.Run("logs", func(t *testing.T) { snifferLogs(t, s) })
	t.Run("pages of a size", func(t *testing.T) { snifferPages(t, s) })
}

func newSniffer(t *testing.T, s access.SnifferStore, organization, user id.ID, until time.Time) access.Sniffer {
	t.Helper()
	n := access.Sniffer{ID: id.New(), OrganizationID: organization, UserID: user, CreatedAt: noon, ValidUntil: until}
	if err := s.InsertSniffer(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return n
}

func sniffers(t *testing.T, s access.SnifferStore) {
	ctx := t.Context()
	mine, theirs, ada, ben := id.New(), id.New(), id.New(), id.New()
	first := newSniffer(t, s, mine, ada, noon.Add(time.Hour))
	second := newSniffer(t, s, mine, ben, noon.Add(2*time.Hour))
	other := newSniffer(t, s, theirs, ada, noon.Add(3*time.Hour))

	if got, err := s.GetSniffer(ctx, mine, first.ID); err != nil || got != first {
		t.Errorf("GetSniffer: %v %s", err, cmp.Diff(first, got))
	}
	if _, err := s.GetSniffer(ctx, theirs, first.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("another organization's sniffer: %v", err)
	}
	for _, tc := range []struct {
		name       string
		user       id.ID
		p          page.Offset
		want       []access.Sniffer
		total      int
		stillAlive int
	}{
		{"all", id.Nil, page.Offset{Limit: 10}, []access.Sniffer{second, first}, 2, 2},
		{"of one user", ada, page.Offset{Limit: 10}, []access.Sniffer{first}, 1, 2},
		{"the second page", id.Nil, page.Offset{Limit: 1, Offset: 1}, []access.Sniffer{first}, 2, 2},
		{"of nobody", id.New(), page.Offset{Limit: 10}, []access.Sniffer{}, 0, 2},
	} {
		l, err := s.ListSniffers(ctx, mine, tc.user, tc.p)
		if err != nil || l.Total != tc.total || !cmp.Equal(l.Items, tc.want) {
			t.Errorf("%s: %v, total %d: %s", tc.name, err, l.Total, cmp.Diff(tc.want, l.Items))
		}
	}
	// The end is exclusive.
	for at, want := range map[time.Duration][]access.Sniffer{
		0: {first, second, other}, time.Hour: {second, other}, time.Hour - 1e6: {first, second, other}, 3 * time.Hour: {},
	} {
		if got, err := s.LiveSniffers(ctx, noon.Add(at)); err != nil || !cmp.Equal(got, want) {
			t.Errorf("live after %v: %v %s", at, err, cmp.Diff(want, got))
		}
	}
	for at, want := range map[time.Duration]int{0: 2, time.Hour: 1, 2 * time.Hour: 0} {
		if n, err := s.CountLiveSniffers(ctx, mine, noon.Add(at)); err != nil || n != want {
			t.Errorf("live in the organization after %v: %d, %v", at, n, err)
		}
	}
	if err := s.DeleteSniffer(ctx, theirs, first.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("deleting another organization's sniffer: %v", err)
	}
	if err := s.DeleteSniffer(ctx, mine, first.ID); err != nil {
		t.Error(err)
	}
	if err := s.DeleteSniffer(ctx, mine, first.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("deleting twice: %v", err)
	}
	for range 12 {
		newSniffer(t, s, mine, ben, noon.Add(time.Minute))
	}
	if n, err := s.PruneSniffers(ctx, noon.Add(3*time.Hour)); err != nil || n != 13 {
		t.Errorf("pruned %d, %v", n, err)
	}
	if _, err := s.GetSniffer(ctx, theirs, other.ID); err != nil {
		t.Errorf("pruning took one that had not ended: %v", err)
	}
}

func snifferLogs(t *testing.T, s access.SnifferStore) {
	ctx := t.Context()
	org := id.New()
	one, two := newSniffer(t, s, org, id.New(), noon.Add(time.Hour)), newSniffer(t, s, org, id.New(), noon.Add(time.Hour))
	var n int
	log := func(of access.Sniffer) access.SnifferLog {
		n++
		return access.SnifferLog{
			ID: id.New(), OrganizationID: of.OrganizationID, SnifferID: of.ID, CreatedAt: noon.Add(time.Duration(n) * time.Second),
			Method: "POST", Path: "/v1/x/", Query: "a=1", UserAgent: "agent", ContentType: "application/json",
			Body: fmt.Sprintf(`{"käse":%d}`, n), Response: "{}", Status: 201, RequestID: "r", TraceID: "t", Message: "m",
		}
	}
	a, b, c := log(one), log(two), log(one)
	if err := s.AppendLogs(ctx, []access.SnifferLog{a, b, c}, 3); err != nil {
		t.Fatal(err)
	}
	want := func(what string, of access.Sniffer, p page.Offset, total int, logs ...access.SnifferLog) {
		t.Helper()
		l, err := s.ListSnifferLogs(ctx, org, of.ID, p, 1<<20)
		if err != nil || l.Total != total || !cmp.Equal(l.Items, logs) {
			t.Errorf("%s: %v, total %d: %s", what, err, l.Total, cmp.Diff(logs, l.Items))
		}
	}
	all := page.Offset{Limit: 100}
	want("newest first", one, all, 2, c, a)
	want("the other's", two, all, 1, b)
	want("a page", one, page.Offset{Limit: 1, Offset: 1}, 2, a)

	d, e := log(one), log(one)
	gone := access.Sniffer{ID: id.New(), OrganizationID: org}
	if err := s.AppendLogs(ctx, []access.SnifferLog{d, log(gone), e}, 3); err != nil {
		t.Fatal(err)
	}
	want("only the newest stay", one, all, 3, e, d, c)
	if _, err := s.ListSnifferLogs(ctx, id.New(), one.ID, all, 1<<20); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("another organization reads: %v", err)
	}
	if err := s.DeleteSniffer(ctx, org, one.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ListSnifferLogs(ctx, org, one.ID, all, 1<<20); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("the logs outlive their sniffer: %v", err)
	}
	want("the other's stay", two, all, 1, b)
	if err := s.AppendLogs(ctx, nil, 3); err != nil {
		t.Error(err)
	}
}

// snifferPages reads more logs than are fetched at a time, under bounds on what a page weighs.
func snifferPages(t *testing.T, s access.SnifferStore) {
	ctx := t.Context()
	const count = 130
	n := newSniffer(t, s, id.New(), id.New(), noon.Add(time.Hour))
	logs := make([]access.SnifferLog, count)
	for i := range logs {
		logs[i] = access.SnifferLog{
			ID: id.New(), OrganizationID: n.OrganizationID, SnifferID: n.ID, CreatedAt: noon, Method: "GET", Path: "/", Status: 200,
			Body: strings.Repeat("b", 40), Response: strings.Repeat("r", 56), // 100 bytes each
		}
	}
	if err := s.AppendLogs(ctx, logs, count); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(logs)
	for _, tc := range []struct{ offset, limit, most, want int }{
		{0, 10, 1 << 20, 10},
		{0, 1000, 1 << 20, count},
		{100, 1000, 1 << 20, 30},
		{130, 1000, 1 << 20, 0},
		{0, 1000, 500, 5},
		{0, 1000, 599, 5},
		{0, 1000, 600, 6},
		{7, 1000, 9_900, 99},
		{0, 5, 500, 5},
		{0, 1000, 99, 1}, // never fewer than one
		{0, 1000, 0, 1},
		{129, 1000, 0, 1},
	} {
		l, err := s.ListSnifferLogs(ctx, n.OrganizationID, n.ID, page.Offset{Offset: tc.offset, Limit: tc.limit}, tc.most)
		if err != nil || l.Total != count || !slices.Equal(l.Items, logs[tc.offset:tc.offset+tc.want]) {
			t.Errorf("%+v: %d logs of %d, %v", tc, len(l.Items), l.Total, err)
		}
	}
	// Whoever goes on behind what came meets each log once.
	for offset := 0; offset < count; {
		l, err := s.ListSnifferLogs(ctx, n.OrganizationID, n.ID, page.Offset{Offset: offset, Limit: 20}, 700)
		if err != nil || len(l.Items) == 0 || !slices.Equal(l.Items, logs[offset:offset+len(l.Items)]) {
			t.Fatalf("from %d: %d logs, %v", offset, len(l.Items), err)
		}
		offset += len(l.Items)
	}
}
