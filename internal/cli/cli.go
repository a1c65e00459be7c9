// Package cli is the commands of the switchboard binary: it reads flags, calls the application and prints. What a command
// does is elsewhere, so that a test can do it without a process.
package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/config"
	"switchboard/internal/errs"
)

// Env is what a process gives its commands.
type Env struct {
	Stdout, Stderr io.Writer
	Environ        []string
}

// flags are the settings that the command line can set, by path.
type flags struct {
	file string
	set  map[string]*string
	demo bool
}

// New returns the command with all its subcommands.
func New(env Env) *cobra.Command {
	f := &flags{set: map[string]*string{}}
	root := &cobra.Command{
		Use:   "switchboard",
		Short: "A self-hosted communications server",
		Long: "Switchboard knows people and groups, carries their conversations and reaches them by e-mail, SMS, WhatsApp and\n" +
			"webhooks, with a record of every attempt. `switchboard serve --demo` shows it with no account anywhere.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	p := root.PersistentFlags()
	p.StringVar(&f.file, "config", "", "configuration file (YAML)")
	for path, usage := range map[string]string{
		"data":         "folder of the database and of demo.json",
		"database.url": "postgres:// URL; SQLite in the data folder when empty",
		"log.level":    "debug, info, warn or error",
		"log.format":   "text or json",
	} {
		f.set[path] = p.String(flagName(path), "", usage)
	}
	root.AddCommand(
		serveCommand(env, f), migrateCommand(env, f), configCommand(env, f), routesCommand(env), versionCommand(env),
		orgCommand(env, f), userCommand(env, f), groupCommand(env, f), tokenCommand(env, f),
		secretsCommand(env, f), auditCommand(env, f), consentCommand(env, f), replicatorCommand(env, f),
		exportCommand(env, f), importCommand(env, f), purgeCommand(env, f),
	)
	finish(env, f, root)
	return root
}

// flagName spells a setting as a flag: "database.url" is --database-url.
func flagName(path string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(path)
}

// load reads the settings of a command.
func (f *flags) load(env Env, cmd *cobra.Command) (config.Config, error) {
	given := map[string]string{}
	for path, value := range f.set {
		if flag := cmd.Flags().Lookup(flagName(path)); flag != nil && flag.Changed {
			given[path] = *value
		}
	}
	if f.demo {
		given["demo"] = "true"
	}
	c, err := config.Load(config.Source{File: f.file, Environ: env.Environ, Flags: given})
	if e, ok := errors.AsType[*errs.Error](err); ok { // as a list of settings, and nothing of a request
		out := e.Code.Errorf("the configuration is not usable")
		out.Fields = e.Fields
		return c, out
	}
	if err != nil {
		return c, fmt.Errorf("the configuration is not usable: %w", err)
	}
	return c, nil
}

func logger(env Env, c config.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log.Level)) // checked when it was read
	opts := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(env.Stderr, opts))
	}
	return slog.New(slog.NewTextHandler(env.Stderr, opts))
}

// version is what this binary is called; releases set it when linking.
var version = ""

// Version returns the version of this binary, or the revision that it was built from.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "development"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "development " + s.Value[:12]
		}
	}
	return "development"
}

func versionCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print the version", Args: exactly(0)}
	asJSON := asJSONFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		return said(env, *asJSON, map[string]string{"version": Version(), "go": runtime.Version()}, "switchboard %s", Version())
	}
	return cmd
}

// routeLine is a route as commands print it.
type routeLine struct {
	Method   string `json:"method"`
	Path     string `json:"path"`
	API      string `json:"api"`
	Function string `json:"function"`
}

func routesCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "routes", Short: "Print every route and the function that answers it", Args: exactly(0)}
	asJSON := asJSONFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		routes, err := app.Routes(cmd.Context())
		if err != nil {
			return err
		}
		line := jsonLines(env)
		for _, r := range routes {
			if *asJSON {
				err = line(routeLine{r.Method, r.Path, r.Dialect, r.Function})
			} else {
				_, err = fmt.Fprintln(env.Stdout, r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

func migrateCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Bring the database to the schema of this binary, and stop", Args: exactly(0)}
	asJSON := asJSONFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := f.load(env, cmd)
		if err != nil {
			return err
		}
		if err := app.Migrate(cmd.Context(), c); err != nil {
			return err
		}
		return said(env, *asJSON, map[string]bool{"migrated": true}, "the database is up to date")
	}
	return cmd
}
