//go:build simkernel

package poller

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// descriptors counts those that the model has open.
func descriptors(testing.TB) int { return sys.SimOpened() }
