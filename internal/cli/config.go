package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/config"
	"switchboard/internal/errs"
	"switchboard/internal/transport/all"
)

func configCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and document the settings"}
	check := &cobra.Command{Use: "check", Short: "Say what is wrong with the settings, without starting anything", Args: exactly(0)}
	asJSON := asJSONFlag(check)
	check.RunE = func(cmd *cobra.Command, _ []string) error {
		err := checkSettings(cmd.Context(), env, f, cmd)
		switch {
		case *asJSON:
			return errors.Join(printJSON(env, checkedOf(err)), err)
		case err == nil:
			fmt.Fprintln(env.Stdout, "the settings are fine")
		}
		return err
	}
	cmd.AddCommand(check, referenceCommand(env))
	return cmd
}

func referenceCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "reference", Short: "Print every setting with its default, in Markdown or as JSON, one a line", Args: exactly(0),
	}
	asJSON := asJSONFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		foreign := config.Foreign{
			Providers: all.Factories(), Issuer: app.IssuerSettings(), Replicator: app.ReplicatorSettings(), Replicators: app.ReplicatorKinds(),
		}
		if *asJSON {
			return printLines(env, config.List(foreign))
		}
		_, err := fmt.Fprint(env.Stdout, config.Reference(foreign))
		return err
	}
	return cmd
}

func checkSettings(ctx context.Context, env Env, f *flags, cmd *cobra.Command) error {
	c, err := f.load(env, cmd)
	if err != nil {
		return err
	}
	return errors.Join(app.CheckProviders(ctx, c), app.CheckIssuers(c), app.CheckReplicators(c))
}

// checked is what became of a check, as it is printed for programs.
type checked struct {
	Fine     bool           `json:"fine"`
	Problems []checkedFault `json:"problems"`
}

type checkedFault struct {
	Setting string `json:"setting"` // empty when it is none in particular
	Message string `json:"message"`
}

func checkedOf(err error) checked {
	out := checked{Fine: err == nil, Problems: []checkedFault{}}
	for _, one := range unjoined(err) {
		e, ok := errors.AsType[*errs.Error](one)
		if !ok || len(e.Fields) == 0 {
			out.Problems = append(out.Problems, checkedFault{Message: one.Error()})
			continue
		}
		for _, fault := range e.Fields {
			out.Problems = append(out.Problems, checkedFault{fault.Path, fault.Message})
		}
	}
	return out
}

// unjoined are the errors that one was joined of.
func unjoined(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, one := range many.Unwrap() {
			out = append(out, unjoined(one)...)
		}
		return out
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
