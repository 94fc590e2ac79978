package harness

// InTurn calls measure with every row in every round. Each round begins with
// another row, so that none has the same neighbour in time throughout.
func InTurn[R any](rows []R, rounds int, measure func(row *R)) {
	for round := range rounds {
		for i := range rows {
			measure(&rows[(i+round)%len(rows)])
		}
	}
}
