package harness

// What a command asks of the machine before it measures.

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/machine"
)

// Files returns how many descriptors a process may have.
func Files() (int, error) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	return int(min(files.Max, 1<<30)), nil
}

// Nice returns the priority to measure with when nice is wanted: a high one is for
// root only.
func Nice(nice int) int {
	if os.Geteuid() != 0 {
		return max(0, nice)
	}
	return nice
}

// Enter waits until no other measurement runs on this machine, as machine.Alone
// does, and gives this process the priority that its children will have. leave
// takes both back.
func Enter(ctx context.Context, nice int, waiting func()) (leave func() error, err error) {
	release, err := machine.Alone(ctx, waiting)
	if err != nil {
		return nil, err
	}
	restore, err := child.Favour(nice)
	if err != nil {
		return nil, errors.Join(err, restore(), release())
	}
	return func() error { return errors.Join(restore(), release()) }, nil
}
