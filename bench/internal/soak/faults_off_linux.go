//go:build !faultinject

package soak

import "errors"

func inject(uint64) (mend func(), err error) {
	return nil, errors.New("calls cannot fail: the server was built without -tags faultinject")
}

func injected() []Count { return nil }
