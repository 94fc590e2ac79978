package harness

// What a command does around its work.

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main parses the arguments, runs, and ends the process with the status that run
// returns. An interrupt ends run's context, a second one kills. parse says itself what
// is wrong with the arguments.
func Main[Options any](parse func(args []string, w io.Writer) (Options, error), run func(ctx context.Context, o Options, out io.Writer, stderr *os.File) int) {
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(Usage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	status := run(ctx, o, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
