package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/consent"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

func consentCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "consent", Short: "List who may be texted, and get and check the proof of it",
		Long: "List who may be texted, and get and check the proof of it. What the words and states mean is in docs/consents.md.",
	}
	asJSON := asJSONFlag(cmd)
	organization := cmd.PersistentFlags().String("organization", "", "name or id of the organization (default: the only one)")
	cmd.AddCommand(consentList(env, f, asJSON, organization), consentShow(env, f, asJSON, organization), consentProof(env, f, organization),
		consentVerify(env, asJSON))
	return cmd
}

// consentLine is a consent as commands print it.
type consentLine struct {
	ID             id.ID            `json:"id"`
	OrganizationID id.ID            `json:"organization_id"`
	UserID         id.ID            `json:"user_id"`
	Type           consent.Type     `json:"type"`
	State          consent.State    `json:"state"`
	Number         string           `json:"number"` // empty once it was purged
	Messages       consent.Messages `json:"messages"`
	InvitedAt      *time.Time       `json:"invited_at"`
	CreatedAt      time.Time        `json:"created_at"`
	ModifiedAt     time.Time        `json:"modified_at"`
}

func consentLineOf(c consent.Consent) consentLine {
	return consentLine{
		ID: c.ID, OrganizationID: c.OrganizationID, UserID: c.UserID, Type: c.Type, State: c.State, Number: c.Number, Messages: c.Messages,
		InvitedAt: instant(c.InvitedAt), CreatedAt: c.CreatedAt, ModifiedAt: c.ModifiedAt,
	}
}

// within runs fn as an administrator of an organization.
func (f *flags) within(env Env, cmd *cobra.Command, organization string, fn func(ctx context.Context, a *app.Admin) error) error {
	return f.admin(env, cmd, func(a *app.Admin) error {
		found, err := a.FindOrganization(cmd.Context(), organization)
		if err != nil {
			return err
		}
		return fn(a.As(cmd.Context(), found.ID), a)
	})
}

func consentList(env Env, f *flags, asJSON *bool, organization *string) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "list", Short: "List consents, newest first; with --json one a line", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.within(env, cmd, *organization, func(ctx context.Context, a *app.Admin) error {
				of, err := anyUser(ctx, a, *organization, user)
				if err != nil {
					return err
				}
				if *asJSON {
					line := jsonLines(env)
					return eachConsent(ctx, a, of, func(c consent.Consent) error { return line(consentLineOf(c)) })
				}
				w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tUSER\tTYPE\tSTATE\tNUMBER\tSINCE")
				err = eachConsent(ctx, a, of, func(c consent.Consent) error {
					_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.ID, c.UserID, c.Type, c.State, c.Number, c.ModifiedAt.Format(time.RFC3339))
					return err
				})
				return errors.Join(err, w.Flush())
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "username or id of one user")
	return cmd
}

// eachConsent goes through all consents of a user, or of everybody for Nil.
func eachConsent(ctx context.Context, a *app.Admin, user id.ID, fn func(consent.Consent) error) error {
	p := page.Offset{Limit: 1000}
	for {
		list, err := a.Consent.List(ctx, user, p)
		if err != nil {
			return err
		}
		for _, c := range list.Items {
			if err := fn(c); err != nil {
				return err
			}
		}
		if len(list.Items) < p.Limit {
			return nil
		}
		p.Offset += p.Limit
	}
}

func consentShow(env Env, f *flags, asJSON *bool, organization *string) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a consent", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.aConsent(env, cmd, *organization, args[0], func(ctx context.Context, a *app.Admin, i id.ID) error {
				c, err := a.Consent.Get(ctx, i)
				if err != nil {
					return err
				}
				if *asJSON {
					return printJSON(env, consentLineOf(c))
				}
				fmt.Fprintf(env.Stdout, "%s of user %s, for %s\nstate:   %s since %s\nnumber:  %s\nasked:   %s\nentries: %d (`switchboard consent proof %s` has them)\n",
					c.Type, c.UserID, c.Language, c.State, c.ModifiedAt.Format(time.RFC3339), c.Number, c.Messages.Initial, c.Entries, c.ID)
				return nil
			})
		},
	}
}

// aConsent runs fn with the id that a command was given.
func (f *flags) aConsent(env Env, cmd *cobra.Command, organization, given string, fn func(ctx context.Context, a *app.Admin, i id.ID) error) error {
	i, err := id.Parse(given)
	if err != nil {
		return errs.CodeInvalid.Errorf("%q is not the id of a consent; `switchboard consent list` shows them", given)
	}
	return f.within(env, cmd, organization, func(ctx context.Context, a *app.Admin) error { return fn(ctx, a, i) })
}

func consentProof(env Env, f *flags, organization *string) *cobra.Command {
	return &cobra.Command{
		Use: "proof ID", Short: "Print the signed ledger of a consent, as JSON", Args: exactly(1),
		Long: "Print the whole ledger of a consent, signed, as JSON. It has the person's number and words. That it was read is audited.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.aConsent(env, cmd, *organization, args[0], func(ctx context.Context, a *app.Admin, i id.ID) error {
				p, err := a.Consent.Proof(ctx, i)
				if err != nil {
					return err
				}
				return printJSON(env, p)
			})
		},
	}
}

// verdict is what `consent verify` prints for programs.
type verdict struct {
	Whole     bool          `json:"whole"`
	Signed    bool          `json:"signed"`
	ConsentID string        `json:"consent_id"`
	State     consent.State `json:"state"`
	IssuedAt  string        `json:"issued_at"`
	Entries   int           `json:"entries"`
	KeyID     string        `json:"key_id"`
	PublicKey string        `json:"public_key"`
	KeyPinned bool          `json:"key_pinned"` // the key is the one that --key names
	Problem   string        `json:"problem,omitempty"`
}

func consentVerify(env Env, asJSON *bool) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check a proof, without a database and without a server", Args: exactly(1),
		Long: "Check a proof that `switchboard consent proof` or GET /v1/user-consents/{id}/proof/ has given; - reads it from the standard\n" +
			"input. Without --key it shows that nothing was changed since it was signed; with the public key of the server\n" +
			"(`switchboard secrets public-keys --json`) also that it was this server. It fails when the proof does not hold.",
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readFileOr(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			p, err := consent.ReadProof(raw)
			if err != nil {
				return err
			}
			signed, problem := p.Verify(strings.TrimSpace(key))
			v := verdict{
				Whole: problem == nil, Signed: signed, ConsentID: p.ConsentID, State: p.State, IssuedAt: p.IssuedAt, Entries: len(p.Entries),
				KeyID: p.KeyID, PublicKey: p.PublicKey, KeyPinned: signed && key != "",
			}
			if problem != nil {
				v.Problem = problem.Error()
			}
			if *asJSON {
				return errors.Join(printJSON(env, v), notProven(problem))
			}
			if problem != nil {
				return notProven(problem)
			}
			return printProof(env, p, v)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "public key that must have signed it, in base64 (default: any)")
	return cmd
}

func notProven(problem error) error {
	if problem == nil {
		return nil
	}
	return fmt.Errorf("the proof does not hold: %w", problem)
}

// readFileOr reads a file, or standard input for "-".
func readFileOr(stdin io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}

// printProof tells a person what a proof that holds says.
func printProof(env Env, p consent.Proof, v verdict) error {
	fmt.Fprintf(env.Stdout, "consent %s of user %s to %s: %s\n\n", p.ConsentID, p.UserID, p.Type, p.State)
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tWHAT\tBY\tTEXT")
	for _, e := range p.Entries {
		said := e.Shown
		if e.Personal != nil && e.Personal.Words != "" {
			said = e.Personal.Words
		}
		if e.Blanked() && said == "" {
			said = "(purged)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%q\n", e.At, e.What, e.Source, said)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	switch {
	case !v.Signed:
		fmt.Fprintln(env.Stdout, "\nEvery entry is as it was written. It is not signed, so nothing tells who has written it.")
	case v.KeyPinned:
		fmt.Fprintf(env.Stdout, "\nEvery entry is as it was written, and the expected key has signed it at %s.\n", p.IssuedAt)
	default:
		fmt.Fprintf(env.Stdout, "\nEvery entry is as it was written, signed at %s with key %s (%s).\nWhether that key is the server's only --key tells.\n", p.IssuedAt, p.KeyID, p.PublicKey)
	}
	return nil
}
