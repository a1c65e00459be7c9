package cli_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplicator(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	feed, config := filepath.Join(folder, "staff.csv"), filepath.Join(folder, "config.yaml")
	write(t, feed, "external-id,username\n1,ada\n2,\n")
	write(t, config, "data: "+folder+"\nreplicators: {staff: {kind: directory.csv, organization: Ours, path: "+feed+", settle: 0s}}\n")
	if _, _, err := run(t, t.Context(), nil, "token", "create", "--config", config, "--organization", "Ours"); err != nil {
		t.Fatal(err)
	}
	poll := func(more ...string) (string, error) {
		out, _, err := run(t, t.Context(), nil, append([]string{"replicator", "poll", "staff", "--config", config}, more...)...)
		return out, err
	}
	const first = "read 2: created 1, adopted 0, updated 0, unchanged 0, tombstoned 0, conflicts 0, errors 1\nline 3 (2) username: is required\n"
	for _, arguments := range [][]string{{"--dry-run"}, {"--dry-run"}, nil} {
		if out, err := poll(arguments...); err != nil || out != first {
			t.Errorf("%v: %q, %v", arguments, out, err)
		}
	}
	out, err := poll("--json")
	var report struct{ Unchanged, Errors int }
	if err != nil || json.Unmarshal([]byte(out), &report) != nil || report.Unchanged != 1 || report.Errors != 1 {
		t.Errorf("%s, %v", out, err)
	}
	out, _, err = run(t, t.Context(), nil, "replicator", "list", "--config", config)
	if err != nil || !strings.Contains(out, "staff  directory.csv") {
		t.Errorf("%s, %v", out, err)
	}
	out, _, err = run(t, t.Context(), nil, "replicator", "list", "--json", "--organization", "Ours", "--config", config)
	var listed struct { // more than one line would not decode
		Name   string
		Report struct{ Read int }
	}
	if err != nil || json.Unmarshal([]byte(out), &listed) != nil || listed.Report.Read != 2 {
		t.Errorf("%s, %v", out, err)
	}
	if _, _, err := run(t, t.Context(), nil, "replicator", "poll", "nothing", "--config", config); err == nil || !strings.Contains(err.Error(), `no replicator "nothing"`) {
		t.Errorf("one that there is not: %v", err)
	}
	write(t, feed, "username\n")
	if _, err := poll(); err == nil || !strings.Contains(err.Error(), "no column for external-id") {
		t.Errorf("a feed that cannot be read: %v", err)
	}
	write(t, config, "data: "+folder+"\nreplicators: {staff: {kind: pigeons}, scim: {kind: directory.csv, organization: Ours, path: x, on_delete: burn}}\n")
	_, _, err = run(t, t.Context(), nil, "config", "check", "--config", config)
	for _, want := range []string{"staff.kind", "scim.on_delete", "scim: must not be the name"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the settings: %v, want %s", err, want)
		}
	}
	if _, _, err := run(t, t.Context(), nil, "token", "list", "--config", config); err != nil {
		t.Errorf("wrong replicators concern another command: %v", err)
	}
}
