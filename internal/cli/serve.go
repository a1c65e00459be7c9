package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
)

func serveCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: exactly(0),
		Long: "Run the server until it is told to stop (Ctrl-C or SIGTERM). It migrates the database first.\n\n" +
			"With --demo an empty database is filled with an organization to try things on, every transport goes to the sandbox, and\n" +
			"demo.json in the data folder holds the keys and the ids.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			reserve := reserveHeap()
			defer runtime.KeepAlive(reserve)
			c, err := f.load(env, cmd)
			if err != nil {
				return err
			}
			log := logger(env, c)
			a, err := app.New(cmd.Context(), c, app.Options{Logger: log, Version: Version()})
			if err != nil {
				return err
			}
			if err := a.Start(cmd.Context()); err != nil {
				return err
			}
			greet(env, a)
			select {
			case <-cmd.Context().Done():
			case err = <-a.Failed():
			}
			log.Info("stopping", "for_at_most", c.Server.ShutdownTimeout)
			ctx, cancel := context.WithTimeout(context.Background(), c.Server.ShutdownTimeout)
			defer cancel()
			if stopErr := a.Stop(ctx); err == nil {
				err = stopErr
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&f.demo, "demo", false, "fill an empty database with a demo organization and use the sandbox")
	for path, usage := range map[string]string{
		"listen":         "address and port of the HTTP server",
		"public_url":     "where clients and providers reach the server",
		"sandbox.listen": "address and port of the sandbox",
	} {
		f.set[path] = cmd.Flags().String(flagName(path), "", usage)
	}
	return cmd
}

// greet tells a person where to look.
func greet(env Env, a *app.App) {
	fmt.Fprintf(env.Stdout, "Switchboard listens on %s (reference at %s/docs)\n", a.URL(), a.URL())
	if s := a.SandboxURL(); s != "" {
		fmt.Fprintf(env.Stdout, "The sandbox shows what was sent at %s\n", s)
	}
	if d := a.DemoFile(); d != "" {
		fmt.Fprintf(env.Stdout, "Keys and ids of the demo are in %s\n", d)
	}
}
