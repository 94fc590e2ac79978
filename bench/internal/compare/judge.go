package compare

// Which of the changes are regressions.

import (
	"cmp"
	"slices"
)

// judge finds the regressions among all that is judged. Of many comparisons some
// differ by chance: Holm's method has the least probability be small enough for
// all of them, the next one for all but one, and so on.
func judge(changes []Change) {
	var judged []*Change
	for i := range changes {
		if changes[i].Judged {
			judged = append(judged, &changes[i])
		}
	}
	slices.SortStableFunc(judged, func(a, b *Change) int { return cmp.Compare(a.worse, b.worse) })
	corrected := 0.0
	for i, c := range judged {
		corrected = max(corrected, min(1, c.worse*float64(len(judged)-i)))
		c.Corrected = corrected
		certain := corrected < Alpha
		c.Regression = certain && c.loss() > Effect
		c.Undecided = !certain && !decidable(c.Old.N, c.New.N, len(judged))
	}
}

// loss returns by how much percent the new is worse, less than 0 if it is better.
func (c Change) loss() float64 { return -float64(c.Metric.Better) * c.Percent }

// decidable reports whether so many rounds on each side can tell anything among so
// many comparisons.
func decidable(old, new, comparisons int) bool {
	return leastP(old, new)*float64(comparisons) < Alpha
}

// roundsFor returns how many rounds on each side can tell something among so many
// comparisons.
func roundsFor(comparisons int) int {
	n := 1
	for !decidable(n, n, comparisons) {
		n++
	}
	return n
}
