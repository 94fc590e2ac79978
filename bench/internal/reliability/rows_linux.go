package reliability

// All rows.

import "slices"

// Rows returns the table in its order.
func Rows() []Row {
	return slices.Concat(limitRows, callRows, resetRows, endRows, networkRows, timeRows, callbackRows, loadRows, processRows, wordRows)
}
