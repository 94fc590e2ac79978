//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package poller

import (
	"errors"
	"testing"
)

// Where there is neither epoll nor kqueue, the constructor says so.
func TestNewIsUnsupported(t *testing.T) {
	if p, err := New(); p != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("New: %v, %v; want errors.ErrUnsupported", p, err)
	}
}
