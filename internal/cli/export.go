package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/privacy"
)

// subjectFlags give a command the flags that name whose data is meant.
type subjectFlags struct {
	of           map[privacy.Kind]*string
	organization *string
}

func (s *subjectFlags) add(cmd *cobra.Command) {
	s.of = map[privacy.Kind]*string{
		privacy.User:       cmd.Flags().String("user", "", "id of a user, with the user's individuals"),
		privacy.Individual: cmd.Flags().String("individual", "", "id of an individual"),
		privacy.Group:      cmd.Flags().String("group", "", "id of an individual-group"),
	}
	s.organization = cmd.Flags().String("organization", "", "name or id of the organization; alone it means all of it")
	cmd.MarkFlagsMutuallyExclusive("user", "individual", "group")
}

// find returns whose data is meant, and the operator's context for it.
func (s *subjectFlags) find(ctx context.Context, a *app.Admin) (context.Context, privacy.Kind, id.ID, error) {
	for kind, text := range s.of {
		if *text == "" {
			continue
		}
		entity, err := id.Parse(*text)
		if err != nil {
			return ctx, kind, id.Nil, usageError{fmt.Errorf("%q is not the id of a %s", *text, kind)}
		}
		organization, err := s.organizationOf(ctx, a)
		return a.As(ctx, organization), kind, entity, err
	}
	if *s.organization == "" {
		return ctx, "", id.Nil, usageError{fmt.Errorf("say whose data with --user, --individual, --group or --organization")}
	}
	organization, err := s.organizationOf(ctx, a)
	return a.As(ctx, organization), privacy.Organization, organization, err
}

// organizationOf finds the organization that is named, or the only one. An id is taken as it is, because one that was
// deleted, and not purged, has no name any more.
func (s *subjectFlags) organizationOf(ctx context.Context, a *app.Admin) (id.ID, error) {
	if organization, err := id.Parse(*s.organization); err == nil {
		return organization, nil
	}
	var o directory.Organization
	o, err := a.FindOrganization(ctx, *s.organization)
	return o.ID, err
}

func exportCommand(env Env, f *flags) *cobra.Command {
	var (
		subject subjectFlags
		out     string
	)
	cmd := &cobra.Command{
		Use: "export", Short: "Write everything that is stored of somebody into a folder or a tar",
		Long: "Write everything that is stored of a person, a group or an organization: records/<table>.jsonl, one record a line, and a signed\n" +
			"manifest.json with the hash of every file. It holds what is personal; keep it as you keep the database. It is audited.",
		Example: "  switchboard export --user 0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b --out ann.tar.gz", Args: cobra.NoArgs,
	}
	subject.add(cmd)
	asJSON := asJSONFlag(cmd)
	cmd.Flags().StringVar(&out, "out", "", "folder, .tar, .tar.gz or .tgz to write; must not exist")
	_ = cmd.MarkFlagRequired("out")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.admin(env, cmd, func(a *app.Admin) error {
			ctx, kind, entity, err := subject.find(cmd.Context(), a)
			if err != nil {
				return err
			}
			made, err := a.Privacy.Export(ctx, kind, entity, out, func(table string, rows int64) {
				fmt.Fprintf(env.Stderr, "%s: %d\n", table, rows)
			})
			if err != nil {
				return err
			}
			if *asJSON {
				return printJSON(env, made)
			}
			fmt.Fprintf(env.Stdout, "%s holds everything of %s %s\n", made.Path, kind, entity)
			return nil
		})
	}
	return cmd
}

func importCommand(env Env, f *flags) *cobra.Command {
	var (
		organization  string
		dryRun, force bool
	)
	cmd := &cobra.Command{
		Use: "import PATH", Short: "Bring back what an export holds", Args: cobra.ExactArgs(1),
		Long: "Bring back what an export holds, with the ids that everything had. Nothing is written when a record is there already and\n" +
			"differs; doing it twice is as doing it once. What waited to be sent is not sent.",
	}
	asJSON := asJSONFlag(cmd)
	cmd.Flags().StringVar(&organization, "organization", "", "id of the organization that the export must be of (default: any)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell what would be done")
	cmd.Flags().BoolVar(&force, "force-tombstoned", false, "bring back what was purged")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.admin(env, cmd, func(a *app.Admin) error {
			o := privacy.ImportOptions{DryRun: dryRun, ForceTombstoned: force, Verify: a.Verifier(env.Stderr)}
			if organization != "" {
				var err error
				if o.OrganizationID, err = id.Parse(organization); err != nil {
					return usageError{fmt.Errorf("--organization must be an id: %w", err)}
				}
			}
			m, err := privacy.ReadManifest(cmd.Context(), args[0], o.Verify)
			if err != nil {
				return err
			}
			done, err := a.Privacy.Import(a.As(cmd.Context(), m.Subject.OrganizationID), args[0], o)
			if err != nil {
				return err
			}
			return printImported(env, done, *asJSON)
		})
	}
	return cmd
}

func printImported(env Env, done privacy.Imported, asJSON bool) error {
	if asJSON {
		if err := printJSON(env, done); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(env.Stdout, "%d added, %d restored, %d there already\n", done.Added, done.Restored, done.Present)
	}
	if len(done.Conflicts) == 0 {
		return nil
	}
	for _, c := range done.Conflicts {
		fmt.Fprintln(env.Stderr, "differs:", c)
	}
	return errs.CodeConflict.Errorf("nothing was written: %d records are there already and differ", len(done.Conflicts))
}
