//go:build linux && (faultinject || simkernel)

package poller

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// Hazard 7: with 0, 1, 2 and so on descriptors left New fails until there are enough. What
// it made before is closed: the next New comes as far, and fails by the same call.
func TestNewWithFewDescriptors(t *testing.T) {
	for left := 0; ; left++ {
		remove := sys.InjectRules(sys.Rules{Exhaust: left + 1})
		p, err := New()
		if err == nil {
			must(t, p.Close())
			p, again := New()
			remove()
			must(t, again)
			must(t, p.Close())
			if left == 0 {
				t.Fatal("it needs no descriptor")
			}
			return
		}
		wantError(t, err, "new", -1, sys.EMFILE)
		_, again := New()
		remove()
		if again == nil || again.Error() != err.Error() {
			t.Fatalf("with %d left: %v, and then %v", left, err, again)
		}
	}
}
