package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/id"
)

// organized is what commands about the records of one organization share.
type organized struct {
	env          Env
	flags        *flags
	json         *bool
	organization string // the flag
}

// under gives a command, and those below it, the flags that they share.
func under(cmd *cobra.Command, env Env, f *flags) *organized {
	o := &organized{env: env, flags: f, json: asJSONFlag(cmd)}
	cmd.PersistentFlags().StringVar(&o.organization, "organization", "", "name or id of the organization (default: the only one)")
	return o
}

// do runs fn on the services, as the operator in the organization that the flag names.
func (o *organized) do(cmd *cobra.Command, fn func(ctx context.Context, a *app.Admin, organization id.ID) error) error {
	return o.flags.admin(o.env, cmd, func(a *app.Admin) error {
		found, err := a.FindOrganization(cmd.Context(), o.organization)
		if err != nil {
			return err
		}
		return fn(a.As(cmd.Context(), found.ID), a, found.ID)
	})
}

// say prints a record for programs, or a line for people.
func (o *organized) say(record any, format string, args ...any) error {
	if *o.json {
		return printJSON(o.env, record)
	}
	_, err := fmt.Fprintf(o.env.Stdout, format+"\n", args...)
	return err
}

// anyUser is the user that a flag names by id or username; Nil for none. An id is taken as it is: what a user did, or agreed to,
// outlives the user.
func anyUser(ctx context.Context, a *app.Admin, organization, nameOrID string) (id.ID, error) {
	if i, err := id.Parse(nameOrID); err == nil || nameOrID == "" {
		return i, nil
	}
	found, err := a.FindOrganization(ctx, organization)
	if err != nil {
		return id.Nil, err
	}
	u, err := a.FindUser(ctx, found.ID, nameOrID)
	return u.ID, err
}

// table prints a list: JSON records one a line, or rows below a head.
func table[T any](env Env, asJSON bool, head string, row func(T) string, walk func(each func(T) error) error) error {
	if asJSON {
		line := jsonLines(env)
		return walk(func(one T) error { return line(one) })
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	if err := walk(func(one T) error {
		_, err := fmt.Fprintln(w, row(one))
		return err
	}); err != nil {
		return err
	}
	return w.Flush()
}

// complete offers the names of organizations, or of the users or groups of the one that --organization names, to the shell.
func complete(env Env, f *flags, what string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
		var out []string
		err := f.admin(env, cmd, func(a *app.Admin) error {
			organization := id.Nil
			if flag := cmd.Flag("organization"); flag != nil && what != "organization" {
				found, err := a.FindOrganization(cmd.Context(), flag.Value.String())
				if err != nil {
					return err
				}
				organization = found.ID
			}
			var err error
			out, err = a.Suggest(cmd.Context(), what, organization, text)
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// first offers completions for the first argument alone, rest for those after it.
func first(fn, rest cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return fn(cmd, args, text)
		case rest != nil:
			return rest(cmd, args, text)
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// given is the value of a flag, nil when it was not given.
func given(cmd *cobra.Command, flag string, value *string) *string {
	if cmd.Flags().Changed(flag) {
		return value
	}
	return nil
}
