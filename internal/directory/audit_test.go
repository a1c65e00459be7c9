package directory_test

import (
	"strings"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/directory"
)

// TestService_webhooksAreHiddenInTheAudit plants a secret in the address of a webhook. That it changed shows, the secret does not.
func TestService_webhooksAreHiddenInTheAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.ann.OwnerID
	for _, address := range []string{"https://hooks.test/T0/planted-one?token=planted-two", "https://hooks.test/T0/planted-three", ""} {
		if _, err := w.UpdateUser(w.admin(), user, directory.UserEdit{WebhookURL: &address}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.All(t.Context(), w.db.Q(t.Context()), db.Scalar[string],
		"select detail from audit where action = 'directory.user.updated' and subject = $1 order by seq", user)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows {
		if strings.Contains(row, "planted") || !strings.Contains(row, `"webhook-url":"https://hooks.test`) {
			t.Errorf("row %d: %s", i, row)
		}
	}
}
