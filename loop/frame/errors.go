package frame

// The errors that can be matched with errors.Is, and the limit behind the first.

import (
	"errors"
	"fmt"
	"os"
)

// DefaultMax is the longest frame, in bytes, where no Max is set.
const DefaultMax = 64 << 10

var (
	// ErrTooLong is a frame longer than its Max, or, on the way out, longer than
	// its length field can tell. It is found as soon as it is certain, with a length
	// in front long before the frame is there.
	ErrTooLong = errors.New("frame: too long")
	// ErrLength is a length that no frame can have: below what it counts itself,
	// more than 64 bits, or not the fixed one.
	ErrLength = errors.New("frame: impossible length")
	// ErrDelimiter is returned for a frame to be sent that contains its own
	// delimiter: the receiver would take it for several.
	ErrDelimiter = errors.New("frame: the delimiter is inside the frame")
)

// limit is what a Max means.
func limit(most int) int {
	if most == 0 {
		return DefaultMax
	}
	return most
}

func tooLong[T int | int64 | uint64](length T, most int) error {
	return fmt.Errorf("%w: %d bytes, %d are allowed", ErrTooLong, length, most)
}

func invalid(what string, value any) error {
	return fmt.Errorf("frame: %s %v: %w", what, value, os.ErrInvalid)
}
