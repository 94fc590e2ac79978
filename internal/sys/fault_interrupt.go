//go:build faultinject && !(linux && simkernel)

package sys

// What a test build of the real kernel has, and the model has not.

// seam tells that this build has one, see fault_off.go.
const seam = true

// interrupted tells whether a signal interrupts a try of a call. The model of the kernel
// has no tries.
func interrupted() bool {
	d := injected.Load()
	if d == nil || !(*d).interrupted() {
		return false
	}
	(*d).note(Fault{Kind: Interrupted})
	return true
}
