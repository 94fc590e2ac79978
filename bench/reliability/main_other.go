//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "reliability: the faults are made with namespaces, strace and /proc: this table needs Linux")
	os.Exit(1)
}
