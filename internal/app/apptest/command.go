package apptest

import (
	"bytes"
	"encoding/json"
	"testing"

	"switchboard/internal/cli"
	"switchboard/internal/id"
)

// Command runs a command of the binary in this process, on the data of the server, and returns what it printed.
func (s *Server) Command(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, problems bytes.Buffer
	c := cli.New(cli.Env{Stdout: &out, Stderr: &problems})
	c.SetArgs(append(args, "--data", s.Config.Server.Data, "--database-url", s.Config.DatabaseURL()))
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("switchboard %v: %v\n%s", args, err, problems.Bytes())
	}
	return out.Bytes()
}

// IssueKey makes a key of an organization by the command line, beside the running server, and returns its id and its text.
func (s *Server) IssueKey(t *testing.T, organization id.ID, role string, more ...string) (key id.ID, text string) {
	t.Helper()
	raw := s.Command(t, append([]string{"token", "create", "--json", "--organization", organization.String(), "--role", role}, more...)...)
	var made struct {
		ID  id.ID  `json:"id"`
		Key string `json:"key"`
	}
	if err := json.Unmarshal(raw, &made); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return made.ID, made.Key
}

// RevokeKey revokes a key by the command line and waits until the server refuses it.
func (s *Server) RevokeKey(t *testing.T, key id.ID, text string) {
	t.Helper()
	s.Command(t, "token", "revoke", key.String())
	Eventually(t, "the server refuses the revoked key", func() error {
		if r := s.Do(t, text, "GET /notifications", nil); r.Status != 401 {
			return Errorf("it answers %d", r.Status)
		}
		return nil
	})
}
