package sys

import "syscall"

// RawConn is syscall.RawConn, so that the packages above need not import syscall.
type RawConn = syscall.RawConn
