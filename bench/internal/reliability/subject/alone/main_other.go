//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "alone: the fault table needs Linux")
	os.Exit(1)
}
