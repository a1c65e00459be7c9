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
		privacy.User:       cmd.Flags().String("user", "", "username or id of a user, with the user's individuals"),
		privacy.Individual: cmd.Flags().String("individual", "", "id of an individual, or username or id of the user whose primary one it is"),
		privacy.Group:      cmd.Flags().String("group", "", "name or id of an individual-group"),
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
		organization, err := s.organizationOf(ctx, a)
		if err != nil {
			return ctx, kind, id.Nil, err
		}
		entity, err := entityNamed(ctx, a, organization, kind, *text)
		return a.As(ctx, organization), kind, entity, err
	}
	if *s.organization == "" {
		return ctx, "", id.Nil, usageError{fmt.Errorf("say whose data with --user, --individual, --group or --organization")}
	}
	organization, err := s.organizationOf(ctx, a)
	return a.As(ctx, organization), privacy.Organization, organization, err
}

// entityNamed finds who is named in an organization. An id of nobody is taken as it is, as that of what was deleted and not
// purged.
func entityNamed(ctx context.Context, a *app.Admin, organization id.ID, kind privacy.Kind, nameOrID string) (found id.ID, err error) {
	switch kind {
	case privacy.User:
		var u directory.User
		u, err = a.FindUser(ctx, organization, nameOrID)
		found = u.ID
	case privacy.Group:
		var g directory.Group
		g, err = a.FindGroup(ctx, organization, nameOrID)
		found = g.ID
	case privacy.Individual:
		var list []id.ID
		if list, err = a.FindIndividuals(ctx, organization, []string{nameOrID}); err == nil {
			found = list[0]
		}
	case privacy.Organization:
		found = organization
	}
	if errs.Is(err, errs.CodeNotFound) {
		if deleted, parseErr := id.Parse(nameOrID); parseErr == nil {
			return deleted, nil
		}
	}
	return found, err
}

func (s *subjectFlags) organizationOf(ctx context.Context, a *app.Admin) (id.ID, error) {
	return organizationNamed(ctx, a, *s.organization)
}

// organizationNamed finds the organization that is named, or the only one. An id is taken as it is, because one that was
// deleted, and not purged, has no name any more.
func organizationNamed(ctx context.Context, a *app.Admin, nameOrID string) (id.ID, error) {
	if organization, err := id.Parse(nameOrID); err == nil {
		return organization, nil
	}
	o, err := a.FindOrganization(ctx, nameOrID)
	return o.ID, err
}

func exportCommand(env Env, f *flags) *cobra.Command {
	var (
		subject    subjectFlags
		out        string
		everything bool
	)
	cmd := &cobra.Command{
		Use: "export", Short: "Write everything that is stored of somebody into a folder or a tar",
		Long: "Write everything that is stored of a person, a group or an organization: records/<table>.jsonl, one record a line, and a signed\n" +
			"manifest.json with the hash of every file. With --everything there is such an export of each organization, in organizations/<id>.\n" +
			"It holds what is personal; keep it as you keep the database. It is audited.",
		Example: "  switchboard export --user ann --out ann.tar.gz\n  switchboard export --everything --out all.tar.gz", Args: exactly(0),
	}
	subject.add(cmd)
	cmd.Flags().BoolVar(&everything, "everything", false, "every organization that was not deleted")
	for _, one := range []string{"user", "individual", "group", "organization"} {
		cmd.MarkFlagsMutuallyExclusive("everything", one)
	}
	asJSON := asJSONFlag(cmd)
	cmd.Flags().StringVar(&out, "out", "", "folder, .tar, .tar.gz or .tgz to write; must not exist")
	_ = cmd.MarkFlagRequired("out")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.admin(env, cmd, func(a *app.Admin) error {
			if everything {
				return exportEverything(cmd.Context(), env, a, out, *asJSON)
			}
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

func exportEverything(ctx context.Context, env Env, a *app.Admin, out string, asJSON bool) error {
	var organizations []id.ID
	names := map[id.ID]string{}
	err := a.EachOrganization(ctx, func(o directory.Organization) error {
		organizations, names[o.ID] = append(organizations, o.ID), o.Name
		return nil
	})
	if err != nil {
		return err
	}
	made, err := a.Privacy.ExportEverything(a.AsInstaller(ctx), organizations, out, func(organization id.ID, table string, rows int64) {
		fmt.Fprintf(env.Stderr, "%s: %s: %d\n", names[organization], table, rows)
	})
	if err != nil {
		return err
	}
	return said(env, asJSON, made, "%s holds everything of %d organizations", made.Path, len(made.Index.Organizations))
}

func importCommand(env Env, f *flags) *cobra.Command {
	var (
		organization              string
		dryRun, force, everything bool
	)
	cmd := &cobra.Command{
		Use: "import PATH", Short: "Bring back what an export holds", Args: exactly(1),
		Long: "Bring back what an export holds, with the ids that everything had. Nothing is written when a record is there already and\n" +
			"differs; doing it twice is as doing it once. What waited to be sent is not sent.",
	}
	asJSON := asJSONFlag(cmd)
	cmd.Flags().StringVar(&organization, "organization", "", "name or id of the organization that the export must be of (default: any)")
	cmd.Flags().BoolVar(&everything, "everything", false, "the export is of every organization")
	cmd.MarkFlagsMutuallyExclusive("everything", "organization")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell what would be done")
	cmd.Flags().BoolVar(&force, "force-tombstoned", false, "bring back what was purged")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.admin(env, cmd, func(a *app.Admin) error {
			o := privacy.ImportOptions{DryRun: dryRun, ForceTombstoned: force, Verify: a.Verifier(env.Stderr)}
			if organization != "" {
				var err error
				if o.OrganizationID, err = organizationNamed(cmd.Context(), a, organization); err != nil {
					return err
				}
			}
			if everything {
				done, err := a.Privacy.ImportEverything(a.AsInstaller(cmd.Context()), args[0], o, func(organization id.ID) {
					fmt.Fprintf(env.Stderr, "organization %s is done\n", organization)
				})
				if err != nil {
					return err
				}
				return printImported(env, importedAll{done, dryRun}, done, *asJSON)
			}
			m, err := privacy.ReadManifest(cmd.Context(), args[0], o.Verify)
			if err != nil {
				return err
			}
			done, err := a.Privacy.Import(a.As(cmd.Context(), m.Subject.OrganizationID), args[0], o)
			if err != nil {
				return err
			}
			return printImported(env, done, done.Outcome, *asJSON)
		})
	}
	return cmd
}

// importedAll is what became of an import of everything.
type importedAll struct {
	privacy.Outcome
	DryRun bool `json:"dry-run"`
}

func printImported(env Env, record any, done privacy.Outcome, asJSON bool) error {
	if err := said(env, asJSON, record, "%d added, %d restored, %d there already", done.Added, done.Restored, done.Present); err != nil {
		return err
	}
	if len(done.Conflicts) == 0 {
		return nil
	}
	for _, c := range done.Conflicts {
		fmt.Fprintln(env.Stderr, "differs:", c)
	}
	return errs.CodeConflict.Errorf("nothing was written: %d records are there already and differ", len(done.Conflicts))
}
