package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/directory"
	"switchboard/internal/id"
)

// groupLine is a group as commands print it. Only `group show` and what changes a group tell its members.
type groupLine struct {
	ID            id.ID      `json:"id"`
	Name          string     `json:"name"`
	Description   string     `json:"description"`
	ParentID      *id.ID     `json:"parent_id"`
	ArchivedAt    *time.Time `json:"archived_at"`
	CreatedAt     time.Time  `json:"created_at"`
	LeaderIDs     []id.ID    `json:"leader_ids,omitempty"`
	IndividualIDs []id.ID    `json:"individual_ids,omitempty"`
}

func groupLineOf(g directory.Group) groupLine {
	return groupLine{
		ID: g.ID, Name: g.Name, Description: g.Description, ParentID: idOrNull(g.ParentID), ArchivedAt: instant(g.ArchivedAt),
		CreatedAt: g.CreatedAt, LeaderIDs: g.LeaderIDs, IndividualIDs: g.IndividualIDs,
	}
}

func groupCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "group", Short: "Make, list, change, archive and delete groups, and say who is in them",
		Long: "Make, list, change, archive and delete groups of an organization, and say who is in them, on the database itself. Names and ids\n" +
			"are taken alike; individuals are named by their id or by their user's. Exit codes are those of `switchboard org`.",
	}
	o := under(cmd, env, f)
	cmd.AddCommand(groupCreate(o), groupList(o), groupShow(o), groupUpdate(o), groupArchive(o), groupDelete(o), groupAdd(o), groupRemove(o))
	return cmd
}

// groupFlags gives a command the flags for the values of a group, and returns how to read them.
func groupFlags(cmd *cobra.Command, o *organized) func(ctx context.Context, a *app.Admin, organization id.ID) (directory.GroupEdit, error) {
	var description, parent string
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringVar(&parent, "parent", "", "name or id of the group above it; empty: none")
	_ = cmd.RegisterFlagCompletionFunc("parent", complete(o.env, o.flags, "group"))
	return func(ctx context.Context, a *app.Admin, organization id.ID) (directory.GroupEdit, error) {
		e := directory.GroupEdit{Description: given(cmd, "description", &description)}
		if !cmd.Flags().Changed("parent") {
			return e, nil
		}
		e.ParentID = new(id.ID)
		if parent == "" {
			return e, nil
		}
		above, err := a.FindGroup(ctx, organization, parent)
		*e.ParentID = above.ID
		return e, err
	}
}

func groupCreate(o *organized) *cobra.Command {
	var edit func(context.Context, *app.Admin, id.ID) (directory.GroupEdit, error)
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a group and print its id", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.do(cmd, func(ctx context.Context, a *app.Admin, organization id.ID) error {
				e, err := edit(ctx, a, organization)
				if err != nil {
					return err
				}
				e.Name = &args[0]
				g, err := a.Directory.CreateGroup(ctx, e)
				if err != nil {
					return err
				}
				return o.say(groupLineOf(g), "%s", g.ID)
			})
		},
	}
	edit = groupFlags(cmd, o)
	return cmd
}

func groupList(o *organized) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List groups, oldest first", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.do(cmd, func(ctx context.Context, a *app.Admin, organization id.ID) error {
				row := func(g groupLine) string {
					state := "live"
					if g.ArchivedAt != nil {
						state = "archived"
					}
					return strings.Join([]string{g.ID.String(), g.Name, state}, "\t")
				}
				return table(o.env, *o.json, "ID\tNAME\tSTATE", row, func(each func(groupLine) error) error {
					return a.EachGroup(ctx, organization, func(g directory.Group) error { return each(groupLineOf(g)) })
				})
			})
		},
	}
}

// oneGroup is a command about one group, which its first argument names; those after it name individuals.
func oneGroup(o *organized, use, short string, who bool, fn func(ctx context.Context, a *app.Admin, g directory.Group, who []id.ID) error) *cobra.Command {
	args, rest := exactly(1), cobra.CompletionFunc(nil)
	use += " GROUP"
	if who {
		args, rest = atLeast(2), complete(o.env, o.flags, "user")
		use += " INDIVIDUAL..."
	}
	return &cobra.Command{
		Use: use, Short: short, Args: args, ValidArgsFunction: first(complete(o.env, o.flags, "group"), rest),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.do(cmd, func(ctx context.Context, a *app.Admin, organization id.ID) error {
				g, err := a.FindGroup(ctx, organization, args[0])
				if err != nil {
					return err
				}
				people, err := a.FindIndividuals(ctx, organization, args[1:])
				if err != nil {
					return err
				}
				return fn(ctx, a, g, people)
			})
		},
	}
}

// showGroup prints a group as it is now.
func (o *organized) showGroup(ctx context.Context, a *app.Admin, group id.ID) error {
	g, err := a.Directory.GetGroup(ctx, group)
	if err != nil {
		return err
	}
	return o.say(groupLineOf(g), "id: %s\nname: %s\ndescription: %s\nleaders: %d\nindividuals: %d", g.ID, g.Name, g.Description,
		len(g.LeaderIDs), len(g.IndividualIDs))
}

func groupShow(o *organized) *cobra.Command {
	return oneGroup(o, "show", "Show a group", false, func(ctx context.Context, a *app.Admin, g directory.Group, _ []id.ID) error {
		return o.showGroup(ctx, a, g.ID)
	})
}

func groupUpdate(o *organized) *cobra.Command {
	var (
		name string
		edit func(context.Context, *app.Admin, id.ID) (directory.GroupEdit, error)
		cmd  *cobra.Command
	)
	cmd = oneGroup(o, "update", "Change what is given of a group", false, func(ctx context.Context, a *app.Admin, g directory.Group, _ []id.ID) error {
		e, err := edit(ctx, a, g.OrganizationID)
		if err != nil {
			return err
		}
		e.Name = given(cmd, "name", &name)
		if _, err := a.Directory.UpdateGroup(ctx, g.ID, e); err != nil {
			return err
		}
		return o.showGroup(ctx, a, g.ID)
	})
	cmd.Flags().StringVar(&name, "name", "", "another name")
	edit = groupFlags(cmd, o)
	return cmd
}

func groupArchive(o *organized) *cobra.Command {
	return oneGroup(o, "archive", "Put a group away; its members leave it until it is taken up again", false,
		func(ctx context.Context, a *app.Admin, g directory.Group, _ []id.ID) error {
			now := time.Now()
			if _, err := a.Directory.UpdateGroup(ctx, g.ID, directory.GroupEdit{ArchivedAt: &now}); err != nil {
				return err
			}
			return o.showGroup(ctx, a, g.ID)
		})
}

func groupDelete(o *organized) *cobra.Command {
	return oneGroup(o, "delete", "Delete a group; its people stay", false, func(ctx context.Context, a *app.Admin, g directory.Group, _ []id.ID) error {
		return a.Directory.DeleteGroup(ctx, g.ID)
	})
}

func groupAdd(o *organized) *cobra.Command {
	return oneGroup(o, "add", "Add individuals to a group: providers lead it, participants are served by it", true,
		func(ctx context.Context, a *app.Admin, g directory.Group, who []id.ID) error {
			if err := a.Directory.ChangeMembers(ctx, g.ID, directory.MemberEdit{Add: who}); err != nil {
				return err
			}
			return o.showGroup(ctx, a, g.ID)
		})
}

func groupRemove(o *organized) *cobra.Command {
	return oneGroup(o, "remove", "Take individuals out of a group", true,
		func(ctx context.Context, a *app.Admin, g directory.Group, who []id.ID) error {
			if err := a.Directory.ChangeMembers(ctx, g.ID, directory.MemberEdit{Remove: who}); err != nil {
				return err
			}
			return o.showGroup(ctx, a, g.ID)
		})
}
