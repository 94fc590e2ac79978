package frame

// Frames that end with a delimiter.

import (
	"bytes"
	"fmt"
)

// Delimiter describes frames that end with certain bytes, which are no part of
// them. It takes the first that it finds.
type Delimiter struct {
	End []byte // at least one; not to be changed while in use
	Max int    // longest frame in bytes, without End; default: DefaultMax
}

// Split is a [Split].
func (d Delimiter) Split(in []byte, seen int, eof bool) (n int, frame []byte, err error) {
	if len(d.End) == 0 {
		return 0, nil, invalid("End", d.End)
	}
	// What was seen may end with the beginning of a delimiter.
	from := max(0, seen-len(d.End)+1)
	most := limit(d.Max)
	i := bytes.Index(in[from:], d.End)
	if i < 0 {
		return 0, nil, unfinished(in, most, len(d.End)-1, eof)
	}
	i += from
	if i > most {
		return 0, nil, tooLong(i, most)
	}
	return i + len(d.End), in[:i], nil
}

// Append appends frame and the delimiter to dst. Errors: ErrTooLong, ErrDelimiter;
// dst is then returned as it was.
func (d Delimiter) Append(dst, frame []byte) ([]byte, error) {
	if len(d.End) == 0 {
		return dst, invalid("End", d.End)
	}
	if most := limit(d.Max); len(frame) > most {
		return dst, tooLong(len(frame), most)
	}
	all := append(append(dst, frame...), d.End...)
	// Looked for in what the receiver will see: an early one may be made of the
	// end of the frame and a part of the delimiter.
	if bytes.Index(all[len(dst):], d.End) < len(frame) {
		return dst, ErrDelimiter
	}
	return all, nil
}

// unfinished tells whether in, in which there is no delimiter, is too long a frame
// already, whatever its last bytes turn out to be, of which open may be a part of
// the delimiter unless the input has ended.
func unfinished(in []byte, most, open int, eof bool) error {
	if eof {
		open = 0
	}
	if length := len(in) - open; length > most {
		return fmt.Errorf("%w: %d bytes without an end, %d are allowed", ErrTooLong, length, most)
	}
	return nil
}
