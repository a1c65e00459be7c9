package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/directory"
	"switchboard/internal/id"
)

// orgLine is an organization as commands print it.
type orgLine struct {
	ID             id.ID     `json:"id"`
	Name           string    `json:"name"`
	DisplayName    string    `json:"display_name"`
	Timezone       string    `json:"timezone"`
	Locale         string    `json:"locale"`
	Classification string    `json:"classification"`
	ProviderType   string    `json:"provider_type"`
	CreatedAt      time.Time `json:"created_at"`
	ModifiedAt     time.Time `json:"modified_at"`
}

func orgLineOf(o directory.Organization) orgLine {
	return orgLine{
		ID: o.ID, Name: o.Name, DisplayName: o.Title(), Timezone: o.Timezone, Locale: o.Locale, Classification: o.Classification,
		ProviderType: o.ProviderType, CreatedAt: o.CreatedAt, ModifiedAt: o.ModifiedAt,
	}
}

func orgCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "org", Short: "Make, list, change and delete organizations",
		Long: "Make, list, change and delete organizations, on the database itself: whoever may read the data folder may do this. Names and\n" +
			"ids are taken alike. Exit codes: 0 done, 2 wrong usage, 3 not there, 4 a wrong value, 5 a conflict or an ambiguous name, 1 else.",
	}
	asJSON := asJSONFlag(cmd)
	cmd.AddCommand(orgCreate(env, f, asJSON), orgList(env, f, asJSON), orgShow(env, f, asJSON), orgUpdate(env, f, asJSON), orgDelete(env, f))
	return cmd
}

// orgFlags gives a command the flags for the values of an organization, and returns how to read them.
func orgFlags(cmd *cobra.Command) func() directory.OrganizationEdit {
	var display, timezone, locale, classification, providerType string
	cmd.Flags().StringVar(&display, "display-name", "", "what people are shown (default: the name)")
	cmd.Flags().StringVar(&timezone, "timezone", "", "IANA, such as Europe/Berlin (default: UTC)")
	cmd.Flags().StringVar(&locale, "locale", "", "such as en_US, the default")
	cmd.Flags().StringVar(&classification, "classification", "", "what kind of organization it is")
	cmd.Flags().StringVar(&providerType, "provider-type", "", "what kind of provider it is")
	return func() directory.OrganizationEdit {
		return directory.OrganizationEdit{
			DisplayName: given(cmd, "display-name", &display), Timezone: given(cmd, "timezone", &timezone), Locale: given(cmd, "locale", &locale),
			Classification: given(cmd, "classification", &classification), ProviderType: given(cmd, "provider-type", &providerType),
		}
	}
}

func orgCreate(env Env, f *flags, asJSON *bool) *cobra.Command {
	var edit func() directory.OrganizationEdit
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an organization and print its id", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				e := edit()
				e.Name = &args[0]
				o, err := a.Directory.CreateOrganization(a.As(cmd.Context(), id.Nil), e)
				if err != nil {
					return err
				}
				return (&organized{env: env, json: asJSON}).say(orgLineOf(o), "%s", o.ID)
			})
		},
	}
	edit = orgFlags(cmd)
	return cmd
}

func orgList(env Env, f *flags, asJSON *bool) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "list", Short: "List organizations, oldest first", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				row := func(o orgLine) string { return strings.Join([]string{o.ID.String(), o.Name, o.Timezone}, "\t") }
				return table(env, *asJSON, "ID\tNAME\tTIMEZONE", row, func(each func(orgLine) error) error {
					return a.EachOrganization(cmd.Context(), func(o directory.Organization) error {
						if !directory.Matches(o.Name+" "+o.DisplayName, name) {
							return nil
						}
						return each(orgLineOf(o))
					})
				})
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "only those with these words in their name")
	return cmd
}

// oneOrg is a command about one organization, which its argument names.
func oneOrg(env Env, f *flags, use, short string, fn func(cmd *cobra.Command, a *app.Admin, o directory.Organization) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " ORGANIZATION", Short: short, Args: exactly(1), ValidArgsFunction: first(complete(env, f, "organization"), nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				o, err := a.FindOrganization(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return fn(cmd, a, o)
			})
		},
	}
}

func orgShow(env Env, f *flags, asJSON *bool) *cobra.Command {
	return oneOrg(env, f, "show", "Show an organization", func(_ *cobra.Command, _ *app.Admin, o directory.Organization) error {
		return showOrg(env, asJSON, o)
	})
}

func showOrg(env Env, asJSON *bool, o directory.Organization) error {
	return (&organized{env: env, json: asJSON}).say(orgLineOf(o), "id: %s\nname: %s\ndisplay name: %s\ntimezone: %s\nlocale: %s",
		o.ID, o.Name, o.Title(), o.Timezone, o.Locale)
}

func orgUpdate(env Env, f *flags, asJSON *bool) *cobra.Command {
	var (
		name string
		edit func() directory.OrganizationEdit
	)
	cmd := oneOrg(env, f, "update", "Change what is given of an organization", func(cmd *cobra.Command, a *app.Admin, o directory.Organization) error {
		e := edit()
		e.Name = given(cmd, "name", &name)
		o, err := a.Directory.UpdateOrganization(a.As(cmd.Context(), o.ID), o.ID, e)
		if err != nil {
			return err
		}
		return showOrg(env, asJSON, o)
	})
	cmd.Flags().StringVar(&name, "name", "", "another name")
	edit = orgFlags(cmd)
	return cmd
}

func orgDelete(env Env, f *flags) *cobra.Command {
	return oneOrg(env, f, "delete", "Delete an organization with everything in it; its data stays until it is purged",
		func(cmd *cobra.Command, a *app.Admin, o directory.Organization) error {
			return a.Directory.DeleteOrganization(a.As(cmd.Context(), o.ID), o.ID)
		})
}
