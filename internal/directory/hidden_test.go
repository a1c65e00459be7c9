package directory_test

import (
	"strings"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
)

// The audit tells that the address of a webhook changed, and not what it is.
func TestService_UpdateUser_hidesWebhooks(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		u, err := w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("a"), WebhookURL: new("https://me:pw-5391@hooks.test/T0/path-2210?key=query-7714")}})
		w.must(err)
		_, err = w.UpdateUser(w.admin(), u.ID, directory.UserEdit{WebhookURL: new("https://hooks.test/T0/other-9937")})
		w.must(err)
		details, err := db.All(t.Context(), w.db.Q(t.Context()), db.Scalar[string], "select detail from audit")
		w.must(err)
		all := strings.Join(details, "\n")
		for _, secret := range []string{"pw-5391", "path-2210", "query-7714", "other-9937"} {
			if strings.Contains(all, secret) {
				t.Errorf("the audit shows %s:\n%s", secret, all)
			}
		}
		if n := strings.Count(all, "https://hooks.test/…"); n != 3 { // made; before and after
			t.Errorf("the host stands there %d times:\n%s", n, all)
		}
	})
}
