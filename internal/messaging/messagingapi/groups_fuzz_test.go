package messagingapi

import (
	"encoding/json"
	"testing"
)

// FuzzContactRef reads names of contacts of any form: those that are taken name somebody, by one of the two ways.
func FuzzContactRef(f *testing.F) {
	for _, seed := range []string{
		`"02OFgyqVPIZ6GZ4yuNtTpJ"`, `{"username":"Hector"}`, `{"id":"02OFgyqVPIZ6GZ4yuNtTpJ","phone_number":"1"}`, `{}`, `7`, `null`, `[]`,
		`{"id":null,"username":null}`, `"01933c80-0000-7000-8000-000000000000"`, `{"id":7}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c contactRef
		if err := json.Unmarshal(data, &c); err != nil || string(data) == "null" {
			return
		}
		if !c.ID.IsZero() && c.Username != "" {
			t.Errorf("%s names %v and %q", data, c.ID, c.Username)
		}
	})
}
