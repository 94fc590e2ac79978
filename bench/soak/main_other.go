//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "soak: what the server holds is read from /proc: this run needs Linux")
	os.Exit(1)
}
