package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/audit"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

func auditCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "Read, export and verify the audit",
		Long: "Read, export and verify the audit: who did, read or was refused what, when, from where and as whom. Its rows are chained\n" +
			"by their hashes, so that any later change shows. It works beside a running server. Looking at the audit is in it too.",
	}
	asJSON := asJSONFlag(cmd)
	cmd.AddCommand(auditList(env, f, asJSON), auditExport(env, f), auditVerify(env, f, asJSON), auditHead(env, f, asJSON))
	return cmd
}

// auditTimes are the flags that say whose rows are wanted, and of when.
type auditTimes struct {
	of           app.AuditOf
	since, until string
}

func (t *auditTimes) flags(cmd *cobra.Command, organization string) {
	cmd.Flags().StringVar(&t.of.Organization, "organization", "", organization)
	cmd.Flags().BoolVar(&t.of.Installation, "installation", false, "what was done to the whole installation, such as to its keys")
	cmd.MarkFlagsMutuallyExclusive("organization", "installation")
	cmd.Flags().StringVar(&t.since, "since", "", "from this time on: 2026-11-22, 2026-11-22T10:00:00Z, or 24h for the last day")
	cmd.Flags().StringVar(&t.until, "until", "", "before this time, likewise")
}

func (t *auditTimes) filter(now time.Time) (f audit.Filter, err error) {
	if f.From, err = parseWhen("since", t.since, now); err == nil {
		f.Until, err = parseWhen("until", t.until, now)
	}
	return f, err
}

// parseWhen reads a time, a date (in UTC) or how long ago it was; the zero time for an empty text.
func parseWhen(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errs.CodeInvalid.Errorf("--%s must be a time such as 2026-11-22T10:00:00Z, a date, or a duration such as 24h", flag)
}

func auditList(env Env, f *flags, asJSON *bool) *cobra.Command {
	var (
		times                 auditTimes
		action, user, subject string
		limit                 int
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List the newest rows, newest first", Args: exactly(0),
		Example: "  switchboard audit list --action access. --since 24h\n  switchboard audit list --installation",
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := times.filter(time.Now())
			if err != nil {
				return err
			}
			filter.Action = action
			if subject != "" {
				if filter.Subject, err = id.Parse(subject); err != nil {
					return errs.CodeInvalid.Errorf("--subject must be the id of a record: %v", err)
				}
			}
			return f.admin(env, cmd, func(a *app.Admin) error {
				if filter.UserID, err = anyUser(cmd.Context(), a, times.of.Organization, user); err != nil {
					return err
				}
				events, err := a.ListAudit(cmd.Context(), times.of, filter, limit)
				if err != nil {
					return err
				}
				if *asJSON {
					return printEventLines(env, events)
				}
				return printEvents(env, events)
			})
		},
	}
	times.flags(cmd, "name or id of the organization (default: the only one)")
	cmd.Flags().StringVar(&action, "action", "", "how the action begins, such as messaging.")
	cmd.Flags().StringVar(&user, "user", "", "username or id of the user who did it")
	cmd.Flags().StringVar(&subject, "subject", "", "id of the record that it was done to")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many rows")
	return cmd
}

func printEventLines(env Env, events []audit.Event) error {
	print := jsonLines(env)
	for _, e := range events {
		if err := print(audit.LineOf(e)); err != nil {
			return err
		}
	}
	return nil
}

func printEvents(env Env, events []audit.Event) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AT\tACTION\tSUBJECT\tROLE\tUSER\tAS\tFROM")
	for _, e := range events {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Format(time.RFC3339), e.Action, dash(e.Subject), e.Role, dash(e.UserID), dash(e.IndividualID), e.RemoteAddr)
	}
	return w.Flush()
}

func dash(i id.ID) string {
	if i.IsZero() {
		return "-"
	}
	return i.String()
}

func auditExport(env Env, f *flags) *cobra.Command {
	var times auditTimes
	cmd := &cobra.Command{
		Use: "export", Short: "Print rows and the blocks that seal them as JSON lines, oldest first", Args: exactly(0),
		Long: "Print rows and the blocks that seal them as JSON lines, oldest first. What is printed can be verified without the database:\n" +
			"`switchboard audit verify --file`. Rows of other organizations and times show by their hash alone.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := times.filter(time.Now())
			if err != nil {
				return err
			}
			return f.admin(env, cmd, func(a *app.Admin) error {
				print := jsonLines(env)
				return a.ExportAudit(cmd.Context(), times.of, filter, func(l audit.Line) error { return print(l) })
			})
		},
	}
	times.flags(cmd, "name or id of one organization (default: all, and the installation)")
	return cmd
}

func auditHead(env Env, f *flags, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "head", Short: "Print the end of the chain, to be kept elsewhere", Args: exactly(0),
		Long: "Print the end of the chain as <place>:<hash>. Kept where whoever changes the database cannot change it, it shows later that\n" +
			"nothing before it was changed or cut off: `switchboard audit verify --head`.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				m, err := a.Audit.Head(cmd.Context())
				if err != nil {
					return err
				}
				if *asJSON {
					return printJSON(env, map[string]any{"place": m.Place, "hash": m.Hash, "head": m.String()})
				}
				fmt.Fprintln(env.Stdout, m)
				return nil
			})
		},
	}
}
