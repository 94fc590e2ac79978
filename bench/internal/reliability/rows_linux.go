package reliability

// All rows.

import "slices"

// Rows returns the table in its order.
func Rows() []Row { return append(ownWordRows(), wordRows...) }

// ownWordRows are all but the row that is about them on another word size.
func ownWordRows() []Row {
	return slices.Concat(limitRows, callRows, dialRows, resetRows, endRows, networkRows, timeRows, callbackRows, loadRows, processRows)
}
