//go:build !darwin

package sys

// NoSIGPIPE has nothing to do here: every send says by a flag that it raises no
// SIGPIPE.
func NoSIGPIPE(int) Errno { return 0 }
