package frame

// Frames with their length in front as a number of variable size.

import (
	"encoding/binary"
	"fmt"
)

// Varint describes frames with their length in front as an unsigned varint of
// [encoding/binary], as delimited protocol buffers have it. The frame is what
// follows the number.
type Varint struct {
	Max int // longest frame in bytes; default: DefaultMax
}

// Split is a [Split].
func (v Varint) Split(in []byte, _ int, _ bool) (n int, frame []byte, err error) {
	length, head := binary.Uvarint(in)
	if head == 0 {
		return 0, nil, nil
	}
	if head < 0 {
		return 0, nil, fmt.Errorf("%w: a varint of more than 64 bits", ErrLength)
	}
	if err := v.check(length); err != nil || uint64(len(in)-head) < length {
		return 0, nil, err
	}
	n = head + int(length)
	return n, in[head:n], nil
}

// Append appends frame with its length in front to dst. The error is ErrTooLong;
// dst is then returned as it was.
func (v Varint) Append(dst, frame []byte) ([]byte, error) {
	all, err := v.AppendHeader(dst, len(frame))
	if err != nil {
		return dst, err
	}
	return append(all, frame...), nil
}

// AppendHeader appends the number for a frame of n bytes that is too long to be
// copied: write both with [loop.Conn.Writev]. Errors are those of Append, and
// ErrLength for a negative n.
func (v Varint) AppendHeader(dst []byte, n int) ([]byte, error) {
	if n < 0 {
		return dst, fmt.Errorf("%w: %d bytes", ErrLength, n)
	}
	if err := v.check(uint64(n)); err != nil {
		return dst, err
	}
	return binary.AppendUvarint(dst, uint64(n)), nil
}

func (v Varint) check(length uint64) error {
	// No length passes a negative Max.
	if most := limit(v.Max); most < 0 || length > uint64(most) {
		return tooLong(length, most)
	}
	return nil
}
