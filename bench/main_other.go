//go:build !linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/eddyline/eddyline/bench/internal/harness"
)

func main() {
	_, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(harness.Usage)
	}
	fmt.Fprintln(os.Stderr, "bench: the floor is an epoll loop and the figures come from /proc: this comparison needs Linux")
	os.Exit(harness.Failed)
}
