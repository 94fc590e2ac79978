package poller

import "testing"

// Hazard 43: a wait that does not block cannot be preempted, so however long the
// caller's slice is, it asks the kernel for a bounded number of events.
func TestAWaitTakesABoundedBatch(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Wait(make([]Event, 4*maxBatch), 0); err != nil {
		t.Fatal(err)
	}
	if n := len(p.backend.list); n > maxBatch {
		t.Errorf("%d events are asked for", n)
	}
}
