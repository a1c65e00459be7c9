package cli

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/vault"
)

func secretsCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "secrets", Short: "Show and change the keys that seal secrets and sign reports",
		Long: "Show and change the keys that secrets in the database are sealed with, and the key that reports are signed with. It works\n" +
			"beside running servers, which take up a change of the key file within seconds.",
	}
	asJSON := asJSONFlag(cmd)
	cmd.AddCommand(secretsStatus(env, f, asJSON), secretsStage(env, f, asJSON), secretsRotate(env, f, asJSON), secretsPrune(env, f, asJSON),
		secretsPublicKeys(env, f, asJSON), secretsRotateSigning(env, f, asJSON))
	return cmd
}

type secretsLine struct {
	KeyFile  string                           `json:"key_file"`
	Unsealed int64                            `json:"unsealed"`
	Keys     []secretsKey                     `json:"keys"`
	Columns  map[string]map[vault.KeyID]int64 `json:"columns"`
}

type secretsKey struct {
	ID        vault.KeyID `json:"id"`
	State     string      `json:"state"`
	Values    int64       `json:"values"`
	CreatedAt *time.Time  `json:"created_at"`
	RetiredAt *time.Time  `json:"retired_at"`
}

func secretsStatus(env Env, f *flags, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Count what each key has sealed", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				st, err := a.Vault.Status(cmd.Context())
				if err != nil {
					return err
				}
				out := secretsLine{KeyFile: st.KeyFile, Unsealed: st.Unsealed, Columns: st.Columns, Keys: []secretsKey{}}
				for _, k := range st.Keys {
					out.Keys = append(out.Keys, secretsKey{k.ID, k.State, k.Values, instant(k.CreatedAt), instant(k.RetiredAt)})
				}
				if *asJSON {
					return printJSON(env, out)
				}
				return printSecrets(env, out)
			})
		},
	}
}

func printSecrets(env Env, s secretsLine) error {
	fmt.Fprintf(env.Stdout, "key file: %s\n\n", s.KeyFile)
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tSTATE\tSEALED VALUES")
	for _, k := range s.Keys {
		fmt.Fprintf(w, "%s\t%s\t%d\n", k.ID, k.State, k.Values)
	}
	fmt.Fprintln(w, "\t\t\nCOLUMN\tKEY\tSEALED VALUES")
	for _, column := range slices.Sorted(maps.Keys(s.Columns)) {
		for _, key := range slices.Sorted(maps.Keys(s.Columns[column])) {
			name := string(key)
			if name == "" {
				name = "not sealed"
			}
			fmt.Fprintf(w, "%s\t%s\t%d\n", column, name, s.Columns[column][key])
		}
	}
	return w.Flush()
}

func secretsStage(env Env, f *flags, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "stage", Short: "Make the next key without using it yet, for nodes that have copies of the key file", Args: exactly(0),
		Long: "Make the key that the next rotation will use, and write it into the key file. Copy the file to every node, then run\n" +
			"`switchboard secrets rotate`. Nodes that share one file need no staging.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				key, err := a.Vault.Stage(a.AsInstaller(cmd.Context()))
				if err != nil {
					return err
				}
				return said(env, *asJSON, map[string]any{"key": key}, "key %s is in the key file; copy the file to every node and rotate", key)
			})
		},
	}
}

func secretsRotate(env Env, f *flags, asJSON *bool) *cobra.Command {
	var resume bool
	cmd := &cobra.Command{
		Use: "rotate", Short: "Make a new key and seal everything anew with it", Args: exactly(0),
		Long: "Make a new key (or take the staged one), put it first in the key file, and seal everything anew with it, while servers run.\n" +
			"It can be stopped at any time: nothing is lost, and `switchboard secrets rotate --resume` goes on. Old keys stay until\n" +
			"`switchboard secrets prune`.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				sealed := map[string]int64{}
				report := func(p vault.Progress) {
					sealed[p.Column] = p.Sealed
					fmt.Fprintf(env.Stderr, "%s: %d sealed\n", p.Column, p.Sealed)
				}
				if resume {
					err := a.Vault.Reseal(cmd.Context(), report)
					if err != nil {
						return err
					}
					return said(env, *asJSON, map[string]any{"sealed": sealed}, "everything is sealed with the current key")
				}
				key, err := a.Vault.Rotate(a.AsInstaller(cmd.Context()), report)
				if err != nil {
					return fmt.Errorf("%w (nothing is lost; `switchboard secrets rotate --resume` goes on)", err)
				}
				return said(env, *asJSON, map[string]any{"key": key, "sealed": sealed}, "everything is sealed with key %s", key)
			})
		},
	}
	cmd.Flags().BoolVar(&resume, "resume", false, "make no new key: go on sealing with the current one")
	return cmd
}

func secretsPrune(env Env, f *flags, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "prune", Short: "Drop keys that seal nothing any more", Args: exactly(0),
		Long: "Drop the keys that have sealed nothing that is still there, and that another key replaced an hour ago or more. A backup of\n" +
			"the database that is older needs the key file of its time.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				gone, err := a.Vault.Prune(a.AsInstaller(cmd.Context()))
				if err != nil {
					return err
				}
				return said(env, *asJSON, map[string]any{"dropped": append([]vault.KeyID{}, gone...)}, "dropped: %d", len(gone))
			})
		},
	}
}

type publicKeyLine struct {
	ID        string    `json:"id"`
	Algorithm string    `json:"algorithm"`
	PublicKey string    `json:"public_key"` // base64, 32 bytes
	PEM       string    `json:"pem"`
	Retired   bool      `json:"retired"`
	CreatedAt time.Time `json:"created_at"`
}

func secretsPublicKeys(env Env, f *flags, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "public-keys", Short: "Print the keys that signatures of this server are verified with", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				lines := []publicKeyLine{}
				for _, k := range a.Vault.PublicKeys() {
					der, err := x509.MarshalPKIXPublicKey(k.Key)
					if err != nil {
						return err
					}
					text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
					lines = append(lines, publicKeyLine{k.ID, "ed25519", base64.StdEncoding.EncodeToString(k.Key), text, k.Retired, k.CreatedAt})
				}
				if *asJSON {
					return printJSON(env, lines) // one document: `audit verify --keys` reads it
				}
				for _, l := range lines {
					fmt.Fprintf(env.Stdout, "%s (since %s%s)\n%s\n", l.ID, l.CreatedAt.Format(time.RFC3339), map[bool]string{true: ", retired"}[l.Retired], l.PEM)
				}
				return nil
			})
		},
	}
}

func secretsRotateSigning(env Env, f *flags, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "rotate-signing-key", Short: "Make a new key for signing; the old one still verifies", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				key, err := a.Vault.RotateSigningKey(a.AsInstaller(cmd.Context()))
				if err != nil {
					return err
				}
				return said(env, *asJSON, map[string]any{"key": key}, "key %s signs from now on", key)
			})
		},
	}
}
