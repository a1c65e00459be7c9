package apptest

import (
	"context"
	"maps"
	"testing"
	"time"

	"switchboard/internal/sandbox"
)

// WithSandbox starts a sandbox of the test's own and points the providers of o at it, so that the test chooses how long
// they wait for an answer, and the sandbox outlives the server.
func WithSandbox(t *testing.T, o Options, timeout time.Duration) (Options, *sandbox.Sandbox) {
	t.Helper()
	box, err := sandbox.New(sandbox.Options{Addr: "127.0.0.1:0", SMTPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := box.Stop(ctx); err != nil {
			t.Errorf("stopping the sandbox: %v", err)
		}
	})
	before := o.Config
	o.Config = func(c *Config) {
		if before != nil {
			before(c)
		}
		c.Providers = map[string]map[string]any{}
		for name, settings := range box.Providers() {
			c.Providers[name] = maps.Clone(settings)
			c.Providers[name]["timeout"] = timeout.String()
		}
	}
	return o, box
}
