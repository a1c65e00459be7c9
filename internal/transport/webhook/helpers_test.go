package webhook_test

import (
	"context"
	"testing"
)

// cancelled returns a context with which nothing reaches the network.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
