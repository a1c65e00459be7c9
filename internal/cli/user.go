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

// personLine is a user as commands print it.
type personLine struct {
	ID                  id.ID      `json:"id"`
	Username            string     `json:"username"`
	PrimaryIndividualID *id.ID     `json:"primary_individual_id"`
	State               string     `json:"state"`
	FirstName           string     `json:"first_name"`
	LastName            string     `json:"last_name"`
	Email               string     `json:"email"`
	Phone               string     `json:"phone"`
	Locale              string     `json:"locale"`
	TZ                  string     `json:"tz"`
	CreatedAt           time.Time  `json:"created_at"`
	LastActiveAt        *time.Time `json:"last_active_at"`
}

func personLineOf(u directory.User) personLine {
	return personLine{
		ID: u.ID, Username: u.Username, PrimaryIndividualID: idOrNull(u.PrimaryIndividualID), State: string(u.State), FirstName: u.FirstName,
		LastName: u.LastName, Email: u.Email, Phone: u.Phone, Locale: u.Locale, TZ: u.TZ, CreatedAt: u.CreatedAt, LastActiveAt: instant(u.LastActiveAt),
	}
}

func idOrNull(i id.ID) *id.ID {
	if i.IsZero() {
		return nil
	}
	return &i
}

func userCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "user", Short: "Make, list, change, archive and delete users",
		Long: "Make, list, change, archive and delete users of an organization, on the database itself. Usernames and ids are taken alike.\n" +
			"Exit codes are those of `switchboard org`.",
	}
	o := under(cmd, env, f)
	cmd.AddCommand(userCreate(o), userList(o), userShow(o), userUpdate(o), userArchive(o), userDelete(o))
	return cmd
}

// userFlags gives a command the flags for the values of a user, and returns how to read them.
func userFlags(cmd *cobra.Command) func() directory.UserEdit {
	var email, phone, firstName, lastName, locale, tz, webhook string
	cmd.Flags().StringVar(&email, "email", "", "where mail goes")
	cmd.Flags().StringVar(&phone, "phone", "", "with its country code, such as +14155552671")
	cmd.Flags().StringVar(&firstName, "first-name", "", "also of the individual that is made along")
	cmd.Flags().StringVar(&lastName, "last-name", "", "also of the individual that is made along")
	cmd.Flags().StringVar(&locale, "locale", "", "such as en_US (default: the organization's)")
	cmd.Flags().StringVar(&tz, "tz", "", "IANA time zone (default: the organization's)")
	cmd.Flags().StringVar(&webhook, "webhook-url", "", "where the transport webhook posts to")
	verified := cmd.Flags().Bool("verified", false, "the addresses are known to be theirs")
	state := cmd.Flags().String("state", "", "active, invited, archived or notification-only")
	return func() directory.UserEdit {
		e := directory.UserEdit{
			Email: given(cmd, "email", &email), Phone: given(cmd, "phone", &phone), FirstName: given(cmd, "first-name", &firstName),
			LastName: given(cmd, "last-name", &lastName), Locale: given(cmd, "locale", &locale), TZ: given(cmd, "tz", &tz),
			WebhookURL: given(cmd, "webhook-url", &webhook),
		}
		if cmd.Flags().Changed("verified") && (e.Email != nil || !*verified) {
			e.EmailVerified = verified
		}
		if cmd.Flags().Changed("verified") && (e.Phone != nil || !*verified) {
			e.PhoneVerified = verified
		}
		if cmd.Flags().Changed("state") {
			s := directory.UserState(*state)
			e.State = &s
		}
		return e
	}
}

func userCreate(o *organized) *cobra.Command {
	var (
		account string
		edit    func() directory.UserEdit
	)
	cmd := &cobra.Command{
		Use: "create USERNAME", Short: "Make a user with an individual, and print the user's id", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.do(cmd, func(ctx context.Context, a *app.Admin, _ id.ID) error {
				e := edit()
				e.Username = &args[0]
				u, err := a.Directory.CreateUser(ctx, directory.NewUser{UserEdit: e, AccountType: directory.AccountType(account)})
				if err != nil {
					return err
				}
				return o.say(personLineOf(u), "%s", u.ID)
			})
		},
	}
	cmd.Flags().StringVar(&account, "account-type", string(directory.Participant), "of the individual: participant or provider")
	edit = userFlags(cmd)
	return cmd
}

func userList(o *organized) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List users, oldest first", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.do(cmd, func(ctx context.Context, a *app.Admin, organization id.ID) error {
				row := func(u personLine) string {
					return strings.Join([]string{u.ID.String(), u.Username, u.State, u.Email, u.Phone}, "\t")
				}
				return table(o.env, *o.json, "ID\tUSERNAME\tSTATE\tEMAIL\tPHONE", row, func(each func(personLine) error) error {
					return a.EachUser(ctx, organization, func(u directory.User) error { return each(personLineOf(u)) })
				})
			})
		},
	}
}

// oneUser is a command about one user, whom its argument names.
func oneUser(o *organized, use, short string, fn func(ctx context.Context, a *app.Admin, u directory.User) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " USER", Short: short, Args: exactly(1), ValidArgsFunction: first(complete(o.env, o.flags, "user"), nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.do(cmd, func(ctx context.Context, a *app.Admin, organization id.ID) error {
				u, err := a.FindUser(ctx, organization, args[0])
				if err != nil {
					return err
				}
				return fn(ctx, a, u)
			})
		},
	}
}

func (o *organized) showUser(u directory.User) error {
	return o.say(personLineOf(u), "id: %s\nusername: %s\nstate: %s\nname: %s\nemail: %s\nphone: %s\nindividual: %s",
		u.ID, u.Username, u.State, strings.TrimSpace(u.FirstName+" "+u.LastName), u.Email, u.Phone, u.PrimaryIndividualID)
}

func userShow(o *organized) *cobra.Command {
	return oneUser(o, "show", "Show a user", func(_ context.Context, _ *app.Admin, u directory.User) error { return o.showUser(u) })
}

func userUpdate(o *organized) *cobra.Command {
	var (
		username string
		edit     func() directory.UserEdit
		cmd      *cobra.Command
	)
	cmd = oneUser(o, "update", "Change what is given of a user", func(ctx context.Context, a *app.Admin, u directory.User) error {
		e := edit()
		e.Username = given(cmd, "username", &username)
		u, err := a.Directory.UpdateUser(ctx, u.ID, e)
		if err != nil {
			return err
		}
		return o.showUser(u)
	})
	cmd.Flags().StringVar(&username, "username", "", "another username")
	edit = userFlags(cmd)
	return cmd
}

func userArchive(o *organized) *cobra.Command {
	return oneUser(o, "archive", "Keep a user from signing in and from being reached", func(ctx context.Context, a *app.Admin, u directory.User) error {
		state := directory.Archived
		u, err := a.Directory.UpdateUser(ctx, u.ID, directory.UserEdit{State: &state})
		if err != nil {
			return err
		}
		return o.say(personLineOf(u), "archived")
	})
}

func userDelete(o *organized) *cobra.Command {
	return oneUser(o, "delete", "Delete a user with its individuals; the data stays until it is purged",
		func(ctx context.Context, a *app.Admin, u directory.User) error {
			return a.Directory.DeleteUser(ctx, u.ID)
		})
}
