package apptest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
)

// recorded are the reads that leave a row: those of what people wrote to each other, of what was recorded of them, and of the audit.
func recorded() map[string]string {
	return map[string]string{
		"GET /v1/messaging-messages/":              "messaging.message.read",
		"GET /v1/messaging-messages/{id}/":         "messaging.message.read",
		"GET /v1/messaging-messages/{id}/history/": "messaging.message.read",
		"GET /v1/messages":                         "messaging.message.read",
		"GET /v1/messages/{id}":                    "messaging.message.read",
		"GET /v1/messaging-channels/":              "messaging.channel.read",
		"GET /v1/messaging-channels/{id}/":         "messaging.channel.read",
		"GET /v1/sniffers/{id}/get-logs/":          "access.sniffer.logs-read",
		"GET /v1/user-consents/{id}/proof/":        "consent.proof.read",
		"GET /v1/audit-events/":                    "audit.events.read",
		"GET /v1/audit-events/{id}/":               "audit.events.read",
	}
}

// unrecorded are the operations that change nothing though their method could, or whose sample finds nothing to change.
func unrecorded() []string {
	return []string{
		"POST /notifications/{groupId}/explain",
		"POST /v1/aggregation-requests/",
		"POST /scim/v2/.search",
		"POST /scim/v2/Users/.search",
		"POST /scim/v2/Groups/.search",
		"DELETE /v1/org-preferences/{id}/", // it is not set
	}
}

// uncounted are the reads whose row does not say how many records were shown: of one, or before they were looked for.
func uncounted() []string { return []string{"access.sniffer.logs-read", "consent.proof.read"} }

type auditRow struct{ Action, Role, Via, Addr, Detail string }

// audited returns what a request left in the audit.
func audited(t *testing.T, s *apptest.Server, request string) []auditRow {
	t.Helper()
	rows, err := db.All(t.Context(), s.App.DB().Q(t.Context()), func(r db.Row) (a auditRow, err error) {
		return a, r.Scan(&a.Action, &a.Role, &a.Via, &a.Addr, &a.Detail)
	}, "select action, role, via, remote_addr, detail from audit where request_id = $1 order by seq", request)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestAudit sends the sample of every operation and looks for what it leaves in the audit: of every write that was accepted at
// least one row, of every read of messages exactly one, of other reads none.
func TestAudit(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t, apptest.Options{DatabaseURL: url(t)})
			looks := recorded()
			for _, o := range sampled(t, s) {
				t.Run(strings.ReplaceAll(o.Route(), "/", "_"), func(t *testing.T) {
					w := s.NewOrganization(t)
					r := send(t, s.Handler(), w.Key, sample(t, w, &o))
					rows := audited(t, s, r.Header.Get("X-Request-Id"))
					for _, row := range rows {
						if row.Role != "administrator" || row.Via != "key" || row.Addr == "" {
							t.Errorf("it is not said who did it, and from where: %+v", row)
						}
					}
					action, look := looks[o.Route()]
					switch {
					case r.Status >= http.StatusBadRequest:
						if len(rows) != 0 {
							t.Errorf("refused with %d, and in the audit: %+v", r.Status, rows)
						}
					case look:
						if len(rows) != 1 || rows[0].Action != action || !strings.Contains(rows[0].Detail, `"count":`) && !slices.Contains(uncounted(), action) {
							t.Errorf("a look is in the audit as %+v", rows)
						}
					case o.Writes() && !slices.Contains(unrecorded(), o.Route()):
						if len(rows) == 0 {
							t.Errorf("a write that was answered with %d is not in the audit", r.Status)
						}
					case len(rows) != 0:
						t.Errorf("a read of what is no message is in the audit: %+v", rows)
					}
				})
			}
			for route := range looks {
				if !slices.ContainsFunc(s.Operations(t), func(o apptest.Operation) bool { return o.Route() == route }) {
					t.Errorf("there is no operation %s", route)
				}
			}
		})
	}
}

// TestAudit_denied asks for everything with a key that covers nothing: each attempt is in the audit once, with its reason, and
// repeated requests are no exception.
func TestAudit_denied(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{DatabaseURL: dbtest.SQLiteURL(t)})
	w := s.NewOrganization(t)
	_, poor := s.IssueKey(t, w.IDs[apptest.Organization], "service", "--scope", "audit-events:read")
	tried := 0
	for _, o := range sampled(t, s) {
		r := send(t, s.Handler(), poor, sample(t, w, &o))
		rows := audited(t, s, r.Header.Get("X-Request-Id"))
		if r.Status != http.StatusForbidden {
			if r.Status < http.StatusBadRequest && len(rows) == 0 && o.Writes() {
				t.Errorf("%s: %d", o.Route(), r.Status)
			}
			continue
		}
		tried++
		if len(rows) != 1 || rows[0].Action != "access.attempt.denied" || rows[0].Role != "service" {
			t.Errorf("%s: in the audit as %+v", o.Route(), rows)
			continue
		}
		for _, want := range []string{`"route":"` + o.Route() + `"`, `"code":"Denied"`, `"reason":"`} {
			if !strings.Contains(rows[0].Detail, want) {
				t.Errorf("%s: the row lacks %s: %s", o.Route(), want, rows[0].Detail)
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d attempts were denied", tried)
	}
}
