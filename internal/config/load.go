package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"switchboard/internal/errs"
	"switchboard/internal/setting"
)

// envPrefix begins the name of every environment variable that is a setting.
const envPrefix = "SWITCHBOARD_"

// fileSuffix ends the name of a variable that names the file which a secret is in.
const fileSuffix = "_FILE"

// section is one group of settings.
type section struct {
	name     string // "" for those without a section
	settings []setting.Setting
	decode   func(c *Config, raw map[string]any) error
}

// sections lists every group, in the order of the reference page.
func sections() []section {
	return []section{
		newSection("", func(c *Config) *Server { return &c.Server }),
		newSection("database", func(c *Config) *Database { return &c.Database }),
		newSection("secrets", func(c *Config) *Secrets { return &c.Secrets }),
		newSection("access", func(c *Config) *Access { return &c.Access }),
		newSection("delivery", func(c *Config) *Delivery { return &c.Delivery }),
		newSection("live", func(c *Config) *Live { return &c.Live }),
		newSection("privacy", func(c *Config) *Privacy { return &c.Privacy }),
		newSection("sandbox", func(c *Config) *Sandbox { return &c.Sandbox }),
		newSection("log", func(c *Config) *Log { return &c.Log }),
	}
}

func newSection[T any](name string, in func(*Config) *T) section {
	return section{name, setting.Describe(new(T)), func(c *Config, raw map[string]any) error {
		decoded, err := setting.Decode[T](raw)
		*in(c) = decoded
		return err
	}}
}

// path is how a setting is named in the file and in errors.
func (s section) path(key string) string {
	if s.name == "" {
		return key
	}
	return s.name + "." + key
}

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// Source is where settings come from.
type Source struct {
	File    string            // path of a YAML file; empty for none
	Environ []string          // as os.Environ gives it
	Flags   map[string]string // by path: "listen", "sandbox.listen"
}

// Load reads, merges and checks every setting.
//
// The error names each wrong setting by its path and says what is expected. No secret is in it.
func Load(src Source) (Config, error) {
	raw := map[string]any{}
	if src.File != "" {
		var err error
		if raw, err = readFile(src.File); err != nil {
			return Config{}, err
		}
	}
	var (
		c      Config
		faults errs.Fields
	)
	applyEnv(raw, src.Environ, &faults)
	for path, value := range src.Flags {
		set(raw, path, value)
	}
	takeIssuers(&c, raw, &faults)
	for _, s := range sections() {
		gather(&faults, s, s.decode(&c, s.take(raw, &faults)))
	}
	takeProviders(&c, raw, &faults)
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		faults = append(faults, errs.Field{Path: key, Code: errs.CodeUnknown, Message: "is no setting; `switchboard config reference` lists them"})
	}
	return c, faults.Err()
}

func readFile(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	raw := map[string]any{}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&raw); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the configuration %s is not valid YAML: %w", path, err)
	}
	return raw, nil
}

// take removes the section's settings from raw.
func (s section) take(raw map[string]any, faults *errs.Fields) map[string]any {
	if s.name != "" {
		given, ok := raw[s.name].(map[string]any)
		if !ok && raw[s.name] != nil {
			faults.Add(s.name, "must be a section of settings")
		}
		delete(raw, s.name)
		return given
	}
	own := map[string]any{}
	for _, one := range s.settings {
		if v, ok := raw[one.Key]; ok {
			own[one.Key] = v
			delete(raw, one.Key)
		}
	}
	return own
}

// gather names the faults of a section by their paths.
func gather(faults *errs.Fields, s section, err error) {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return
	}
	for _, f := range e.Fields {
		f.Path = s.path(f.Path)
		*faults = append(*faults, f)
	}
}

// set puts a value at a dotted path.
func set(raw map[string]any, path string, value any) {
	name, rest, nested := strings.Cut(path, ".")
	if !nested {
		raw[name] = value
		return
	}
	inner, ok := raw[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		raw[name] = inner
	}
	set(inner, rest, value)
}

var (
	providerName = regexp.MustCompile(`^[a-z0-9]+$`)
	providerVar  = regexp.MustCompile(`^(PROVIDERS|REPLICATORS)_([A-Z0-9]+)_([A-Z0-9_]+)$`)
	routeVar     = regexp.MustCompile(`^ROUTES_([A-Z]+)$`)
	issuerVar    = regexp.MustCompile(`^ACCESS_OIDC_([A-Z0-9]+)_([A-Z0-9_]+)$`)
)

// applyEnv lays the environment over raw.
func applyEnv(raw map[string]any, environ []string, faults *errs.Fields) {
	known, from := ownVariables(), map[string]string{} // path → the variable that gives it
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || strings.HasPrefix(rest, "TEST_") {
			continue
		}
		v, ok := known[name]
		if !ok {
			if v, ok = providerVariable(rest); !ok {
				*faults = append(*faults, errs.Field{Path: name, Code: errs.CodeUnknown, Message: "is no setting; `switchboard config reference` lists them"})
				continue
			}
		}
		if other, twice := from[v.path]; twice && other != name { // which one was meant cannot be known
			faults.Add(v.path, "is given by both %s and %s; keep one of them", min(name, other), max(name, other))
			continue
		}
		from[v.path] = name
		if v.inFile {
			text, err := os.ReadFile(value)
			if err != nil {
				faults.Add(name, "names a file that cannot be read: %v", err)
				continue
			}
			value = strings.TrimRight(string(text), "\r\n")
		}
		set(raw, v.path, value)
	}
}

// variable is what an environment variable gives.
type variable struct {
	path   string // of the setting
	inFile bool   // it names the file that the value is in
}

// ownVariables lists the variables of the server's own settings.
func ownVariables() map[string]variable {
	out := map[string]variable{}
	for _, s := range sections() {
		for _, one := range s.settings {
			path := s.path(one.Key)
			out[envName(path)] = variable{path: path}
			if one.Secret() {
				out[envName(path)+fileSuffix] = variable{path, true}
			}
		}
	}
	return out
}

// providerVariable turns PROVIDERS_TWILIO_AUTH_TOKEN into providers.twilio.auth_token, REPLICATORS_STAFF_PATH into
// replicators.staff.path, ROUTES_SMS into routes.sms, and ACCESS_OIDC_KEYCLOAK_ISSUER into access.oidc.keycloak.issuer.
func providerVariable(rest string) (variable, bool) {
	if m := routeVar.FindStringSubmatch(rest); m != nil {
		return variable{path: "routes." + strings.ToLower(m[1])}, true
	}
	if m := issuerVar.FindStringSubmatch(rest); m != nil {
		return variable{path: "access.oidc." + strings.ToLower(m[1]) + "." + strings.ToLower(m[2])}, true
	}
	m := providerVar.FindStringSubmatch(rest)
	if m == nil {
		return variable{}, false
	}
	key, inFile := strings.CutSuffix(m[3], fileSuffix)
	return variable{strings.ToLower(m[1] + "." + m[2] + "." + key), inFile}, true
}

// takeProviders moves providers, replicators and routes from raw to c; their settings are checked where they are made.
func takeProviders(c *Config, raw map[string]any, faults *errs.Fields) {
	c.Providers, c.Routes = named(raw, "providers", "providers", "a kind and its settings", faults), map[string]string{}
	c.Replicators = named(raw, "replicators", "replicators", "a kind and its settings", faults)
	for name, given := range mapping(raw, "routes", "routes", faults) {
		to, ok := given.(string)
		if !ok {
			faults.Add("routes."+name, "must name a provider")
			continue
		}
		c.Routes[name] = to
	}
}

// takeIssuers moves access.oidc from raw to c; its settings are checked where the issuers are made.
func takeIssuers(c *Config, raw map[string]any, faults *errs.Fields) {
	if given, ok := raw["access"].(map[string]any); ok {
		c.Issuers = named(given, "oidc", "access.oidc", "its settings", faults)
	}
}

// named takes sections that the operator names from raw.
func named(raw map[string]any, key, path, what string, faults *errs.Fields) map[string]map[string]any {
	out := map[string]map[string]any{}
	for name, given := range mapping(raw, key, path, faults) {
		settings, ok := given.(map[string]any)
		switch {
		case !providerName.MatchString(name):
			faults.Add(path+"."+name, "must be named with small letters and digits alone")
		case !ok:
			faults.Add(path+"."+name, "must be a section with %s", what)
		default:
			out[name] = settings
		}
	}
	return out
}

func mapping(raw map[string]any, key, path string, faults *errs.Fields) map[string]any {
	given, ok := raw[key].(map[string]any)
	if !ok && raw[key] != nil {
		faults.Add(path, "must be a section")
	}
	delete(raw, key)
	return given
}
