package machine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Alone makes sure that only one measurement runs on the machine: two would
// measure each other. If there is another one, it calls waiting once and then
// waits for it, or for the end of ctx. The lock ends with the process; release
// ends it earlier.
func Alone(ctx context.Context, waiting func()) (release func() error, err error) {
	return alone(ctx, filepath.Join(os.TempDir(), "eddyline-bench.lock"), waiting)
}

func alone(ctx context.Context, file string, waiting func()) (release func() error, err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	for told := false; ; {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f.Close, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, &os.PathError{Op: "flock", Path: file, Err: err}
		}
		if !told {
			told = true
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
