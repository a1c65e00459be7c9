package cli

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/privacy"
)

func purgeCommand(env Env, f *flags) *cobra.Command {
	var (
		subject subjectFlags
		n       privacy.NewPurge
		yes     bool
	)
	cmd := &cobra.Command{
		Use: "purge", Short: "Remove everything that is stored of somebody, for good", Args: exactly(0),
		Long: "Remove everything that is stored of a person, a group or an organization, and print the signed report of what was done. An\n" +
			"interrupted purge is gone on with by a server, or by asking again with the same --request-id. Legal holds stop it.",
		Example: "  switchboard purge --user ann --archive --yes > report.json",
	}
	asJSON := asJSONFlag(cmd) // the report is JSON whether it is asked for or not
	subject.add(cmd)
	cmd.Flags().BoolVar(&n.Archive, "archive", false, "write an export into the archive folder first")
	cmd.Flags().StringVar(&n.ReferenceID, "reference-id", "", "your own reference, for the report")
	cmd.Flags().StringVar(&n.RequestID, "request-id", "", "asking again with it changes nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "really do it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.admin(env, cmd, func(a *app.Admin) error {
			ctx, kind, entity, err := subject.find(cmd.Context(), a)
			if err != nil {
				return err
			}
			if !yes {
				return usageError{fmt.Errorf("everything of %s %s would be removed for good; say --yes", kind, entity)}
			}
			n.Kind, n.EntityID = kind, entity
			return purge(ctx, env, a, n)
		})
	}
	cmd.AddCommand(purgeVerify(env, f, asJSON))
	return cmd
}

// purge asks for a purge, does it, and prints its report.
func purge(ctx context.Context, env Env, a *app.Admin, n privacy.NewPurge) error {
	p, err := a.Privacy.RequestPurge(ctx, n)
	if err != nil {
		return err
	}
	_, interrupted := a.Privacy.Work(ctx) // this purge or another one
	if p, err = a.Privacy.GetPurge(ctx, p.ID); err != nil {
		return errors.Join(interrupted, err)
	}
	switch p.State {
	case privacy.Completed:
		return printJSON(env, json.RawMessage(p.Report))
	case privacy.Failed:
		return fmt.Errorf("nothing was purged: %s", p.Failure)
	case privacy.Requested, privacy.Running:
	}
	if interrupted != nil {
		return fmt.Errorf("purge %s was interrupted and will be gone on with: %w", p.ID, interrupted)
	}
	if p.FailedAttempts > 0 {
		return fmt.Errorf("purge %s could not go on (failures in a row: %d) and waits for its next try; the log of the server says why", p.ID, p.FailedAttempts)
	}
	return fmt.Errorf("purge %s is being done by a server; ask again with the same --request-id for its report", p.ID)
}

func purgeVerify(env Env, f *flags, asJSON *bool) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify REPORT", Short: "Tell whether a report of a purge is as the server signed it", Args: exactly(1),
		Long: "Tell whether a report of a purge is as the server signed it. With --public-key it needs neither the server nor its database.",
	}
	cmd.Flags().StringVar(&key, "public-key", "", "the server's Ed25519 key in base64 (default: the keys in the database)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		raw, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		if key != "" {
			verify, err := verifierOf(key)
			if err != nil {
				return usageError{err}
			}
			return printPurgeReport(cmd.Context(), env, *asJSON, raw, verify)
		}
		return f.admin(env, cmd, func(a *app.Admin) error { return printPurgeReport(cmd.Context(), env, *asJSON, raw, a.Vault.Verify) })
	}
	return cmd
}

func printPurgeReport(ctx context.Context, env Env, asJSON bool, raw []byte, verify privacy.Verifier) error {
	r, err := privacy.VerifyReport(ctx, raw, verify)
	if err != nil {
		return err
	}
	return said(env, asJSON, map[string]any{"whole": true, "entity_type": r.Subject.Kind, "entity_id": r.Subject.ID, "finished_at": r.FinishedAt},
		"the report holds: %s %s was purged at %s", r.Subject.Kind, r.Subject.ID, r.FinishedAt.Format("2006-01-02 15:04:05"))
}

// verifierOf verifies with one key.
func verifierOf(text string) (privacy.Verifier, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("--public-key must be an Ed25519 key of 32 bytes in base64")
	}
	return func(_ context.Context, _ string, message, signature []byte) error {
		if !ed25519.Verify(key, message, signature) {
			return errors.New("it was not signed with this key, or was changed")
		}
		return nil
	}, nil
}
