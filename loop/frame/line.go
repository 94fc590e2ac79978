package frame

// Lines of text.

import "bytes"

// Line describes lines that end with a newline, or with a carriage return and a
// newline; neither is a part of the frame. A lone carriage return is. A last line
// without a newline is no frame: it may have been cut off. See [Rest].
type Line struct {
	CRLF bool // makes Append end lines with a carriage return and a newline; Split takes both
	Max  int  // longest line in bytes, without its end; default: DefaultMax
}

// Split is a [Split].
func (l Line) Split(in []byte, seen int, eof bool) (n int, frame []byte, err error) {
	most := limit(l.Max)
	i := bytes.IndexByte(in[seen:], '\n')
	if i < 0 {
		return 0, nil, unfinished(in, most, 1, eof)
	}
	end := seen + i
	n = end + 1
	if end > 0 && in[end-1] == '\r' {
		end--
	}
	if end > most {
		return 0, nil, tooLong(end, most)
	}
	return n, in[:end], nil
}

// Append appends frame and the end of a line to dst. Errors: ErrTooLong, ErrDelimiter
// for a frame with a newline in it, or with a carriage return at the end that the
// receiver would take for a part of the line's; dst is then returned as it was.
func (l Line) Append(dst, frame []byte) ([]byte, error) {
	if most := limit(l.Max); len(frame) > most {
		return dst, tooLong(len(frame), most)
	}
	if bytes.IndexByte(frame, '\n') >= 0 || !l.CRLF && bytes.HasSuffix(frame, []byte("\r")) {
		return dst, ErrDelimiter
	}
	dst = append(dst, frame...)
	if l.CRLF {
		dst = append(dst, '\r')
	}
	return append(dst, '\n'), nil
}
