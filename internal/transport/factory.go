package transport

import (
	"context"

	"switchboard/internal/clock"
	"switchboard/internal/setting"
)

// Factory makes the senders of one kind of provider. Each provider's package exports one, and package all lists them.
type Factory struct {
	// Transports that its senders serve.
	Transports []Name
	// Doc says in one sentence what the provider is.
	Doc string
	// Settings that New knows.
	Settings []setting.Setting
	// Retry is the policy that suits the provider.
	Retry Policy
	// New checks the settings and returns a sender. It makes no connection, so a provider that is down does not keep
	// the server from starting.
	//
	// Errors: an errs.Error that names each wrong setting by its key.
	New func(ctx context.Context, settings map[string]any, env Env) (Sender, error)
}

// Configured makes a Factory's New of a constructor that takes settings which were checked. S is the provider's settings.
func Configured[S any](open func(S, Env) (Sender, error)) func(context.Context, map[string]any, Env) (Sender, error) {
	return func(_ context.Context, raw map[string]any, env Env) (Sender, error) {
		settings, err := setting.Decode[S](raw)
		if err != nil {
			return nil, err
		}
		return open(settings, env)
	}
}

// Env is what the server gives to every provider. The zero Env is ready.
type Env struct {
	Clock     clock.Clock // nil means the system's
	UserAgent string      // for HTTP providers; empty means "switchboard"
}

// Now returns the present instant by the environment's clock.
func (e Env) Now() clock.Clock {
	if e.Clock == nil {
		return clock.System
	}
	return e.Clock
}

// Agent returns the name by which HTTP providers introduce themselves.
func (e Env) Agent() string {
	if e.UserAgent == "" {
		return "switchboard"
	}
	return e.UserAgent
}
