//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package poller

// Systems with neither epoll nor kqueue: New fails, so nothing else is reached.

import (
	"time"

	"github.com/eddyline/eddyline/internal/descriptor"
	"github.com/eddyline/eddyline/internal/sys"
)

type backend struct{}

var unsupported = failure{"epoll or kqueue", sys.ENOSYS}

func (*backend) open(*descriptor.Descriptor) failure      { return unsupported }
func (*backend) add(int, int, Interest, Token) failure    { return unsupported }
func (*backend) modify(int, int, Interest, Token) failure { return unsupported }
func (*backend) remove(int, int) failure                  { return unsupported }
func (*backend) ring(int) failure                         { return unsupported }
func (*backend) holdBell() bool                           { return false }
func (*backend) releaseBell()                             {}
func (*backend) close()                                   {}
func (*backend) wait(int, []Event, time.Duration) (int, bool, failure) {
	return 0, false, unsupported
}
