// Command switchboard is the communications server and its administration.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // schedules need zones on machines that have none

	"switchboard/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := cli.New(cli.Env{Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}).ExecuteContext(ctx)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "switchboard:", err)
		os.Exit(cli.ExitCode(err))
	}
}
