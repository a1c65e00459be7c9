package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"switchboard/internal/errs"
)

// The exit codes, for scripts.
const (
	ExitFailed   = 1 // anything that is not below
	ExitUsage    = 2 // the command line is wrong
	ExitMissing  = 3 // what was named is not there
	ExitInvalid  = 4 // a value is not acceptable
	ExitConflict = 5 // it would collide with what there is, or a name is ambiguous
)

// usageError is one of the command line itself.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitCode is what a process ends with after an error; 0 for none.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, usage := errors.AsType[usageError](err); usage {
		return ExitUsage
	}
	if _, ours := errors.AsType[*errs.Error](err); !ours {
		return ExitFailed
	}
	switch errs.KindOf(err) {
	case errs.NotFound:
		return ExitMissing
	case errs.Invalid:
		return ExitInvalid
	case errs.Conflict:
		return ExitConflict
	default:
		return ExitFailed
	}
}

// exactly asks for n arguments, and atLeast for n or more.
func exactly(n int) cobra.PositionalArgs { return usage(cobra.ExactArgs(n)) }
func atLeast(n int) cobra.PositionalArgs { return usage(cobra.MinimumNArgs(n)) }

func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}
