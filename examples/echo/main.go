// Echo sends back whatever it receives.
//
// It is the place to start reading: the server is all in echo.go, and the
// protocol in it is one line. The other files belong to -demo, which proves the
// engine on ten thousand connections: demo.go is the process with the server,
// client.go the one with the connections, pipe.go is how they talk, pad.go what
// is sent and how every byte that comes back is checked, report.go the outcome.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:])) }

// run is the program: it returns the exit status.
func run(args []string) int {
	if len(args) == 1 && args[0] == clientArgument {
		return status(runClient(os.Stdin, os.Stdout), options{})
	}
	opts, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(os.Stdout, help)
		return exitOK
	case err != nil:
		fmt.Fprintf(os.Stderr, "echo: %v\necho -h shows what there is, with examples.\n", err)
		return exitUsage
	}

	ctx := untilInterrupted()
	if opts.demo {
		return status(runDemo(ctx, opts, os.Stdout), opts)
	}
	return status(serve(ctx, opts, os.Stdout), opts)
}

// untilInterrupted returns a context that the first interrupt or SIGTERM ends. The
// second one ends the process at once, also one that was started with interrupts
// ignored, as a shell does in the background.
func untilInterrupted() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		fmt.Fprintln(os.Stderr, "echo: interrupted again, without waiting for the connections")
		os.Exit(exitFailed)
	}()
	return ctx
}

// status says what went wrong, if anything did, and returns the exit status.
func status(err error, o options) int {
	if err != nil {
		fmt.Fprintf(os.Stderr, "echo: %v\n", explain(err, o))
		return exitFailed
	}
	return exitOK
}
