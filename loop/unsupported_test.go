//go:build !unix

package loop_test

import (
	"errors"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// Where there is no poller, there is no engine, and its constructor says so.
func TestNewIsUnsupported(t *testing.T) {
	if e, err := loop.New(loop.Config{}); e != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("New: %v, %v; want errors.ErrUnsupported", e, err)
	}
}
