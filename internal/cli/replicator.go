package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/id"
	"switchboard/internal/replication"
)

// replicatorLine is a replicator as commands print it.
type replicatorLine struct {
	ID             id.ID              `json:"id"`
	OrganizationID id.ID              `json:"organization_id"`
	Name           string             `json:"name"`
	Kind           string             `json:"kind"`
	LastPollAt     *time.Time         `json:"last_poll_at"`
	Polling        bool               `json:"polling"`
	Report         replication.Report `json:"report"`
}

func replicatorCommand(env Env, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "replicator", Short: "List replicators and poll other systems",
		Long: "List the replicators of the configuration, and poll now. It works beside a running server: a replicator is polled by one\n" +
			"process at a time.",
	}
	asJSON := asJSONFlag(cmd)
	cmd.AddCommand(replicatorList(env, f, asJSON), replicatorPoll(env, f, asJSON))
	return cmd
}

func replicatorList(env Env, f *flags, asJSON *bool) *cobra.Command {
	var organization string
	cmd := &cobra.Command{
		Use: "list", Short: "List replicators with what came of their last polls", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				all, err := a.Replicators(cmd.Context(), organization)
				if err != nil {
					return err
				}
				lines := make([]replicatorLine, len(all))
				for i, r := range all {
					lines[i] = replicatorLine{r.ID, r.OrganizationID, r.Name, r.Kind, instant(r.LastPollAt), r.State.Running, r.State.Report}
				}
				if *asJSON {
					return printLines(env, lines)
				}
				return printReplicators(env, lines)
			})
		},
	}
	cmd.Flags().StringVar(&organization, "organization", "", "name or id of one organization (default: all)")
	return cmd
}

func printReplicators(env Env, lines []replicatorLine) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tLAST POLL\tREAD\tCONFLICTS\tERRORS\tSTATE")
	for _, r := range lines {
		last, state := "never", "idle"
		if r.LastPollAt != nil {
			last = r.LastPollAt.Format(time.RFC3339)
		}
		switch {
		case r.Polling:
			state = "polling"
		case r.Report.Error != "":
			state = r.Report.Error
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", r.Name, r.Kind, last, r.Report.Read, r.Report.Conflicts, r.Report.Errors, state)
	}
	return w.Flush()
}

func replicatorPoll(env Env, f *flags, asJSON *bool) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "poll NAME", Short: "Read the feed of a replicator now, and print what came of it", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.admin(env, cmd, func(a *app.Admin) error {
				report, err := a.Poll(cmd.Context(), args[0], dry)
				if err != nil {
					return err
				}
				if *asJSON {
					err = printJSON(env, report)
				} else {
					printReport(env, report)
				}
				if err == nil && report.Error != "" {
					err = fmt.Errorf("the feed was not read to its end: %s", report.Error)
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "store nothing; say what would be done")
	return cmd
}

func printReport(env Env, r replication.Report) {
	fmt.Fprintf(env.Stdout, "read %d: created %d, adopted %d, updated %d, unchanged %d, tombstoned %d, conflicts %d, errors %d\n",
		r.Read, r.Created, r.Adopted, r.Updated, r.Unchanged, r.Tombstoned, r.Conflicts, r.Errors)
	for _, p := range r.Problems {
		at := fmt.Sprintf("line %d ", p.Line)
		if p.Line == 0 { // of a server
			at = ""
		}
		fmt.Fprintf(env.Stdout, "%s(%s) %s: %s\n", at, p.ExternalID, p.Field, p.Message)
	}
}
