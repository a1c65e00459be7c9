package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// finish gives a command and all below it what is the same everywhere: the library takes an unknown subcommand for a wish to
// be helped, which a script would take for success, and does not tell a wrong command line from a failure.
func finish(env Env, f *flags, cmd *cobra.Command) {
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args = noOther
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
			return usageError{err}
		}
		return nil
	}
	for _, what := range []string{"organization", "user", "group"} {
		if cmd.LocalFlags().Lookup(what) != nil {
			_ = cmd.RegisterFlagCompletionFunc(what, complete(env, f, what)) // it fails for a flag that is not there
		}
	}
	for _, below := range cmd.Commands() {
		finish(env, f, below)
	}
}

// noOther refuses what is the name of no command below.
func noOther(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; perhaps " + strings.Join(near, " or ")
	}
	return usageError{errors.New(text)}
}
