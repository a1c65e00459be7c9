package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"switchboard/internal/app"
	"switchboard/internal/audit"
	"switchboard/internal/errs"
)

// auditReport is a verification as it is printed.
type auditReport struct {
	Whole     bool          `json:"whole"`
	Problem   *auditProblem `json:"problem"`
	Rows      int64         `json:"rows"`
	Hidden    int64         `json:"hidden"`
	Blocks    int64         `json:"blocks"`
	Signed    int64         `json:"signed"`
	Purged    int64         `json:"purged"`
	Late      int64         `json:"late"`
	FirstLate int64         `json:"first_late"`
	Waiting   int64         `json:"waiting"`
	Head      string        `json:"head"`
}

type auditProblem struct {
	Fault audit.Fault `json:"fault"`
	Place int64       `json:"place"`
	Block int64       `json:"block"`
	Text  string      `json:"text"`
}

func auditVerify(env Env, f *flags, asJSON *bool) *cobra.Command {
	var (
		heads      []string
		file, keys string
	)
	cmd := &cobra.Command{
		Use: "verify", Short: "Tell whether the audit was changed; fails when it was", Args: exactly(0),
		Long: "Go through the whole chain, compare it with the rows, and name the first place that is not what it was. It fails when there\n" +
			"is one. With --file it verifies an export, without a database.",
		Example: "  switchboard audit verify --head 1234:5f2c…\n  switchboard audit verify --file export.jsonl --keys server-keys.pem",
		RunE: func(cmd *cobra.Command, _ []string) error {
			marks, err := parseMarks(heads)
			if err != nil {
				return err
			}
			trusted, err := readKeys(keys)
			if err != nil {
				return err
			}
			if file != "" {
				report, err := verifyFile(cmd.Context(), cmd.InOrStdin(), file, trusted, marks)
				return printVerified(env, *asJSON, report, err)
			}
			return f.admin(env, cmd, func(a *app.Admin) error {
				service := a.Audit
				if trusted != nil {
					service = service.Trusting(trusted)
				}
				report, err := service.Verify(cmd.Context(), marks...)
				return printVerified(env, *asJSON, report, err)
			})
		},
	}
	cmd.Flags().StringArrayVar(&heads, "head", nil, "a head that was kept elsewhere, which the chain must agree with; repeat for more")
	cmd.Flags().StringVar(&file, "file", "", "verify this export instead of the database; - reads from standard input")
	cmd.Flags().StringVar(&keys, "keys", "", "PEM file of the public keys to trust (default: those in the database; with --file signatures are not looked at)")
	return cmd
}

func parseMarks(heads []string) ([]audit.Mark, error) {
	var out []audit.Mark
	for _, h := range heads {
		m, err := audit.ParseMark(h)
		if err != nil {
			return nil, errs.CodeInvalid.Errorf("--head: %v", err)
		}
		out = append(out, m)
	}
	return out, nil
}

func readKeys(file string) (audit.Keys, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	keys, err := audit.ParseKeys(text)
	if err != nil {
		return nil, errs.CodeInvalid.Errorf("--keys %s: %v", file, err)
	}
	return keys, nil
}

func verifyFile(ctx context.Context, in io.Reader, file string, trusted audit.Keys, marks []audit.Mark) (audit.Report, error) {
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return audit.Report{}, err
		}
		defer opened.Close()
		in = opened
	}
	var signer audit.Signer
	if trusted != nil {
		signer = trusted
	}
	return audit.VerifyExport(ctx, in, signer, marks...)
}

// printVerified prints what was found, and returns the error that the command ends with.
func printVerified(env Env, asJSON bool, r audit.Report, err error) error {
	problem, found := errors.AsType[*audit.Problem](err)
	if err != nil && !found {
		return err
	}
	if asJSON {
		out := auditReport{
			Whole: !found, Rows: r.Rows, Hidden: r.Hidden, Blocks: r.Blocks, Signed: r.Signed, Purged: r.Purged, Late: r.Late,
			FirstLate: r.FirstLate, Waiting: r.Waiting, Head: r.Head.String(),
		}
		if found {
			out.Problem = &auditProblem{problem.Fault, problem.Place, problem.Block, problem.Text}
		}
		return errors.Join(printJSON(env, out), err)
	}
	if found {
		fmt.Fprintf(env.Stdout, "%d rows in %d blocks are what they were, up to the head %s\n", r.Rows, r.Blocks, r.Head)
		return err
	}
	fmt.Fprintf(env.Stdout, "nothing was changed: %d rows in %d blocks, %d of them signed\n", r.Rows, r.Blocks, r.Signed)
	for _, line := range []struct {
		n    int64
		text string
	}{
		{r.Hidden, "rows show by their hash alone"},
		{r.Purged, "rows had their detail taken by a purge that is in the audit"},
		{r.Late, fmt.Sprintf("rows came into the chain more than %s after their time, the first at place %d: no server was running, or somebody put them in", audit.MaxWait, r.FirstLate)},
		{r.Waiting, "rows wait for their place"},
	} {
		if line.n > 0 {
			fmt.Fprintf(env.Stdout, "  %d %s\n", line.n, line.text)
		}
	}
	fmt.Fprintf(env.Stdout, "head %s\n", r.Head)
	return nil
}
