//go:build !faultinject

package sys

// fault is the place where a test build makes a call fail; here it is a
// constant that the compiler removes.
func fault(Call) Errno { return 0 }
