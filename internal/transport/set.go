package transport

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"switchboard/internal/errs"
	"switchboard/internal/reason"
)

// Config is which providers a server runs and which transport goes by which.
type Config struct {
	// Providers by the name that the operator gives them. Each has a "kind", which names the factory, and the settings
	// of that kind.
	Providers map[string]map[string]any
	// Routes from a transport to the name of a provider. A transport without a route goes by the only provider that
	// serves it; when several do, a route is required.
	Routes map[Name]string
}

// Set is the providers that a server runs. It is a Sender itself: a message goes to the provider of its transport.
type Set struct {
	providers map[string]provider
	routes    map[Name]string
	claiming  map[Name][]string // the providers that claim addresses
	closing   sync.Once
	closed    error
}

type provider struct {
	kind    string
	sender  Sender
	factory Factory
}

var _ Sender = (*Set)(nil)

// Open makes the providers of cfg. When any cannot be made, none stays open and the errs.Error names every wrong
// setting ("providers.twilio.auth_token", "routes.sms").
func Open(ctx context.Context, cfg Config, factories map[string]Factory, env Env) (*Set, error) {
	s := &Set{providers: map[string]provider{}, routes: map[Name]string{}, claiming: map[Name][]string{}}
	var faults errs.Fields
	for _, name := range slices.Sorted(maps.Keys(cfg.Providers)) {
		s.open(ctx, name, cfg.Providers[name], factories, env, &faults)
	}
	s.route(cfg, &faults)
	if err := faults.Err(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Set) open(ctx context.Context, name string, raw map[string]any, factories map[string]Factory, env Env, faults *errs.Fields) {
	path := "providers." + name
	kind, _ := raw["kind"].(string)
	factory, ok := factories[kind]
	if !ok {
		faults.Add(path+".kind", "must be one of %s", strings.Join(slices.Sorted(maps.Keys(factories)), ", "))
		return
	}
	settings := maps.Clone(raw)
	delete(settings, "kind")
	sender, err := factory.New(ctx, settings, env)
	if err != nil {
		blame(faults, path, err)
		return
	}
	s.providers[name] = provider{kind: kind, sender: sender, factory: factory}
}

// blame moves the faults of a provider's settings below the provider's own path.
func blame(faults *errs.Fields, path string, err error) {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || len(e.Fields) == 0 {
		faults.Add(path, "%v", err)
		return
	}
	for _, field := range e.Fields {
		field.Path = path + "." + field.Path
		*faults = append(*faults, field)
	}
}

func (s *Set) route(cfg Config, faults *errs.Fields) {
	for _, name := range Names() {
		s.claiming[name] = s.those(func(p provider) bool {
			_, claims := p.sender.(Claimer)
			return claims && slices.Contains(p.factory.Transports, name)
		})
		switch serving := s.serving(name); {
		case len(serving) == 1:
			s.routes[name] = serving[0]
		case len(serving) > 1 && cfg.Routes[name] == "":
			faults.Add("routes."+string(name), "must name one of %s, which all serve it", strings.Join(serving, ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Routes)) {
		path, to := "routes."+string(name), cfg.Routes[name]
		switch _, configured := cfg.Providers[to]; {
		case !name.Valid():
			faults.Add(path, "is not a transport")
		case !configured:
			faults.Add(path, "names no provider")
		case s.providers[to].sender == nil: // its own fault is told already
		case !slices.Contains(s.serving(name), to):
			faults.Add(path, "goes by a provider that does not serve this transport")
		default:
			s.routes[name] = to
		}
	}
}

// serving lists the providers that serve a transport, whatever the address.
func (s *Set) serving(n Name) []string {
	return s.those(func(p provider) bool {
		_, claims := p.sender.(Claimer)
		return !claims && slices.Contains(p.factory.Transports, n)
	})
}

// those lists providers by name.
func (s *Set) those(wanted func(provider) bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.providers)) {
		if wanted(s.providers[name]) {
			out = append(out, name)
		}
	}
	return out
}

// Route returns the name of the provider by which a transport goes, whatever the address, and false when none does. Where
// providers claim some addresses only, it is the first of them.
func (s *Set) Route(n Name) (provider string, ok bool) {
	if provider, ok = s.routes[n]; ok {
		return provider, true
	}
	for name := range s.claimers(n) {
		return name, true
	}
	return "", false
}

// For returns the name of the provider by which one address of a transport goes, and false when none does.
func (s *Set) For(n Name, to string) (provider string, ok bool) {
	for name, c := range s.claimers(n) {
		if c.Claims(n, to) {
			return name, true
		}
	}
	provider, ok = s.routes[n]
	return provider, ok
}

// claimers yields the providers of a transport that claim addresses, in the order of their names.
func (s *Set) claimers(n Name) iter.Seq2[string, Claimer] {
	return func(yield func(string, Claimer) bool) {
		for _, name := range s.claiming[n] {
			if !yield(name, s.providers[name].sender.(Claimer)) {
				return
			}
		}
	}
}

// Transports lists the transports that have a route.
func (s *Set) Transports() []Name {
	return slices.DeleteFunc(Names(), func(n Name) bool {
		_, ok := s.Route(n)
		return !ok
	})
}

// Retry returns the policy of the provider of a transport; Messages when it has none.
func (s *Set) Retry(n Name) Policy {
	name, _ := s.Route(n)
	if p, ok := s.providers[name]; ok {
		return p.factory.Retry
	}
	return Messages()
}

// Callbacks returns the reader of a provider's callbacks, and false when there is no such provider or it makes none.
func (s *Set) Callbacks(provider string) (Callbacks, bool) {
	c, ok := s.providers[provider].sender.(Callbacks)
	return c, ok
}

// Send gives m to the provider of its transport and address. Without one the failure is provider-not-configured and final.
func (s *Set) Send(ctx context.Context, m Message) (Result, error) {
	name, ok := s.For(m.Transport, m.To)
	if !ok {
		return Result{}, Rejected(reason.ProviderUnset, "no provider serves the transport %q", m.Transport)
	}
	return s.providers[name].sender.Send(ctx, m)
}

// Close closes every provider and returns what went wrong with any; further calls return the same.
func (s *Set) Close() error {
	s.closing.Do(func() {
		var all []error
		for _, name := range slices.Sorted(maps.Keys(s.providers)) {
			all = append(all, s.providers[name].sender.Close())
		}
		s.closed = errors.Join(all...)
	})
	return s.closed
}
