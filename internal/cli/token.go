package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/app"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// keyLine is a key as commands print it.
type keyLine struct {
	ID             id.ID      `json:"id"`
	OrganizationID id.ID      `json:"organization_id"`
	UserID         id.ID      `json:"user_id"`
	Name           string     `json:"name"`
	Role           actor.Role `json:"role"`
	Scopes         []string   `json:"scopes"`
	CreatedAt      time.Time  `json:"created_at"`
	ExpiresAt      *time.Time `json:"expires_at"`
	RevokedAt      *time.Time `json:"revoked_at"`
	LastUsedAt     *time.Time `json:"last_used_at"`
	// Secrets are one, or two while the key is rotated, newest first.
	Secrets []secretLine `json:"secrets"`
	Key     string       `json:"key,omitempty"` // the secret; only when it is made
}

type secretLine struct {
	ID         id.ID      `json:"id"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

func line(k access.Key, secret string) keyLine {
	out := keyLine{
		ID: k.ID, OrganizationID: k.OrganizationID, UserID: k.UserID, Name: k.Name, Role: k.Role, Scopes: k.Scopes,
		CreatedAt: k.CreatedAt, ExpiresAt: instant(k.ExpiresAt), RevokedAt: instant(k.RevokedAt), LastUsedAt: instant(k.LastUsedAt),
		Secrets: []secretLine{}, Key: secret,
	}
	for _, s := range k.Secrets {
		out.Secrets = append(out.Secrets, secretLine{s.ID, s.CreatedAt, instant(s.ExpiresAt), instant(s.LastUsedAt)})
	}
	return out
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func tokenCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list, rotate and revoke API keys",
		Long: "Make, list, rotate and revoke API keys, on the database itself: whoever may read the data folder may do this. It works\n" +
			"beside a running server; a revocation reaches it within seconds.",
	}
	asJSON := asJSONFlag(cmd)
	cmd.AddCommand(tokenCreate(env, f, asJSON), tokenList(env, f, asJSON), tokenRevoke(env, f, asJSON), tokenRotate(env, f, asJSON),
		tokenScopes(env, asJSON), tokenUserCommand(env, f, asJSON))
	return cmd
}

// admin runs fn on the services of the configured database.
func (f *flags) admin(env Env, cmd *cobra.Command, fn func(a *app.Admin) error) error {
	c, err := f.load(env, cmd)
	if err != nil {
		return err
	}
	a, err := app.OpenAdmin(cmd.Context(), c, logger(env, c))
	if err != nil {
		return err
	}
	defer a.Close()
	return fn(a)
}

func tokenCreate(env Env, f *flags, asJSON *bool) *cobra.Command {
	var (
		organization, user, name, role string
		scopes                         []string
		expires                        time.Duration
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Make a key and print its secret, once", Args: exactly(0),
		Example: "  switchboard token create --organization \"Demo Hospital\" --role service --name billing --scope events:write",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				n := access.NewKey{Name: name, Role: actor.Role(role), Scopes: scopes}
				var err error
				if n.OrganizationID, err = a.Organization(cmd.Context(), organization); err != nil {
					return err
				}
				if user != "" {
					u, err := a.FindUser(cmd.Context(), n.OrganizationID, user)
					if err != nil {
						return err
					}
					n.UserID = u.ID
				}
				if expires != 0 {
					n.ExpiresAt = time.Now().Add(expires)
				}
				k, secret, err := a.Access.CreateKey(a.As(cmd.Context(), n.OrganizationID), n)
				if err != nil {
					return err
				}
				return printSecret(env, *asJSON, line(k, secret), secret)
			})
		},
	}
	cmd.Flags().StringVar(&organization, "organization", "", "name or id of the organization; made when there is none at all (default: the only one)")
	cmd.Flags().StringVar(&user, "user", "", "username or id of the user whose key it is (leaders and members)")
	cmd.Flags().StringVar(&name, "name", "command line", "what the key is for")
	cmd.Flags().StringVar(&role, "role", string(actor.Administrator), "administrator, service, leader or member")
	cmd.Flags().StringArrayVar(&scopes, "scope", nil, "resource:action, such as events:write; repeat for more (default: all)")
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it works, such as 720h (default: for ever)")
	return cmd
}

func tokenList(env Env, f *flags, asJSON *bool) *cobra.Command {
	var organization string
	cmd := &cobra.Command{
		Use: "list", Short: "List keys, without their secrets", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				keys, err := a.Keys(cmd.Context(), organization)
				if err != nil {
					return err
				}
				lines := make([]keyLine, len(keys))
				for i, k := range keys {
					lines[i] = line(k, "")
				}
				if *asJSON {
					return printLines(env, lines)
				}
				return printKeys(env, lines)
			})
		},
	}
	cmd.Flags().StringVar(&organization, "organization", "", "name or id of one organization (default: all)")
	return cmd
}

func printKeys(env Env, lines []keyLine) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tROLE\tSTATE\tLAST USED")
	for _, k := range lines {
		state, used := "live", "never"
		switch {
		case k.RevokedAt != nil:
			state = "revoked"
		case k.ExpiresAt != nil && k.ExpiresAt.Before(time.Now()):
			state = "expired"
		}
		if k.LastUsedAt != nil {
			used = k.LastUsedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Role, state, used)
	}
	return w.Flush()
}

// printSecret shows what was made, with the secret in it or the secret alone.
func printSecret(env Env, asJSON bool, made any, secret string) error {
	if asJSON {
		return printJSON(env, made)
	}
	fmt.Fprintln(env.Stdout, secret)
	fmt.Fprintln(env.Stderr, "This is the only time it is shown.")
	return nil
}

// onKey runs fn for the key that args name, as an administrator of its organization.
func (f *flags) onKey(env Env, cmd *cobra.Command, args []string, fn func(ctx context.Context, a *app.Admin, organization, key id.ID) error) error {
	key, err := id.Parse(args[0])
	if err != nil {
		return errs.CodeInvalid.Errorf("%q is not the id of a key; `switchboard token list` shows them", args[0])
	}
	return f.admin(env, cmd, func(a *app.Admin) error {
		ctx, organization, err := a.AsOwner(cmd.Context(), key)
		if err != nil {
			return err
		}
		return fn(ctx, a, organization, key)
	})
}

func tokenRevoke(env Env, f *flags, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Make a key useless", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.onKey(env, cmd, args, func(ctx context.Context, a *app.Admin, organization, key id.ID) error {
				if err := a.Access.RevokeKey(ctx, organization, key); err != nil {
					return err
				}
				return printDone(env, *asJSON, "revoked", key)
			})
		},
	}
}

// printDone says what was done to a record.
func printDone(env Env, asJSON bool, done string, record id.ID) error {
	if asJSON {
		return printJSON(env, map[string]any{"id": record, done: true})
	}
	fmt.Fprintln(env.Stdout, done)
	return nil
}

func tokenRotate(env Env, f *flags, asJSON *bool) *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate ID", Short: "Give a key another secret and print it, once", Args: exactly(1),
		Long: "Give a key another secret and print it, once. The one before works on for the overlap, so that clients can be changed\n" +
			"one after the other; `switchboard token list --json` tells when each secret was last used. An overlap of 0 ends it at once.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.onKey(env, cmd, args, func(ctx context.Context, a *app.Admin, _, key id.ID) error {
				k, secret, err := a.Access.RotateKey(ctx, key, overlap)
				if err != nil {
					return err
				}
				return printSecret(env, *asJSON, line(k, secret), secret)
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the secret before works on; at most 168h")
	return cmd
}

func tokenScopes(env Env, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "scopes", Short: "List what scopes can name", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			type scopeLine struct {
				Resource string   `json:"resource"`
				Actions  []string `json:"actions"`
				Doc      string   `json:"doc"`
			}
			resources := app.Resources()
			slices.SortFunc(resources, func(a, b actor.Resource) int { return strings.Compare(a.Name, b.Name) })
			lines := make([]scopeLine, len(resources))
			w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
			for i, r := range resources {
				lines[i] = scopeLine{r.Name, r.Actions, r.Doc}
				for _, action := range r.Actions {
					fmt.Fprintf(w, "%s:%s\t%s\n", r.Name, action, r.Doc)
				}
			}
			if *asJSON {
				return printLines(env, lines)
			}
			return w.Flush()
		},
	}
}
