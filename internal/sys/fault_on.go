//go:build faultinject

package sys

import "sync/atomic"

// injected is the hook of a test build, nil when none is set.
var injected atomic.Pointer[func(Call) Errno]

// Inject makes every call of this package ask hook first and fail with what it
// returns, unless that is 0. The hook may be called from several goroutines at
// once. It stays until the returned function is called; hooks do not nest.
func Inject(hook func(Call) Errno) (remove func()) {
	if !injected.CompareAndSwap(nil, &hook) {
		panic("sys: a fault hook is already set")
	}
	return func() { injected.CompareAndSwap(&hook, nil) }
}

func fault(c Call) Errno {
	hook := injected.Load()
	if hook == nil {
		return 0
	}
	return (*hook)(c)
}
