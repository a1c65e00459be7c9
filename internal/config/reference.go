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

// Reference writes the reference page of every setting, in Markdown: the server's own, those of an identity provider, those
// of each kind of provider, those of every replicator, and those of each kind of replicator.
func Reference(kinds map[string]transport.Factory, issuer, common []setting.Setting, replicators map[string]Kind) string {
	var b strings.Builder
	b.WriteString(`# Settings

Every setting has a default; no configuration file is needed. A setting comes from its default, then the YAML file of
` + "`--config`" + `, then the environment, then the command line; the later wins. A secret can also be read from a file: append
` + "`_FILE`" + ` to the name of its variable and give the path. Unknown settings are errors. ` + "`switchboard config check`" + ` tells
what is wrong without starting anything.
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
	for _, one := range issuer {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", one.Key, one.Type, fallback(one), one.Doc)
	}
	b.WriteString("\n## providers.<name>\n\nA provider carries the messages of one or several transports. `kind` names what it is; the other settings are\n" +
		"those of its kind. In the environment: `SWITCHBOARD_PROVIDERS_<NAME>_<SETTING>`. Names are small letters and digits.\n" +
		"Where several providers serve one transport, `routes.<transport>` (`SWITCHBOARD_ROUTES_<TRANSPORT>`) names the one to use.\n")
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		f := kinds[kind]
		names := make([]string, len(f.Transports))
		for i, n := range f.Transports {
			names[i] = string(n)
		}
		fmt.Fprintf(&b, "\n### kind: %s\n\n%s Transports: %s.\n\n| setting | type | default | what it is |\n|---|---|---|---|\n", kind, f.Doc, strings.Join(names, ", "))
		writeSettings(&b, f.Settings)
	}
	b.WriteString("\n## replicators.<name>\n\nA replicator keeps the directory of one organization in step with another system; see replicators.md. `kind` names what it\n" +
		"is. In the environment: `SWITCHBOARD_REPLICATORS_<NAME>_<SETTING>`. Names are small letters and digits.\n\n| setting | type | default | what it is |\n|---|---|---|---|\n")
	writeSettings(&b, common)
	for _, kind := range slices.Sorted(maps.Keys(replicators)) {
		fmt.Fprintf(&b, "\n### kind: %s\n\n%s\n\n| setting | type | default | what it is |\n|---|---|---|---|\n", kind, replicators[kind].Doc)
		writeSettings(&b, replicators[kind].Settings)
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
