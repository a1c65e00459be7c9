package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/app"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// userTokenLine is a token of a user as commands print it.
type userTokenLine struct {
	ID             id.ID     `json:"id"`
	OrganizationID id.ID     `json:"organization_id"`
	UserID         id.ID     `json:"user_id"`
	KeyID          id.ID     `json:"key_id"`
	Scopes         []string  `json:"scopes"`
	CreatedAt      time.Time `json:"created_at"`
	ExpiresAt      time.Time `json:"expires_at"`
	Token          string    `json:"token,omitempty"` // its text; only when it is made
}

func userLine(t access.UserToken, text string) userTokenLine {
	return userTokenLine{t.ID, t.OrganizationID, t.UserID, t.KeyID, t.Scopes, t.CreatedAt, t.ExpiresAt, text}
}

func tokenUserCommand(env Env, f *flags, asJSON *bool) *cobra.Command {
	cmd := &cobra.Command{
		Use: "user", Short: "Make, list and revoke the tokens of users",
		Long: "Make, list and revoke the short-lived tokens with which an application calls for one user. A token never allows more than\n" +
			"its user may do, nor more than the key that stands for it, and it ends with either.",
	}
	cmd.AddCommand(tokenUserCreate(env, f, asJSON), tokenUserList(env, f, asJSON), tokenUserRevoke(env, f, asJSON))
	return cmd
}

func tokenUserCreate(env Env, f *flags, asJSON *bool) *cobra.Command {
	var (
		key, user string
		scopes    []string
		expires   time.Duration
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Make a token for a user and print it, once", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			n := access.NewUserToken{Scopes: scopes, ExpiresAt: time.Now().Add(expires)}
			return f.onKey(env, cmd, []string{key}, func(ctx context.Context, a *app.Admin, organization, key id.ID) error {
				u, err := a.FindUser(ctx, organization, user)
				if err != nil {
					return err
				}
				n.UserID = u.ID
				k, err := a.Access.GetKey(ctx, key)
				if err != nil {
					return err
				}
				operator := actor.From(ctx)
				// The operator may make tokens, whatever the key itself may do; they are covered by the key all the same.
				operator.KeyID, operator.Scopes = k.ID, append([]string{"user-tokens:write"}, k.Scopes...)
				if len(n.Scopes) == 0 {
					n.Scopes = k.Scopes
				}
				t, text, err := a.Access.CreateUserToken(actor.With(ctx, operator), n)
				if err != nil {
					return err
				}
				return printSecret(env, *asJSON, userLine(t, text), text)
			})
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "id of the key that the token stands under")
	cmd.Flags().StringVar(&user, "user", "", "username or id of the user")
	cmd.Flags().StringArrayVar(&scopes, "scope", nil, "resource:action; repeat for more (default: those of the key)")
	cmd.Flags().DurationVar(&expires, "expires", access.UserTokenLife, "how long it works; at most 24h")
	_ = cmd.MarkFlagRequired("key")
	_ = cmd.MarkFlagRequired("user")
	return cmd
}

func tokenUserList(env Env, f *flags, asJSON *bool) *cobra.Command {
	var organization, user string
	cmd := &cobra.Command{
		Use: "list", Short: "List the tokens of a user that work", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.onUser(env, cmd, organization, user, func(ctx context.Context, a *app.Admin, user id.ID) error {
				l, err := a.Access.ListUserTokens(ctx, user, page.Offset{Limit: 1000})
				if err != nil {
					return err
				}
				lines := make([]userTokenLine, len(l.Items))
				w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tKEY\tENDS")
				for i, t := range l.Items {
					lines[i] = userLine(t, "")
					fmt.Fprintf(w, "%s\t%s\t%s\n", t.ID, t.KeyID, t.ExpiresAt.Format(time.RFC3339))
				}
				if *asJSON {
					return printLines(env, lines)
				}
				return w.Flush()
			})
		},
	}
	whose(cmd, &organization, &user)
	return cmd
}

func tokenUserRevoke(env Env, f *flags, asJSON *bool) *cobra.Command {
	var organization, user string
	cmd := &cobra.Command{
		Use: "revoke", Short: "Make every token of a user useless", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.onUser(env, cmd, organization, user, func(ctx context.Context, a *app.Admin, user id.ID) error {
				n, err := a.Access.RevokeUserTokens(ctx, user)
				if err != nil {
					return err
				}
				if *asJSON {
					return printJSON(env, map[string]any{"user_id": user, "revoked": n})
				}
				fmt.Fprintf(env.Stdout, "revoked %d\n", n)
				return nil
			})
		},
	}
	whose(cmd, &organization, &user)
	return cmd
}

func whose(cmd *cobra.Command, organization, user *string) {
	cmd.Flags().StringVar(organization, "organization", "", "name or id of the user's organization (default: the only one)")
	cmd.Flags().StringVar(user, "user", "", "username or id of the user")
	_ = cmd.MarkFlagRequired("user")
}

// onUser runs fn for a user, as an administrator of the organization.
func (f *flags) onUser(env Env, cmd *cobra.Command, organization, user string, fn func(ctx context.Context, a *app.Admin, user id.ID) error) error {
	return f.admin(env, cmd, func(a *app.Admin) error {
		found, err := a.FindOrganization(cmd.Context(), organization)
		if err != nil {
			return err
		}
		u, err := a.FindUser(cmd.Context(), found.ID, user)
		if err != nil {
			return err
		}
		return fn(a.As(cmd.Context(), found.ID), a, u.ID)
	})
}
