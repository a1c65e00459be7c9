package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

// asJSONFlag gives a command and those below it the flag --json, which every command has that prints records: its output is
// then for programs.
func asJSONFlag(cmd *cobra.Command) *bool {
	return cmd.PersistentFlags().Bool("json", false, "print JSON")
}

// printJSON prints one record or document, for programs and readable.
func printJSON(env Env, v any) error {
	enc := json.NewEncoder(env.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// jsonLines returns a function that prints records one a line, for lists that may be of any length.
func jsonLines(env Env) func(record any) error {
	enc := json.NewEncoder(env.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode
}

// printLines prints a list as jsonLines does.
func printLines[T any](env Env, records []T) error {
	line := jsonLines(env)
	for _, r := range records {
		if err := line(r); err != nil {
			return err
		}
	}
	return nil
}

// said prints what was done, for a program or for a person.
func said(env Env, asJSON bool, record any, format string, args ...any) error {
	if asJSON {
		return printJSON(env, record)
	}
	fmt.Fprintf(env.Stdout, format+"\n", args...)
	return nil
}
