package vault

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/event"
)

// What acts on keys are called in the audit.
const (
	ActionKeyStaged         = "vault.key.staged"
	ActionKeyRotated        = "vault.key.rotated"
	ActionKeyDropped        = "vault.key.dropped"
	ActionSigningKeyRotated = "vault.signing-key.rotated"
)

// audited is what the audit keeps of a key.
type audited struct {
	KeyID string `json:"key-id"`
}

// audit writes that the actor of ctx did something to a key: made one, took one away, or put one in the place of another. It
// is part of the transaction of ctx.
func (s *Service) audit(ctx context.Context, action, before, after string) error {
	c := event.Change{OrganizationID: actor.Installation(), Type: action}
	if before != "" {
		c.Before = audited{before}
	}
	if after != "" {
		c.After = audited{after}
	}
	return s.events.Audit(ctx, c)
}
