//go:build !plan9 && !wasip1

package sys

import "syscall"

// EHOSTDOWN is one of the network errors that accept(2) reports.
const EHOSTDOWN = syscall.EHOSTDOWN
