package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/config"
	"switchboard/internal/transport/all"
)

func configCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and document the settings"}
	check := &cobra.Command{
		Use: "check", Short: "Say what is wrong with the settings, without starting anything", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.load(env, cmd)
			if err != nil {
				return err
			}
			if err := errors.Join(app.CheckProviders(cmd.Context(), c), app.CheckIssuers(c)); err != nil {
				return err
			}
			if err := app.CheckReplicators(c); err != nil {
				return err
			}
			fmt.Fprintln(env.Stdout, "the settings are fine")
			return nil
		},
	}
	reference := &cobra.Command{
		Use: "reference", Short: "Print every setting with its default, in Markdown", Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			fmt.Fprint(env.Stdout, config.Reference(all.Factories(), app.IssuerSettings(), app.ReplicatorSettings(), app.ReplicatorKinds()))
		},
	}
	cmd.AddCommand(check, reference)
	return cmd
}
