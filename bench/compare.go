package main

// What has changed since an earlier run.

import (
	"io"

	"github.com/eddyline/eddyline/bench/internal/compare"
	"github.com/eddyline/eddyline/bench/internal/results"
)

// tellChanges prints what changed beyond noise from old to new and reports
// whether something became worse.
func tellChanges(w io.Writer, old, new *results.Document) (regressed bool, err error) {
	changes, err := compare.Documents(old, new)
	if err != nil {
		return false, err
	}
	compare.Print(w, changes)
	return compare.Regressed(changes), nil
}
