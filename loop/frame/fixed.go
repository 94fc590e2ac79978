package frame

// Frames that all have one length.

import "fmt"

// Fixed is the length of frames that all have the same, in bytes, at least 1.
type Fixed int

// Split is a [Split].
func (f Fixed) Split(in []byte, _ int, _ bool) (n int, frame []byte, err error) {
	if f <= 0 {
		return 0, nil, invalid("Fixed", int(f))
	}
	if len(in) < int(f) {
		return 0, nil, nil
	}
	return int(f), in[:f], nil
}

// Append appends frame to dst. The error is ErrLength; dst is then returned as it was.
func (f Fixed) Append(dst, frame []byte) ([]byte, error) {
	if len(frame) != int(f) {
		return dst, fmt.Errorf("%w: %d bytes, all frames have %d", ErrLength, len(frame), int(f))
	}
	return append(dst, frame...), nil
}
