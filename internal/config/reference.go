package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"switchboard/internal/setting"
	"switchboard/internal/transport"
)

// Kind is one kind of what a section names by kind.
type Kind struct {
	Doc      string
	Settings []setting.Setting
}

// Foreign is the settings that other packages declare.
type Foreign struct {
	Providers   map[string]transport.Factory // by kind
	Issuer      []setting.Setting            // of an identity provider
	Replicator  []setting.Setting            // of every replicator
	Replicators map[string]Kind              // those of each kind beside them
}

// Entry is one setting as programs read it.
type Entry struct {
	Key          string  `json:"key"`           // its path in the configuration file; <name> and <transport> stand for names of the operator's and of transports
	Kind         *string `json:"kind"`          // of the provider or replicator that alone has it; null otherwise
	Variable     string  `json:"variable"`      // in the environment
	FileVariable *string `json:"file_variable"` // the one that names a file with the value; null when there is none
	Type         string  `json:"type"`          // as on the reference page
	Default      *string `json:"default"`       // as one would write it; null for none
	Required     bool    `json:"required"`
	Secret       bool    `json:"secret"`
	Doc          string  `json:"doc"`
}

// List describes every setting for programs, in the order of the reference page.
func List(f Foreign) []Entry {
	var out []Entry
	add := func(prefix, kind string, settings ...setting.Setting) {
		for _, one := range settings {
			out = append(out, entry(prefix+one.Key, kind, one))
		}
	}
	for _, s := range sections() {
		add(s.path(""), "", s.settings...)
	}
	add("access.oidc.<name>.", "", f.Issuer...)
	add("providers.<name>.", "", setting.Setting{Key: "kind", Type: "text", Required: true, Doc: "What the provider is; the other settings are those of its kind."})
	for _, kind := range slices.Sorted(maps.Keys(f.Providers)) {
		add("providers.<name>.", kind, f.Providers[kind].Settings...)
	}
	add("routes.", "", setting.Setting{Key: "<transport>", Type: "text", Doc: "The provider to use where several serve one transport."})
	add("replicators.<name>.", "", setting.Setting{Key: "kind", Type: "text", Required: true, Doc: "What the replicator is; it has the settings of its kind beside those of every replicator."})
	add("replicators.<name>.", "", f.Replicator...)
	for _, kind := range slices.Sorted(maps.Keys(f.Replicators)) {
		add("replicators.<name>.", kind, f.Replicators[kind].Settings...)
	}
	return out
}

func entry(path, kind string, s setting.Setting) Entry {
	e := Entry{Key: path, Variable: envName(path), Type: s.Type, Required: s.Required, Secret: s.Secret(), Doc: s.Doc}
	if kind != "" {
		e.Kind = &kind
	}
	if s.Default != "" {
		e.Default = &s.Default
	}
	if s.Secret() {
		e.FileVariable = new(e.Variable + fileSuffix)
	}
	return e
}

// Reference writes the reference page of every setting, in Markdown.
func Reference(f Foreign) string {
	var b strings.Builder
	b.WriteString(`# Settings

Every setting has a default; no configuration file is needed. A setting comes from its default, then the YAML file of
` + "`--config`" + `, then the environment, then the command line; the later wins. A secret can also be read from a file: append
` + "`_FILE`" + ` to the name of its variable and give the path; giving both variables is an error. Unknown settings are errors.
` + "`switchboard config check`" + ` tells what is wrong without starting anything. ` + "`switchboard config reference --json`" + ` prints this page
for programs: one setting a line, with its key, kind, variable, type and default, and whether it is required and a secret.
`)
	for _, s := range sections() {
		title := s.name
		if title == "" {
			title = "(top level)"
		}
		fmt.Fprintf(&b, "\n## %s\n\n| setting | variable | type | default | what it is |\n|---|---|---|---|---|\n", title)
		for _, one := range s.settings {
			path := s.path(one.Key)
			writeSetting(&b, path, envName(path), one)
		}
	}
	b.WriteString("\n## access.oidc.<name>\n\nAn identity provider whose tokens are taken as bearer tokens; see [access](access.md). In the environment:\n" +
		"`SWITCHBOARD_ACCESS_OIDC_<NAME>_<SETTING>`. Names are small letters and digits.\n\n| setting | type | default | what it is |\n|---|---|---|---|\n")
	for _, one := range f.Issuer {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", one.Key, one.Type, fallback(one), one.Doc)
	}
	b.WriteString("\n## providers.<name>\n\nA provider carries the messages of one or several transports. `kind` names what it is; the other settings are\n" +
		"those of its kind. In the environment: `SWITCHBOARD_PROVIDERS_<NAME>_<SETTING>`. Names are small letters and digits.\n" +
		"Where several providers serve one transport, `routes.<transport>` (`SWITCHBOARD_ROUTES_<TRANSPORT>`) names the one to use.\n")
	for _, kind := range slices.Sorted(maps.Keys(f.Providers)) {
		p := f.Providers[kind]
		names := make([]string, len(p.Transports))
		for i, n := range p.Transports {
			names[i] = string(n)
		}
		fmt.Fprintf(&b, "\n### kind: %s\n\n%s Transports: %s.\n\n| setting | type | default | what it is |\n|---|---|---|---|\n", kind, p.Doc, strings.Join(names, ", "))
		writeSettings(&b, p.Settings)
	}
	b.WriteString("\n## replicators.<name>\n\nA replicator keeps the directory of one organization in step with another system; see replicators.md. `kind` names what it\n" +
		"is. In the environment: `SWITCHBOARD_REPLICATORS_<NAME>_<SETTING>`. Names are small letters and digits.\n\n| setting | type | default | what it is |\n|---|---|---|---|\n")
	writeSettings(&b, f.Replicator)
	for _, kind := range slices.Sorted(maps.Keys(f.Replicators)) {
		fmt.Fprintf(&b, "\n### kind: %s\n\n%s\n\n| setting | type | default | what it is |\n|---|---|---|---|\n", kind, f.Replicators[kind].Doc)
		writeSettings(&b, f.Replicators[kind].Settings)
	}
	return b.String()
}

func writeSettings(b *strings.Builder, settings []setting.Setting) {
	for _, one := range settings {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", one.Key, one.Type, fallback(one), one.Doc)
	}
}

func writeSetting(b *strings.Builder, path, variable string, s setting.Setting) {
	fmt.Fprintf(b, "| `%s` | `%s` | %s | %s | %s |\n", path, variable, s.Type, fallback(s), s.Doc)
}

func fallback(s setting.Setting) string {
	switch {
	case s.Required:
		return "required"
	case s.Default == "":
		return "none"
	}
	return "`" + s.Default + "`"
}
