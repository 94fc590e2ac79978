// Package harness is what the commands that measure have in common.
package harness

// The exit statuses.
const (
	Failed      = 1
	Usage       = 2
	Interrupted = 130
)

// Environment is the same for every server. One core needs one processor of the
// scheduler; the floor was no cheaper with more.
var Environment = []string{"GOMAXPROCS=1", "GOGC=100", "GOMEMLIMIT=off", "GODEBUG="}
