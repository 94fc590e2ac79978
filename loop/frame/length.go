package frame

// Frames with their length in a field of fixed size.

import "fmt"

const (
	defaultSize = 4
	maxSize     = 8
	// maxHeader bounds the configured numbers, far from where sums overflow.
	maxHeader = 1 << 24
	// maxValue is likewise the largest value of a field that is calculated with.
	maxValue = 1 << 62
)

// Length describes frames that begin with a header in which an unsigned number
// tells the length. The zero Length is four bytes, big-endian, that count what
// follows them, which is the frame. Some others:
//
//	Length{Size: 2, LittleEndian: true}               two bytes, little-endian
//	Length{Adjust: -4}                                the length counts its own four bytes too
//	Length{Offset: 1, Whole: true}                    a byte of type before the length, to be seen as well
//	Length{Size: 3, Adjust: 6, Whole: true}           HTTP/2: six more bytes of header behind the length
//
// A Length whose numbers make no sense reports os.ErrInvalid when it is used.
type Length struct {
	Offset       int  // bytes of header in front of the field
	Size         int  // bytes of the field, 1 to 8; default: 4
	LittleEndian bool // the field's byte order; default: big-endian
	// Adjust is added to the field's number to give how many bytes follow the
	// field. It is negative where the number counts the header as well, positive
	// where it does not count all that follows.
	Adjust int
	// Whole makes the header a part of the frame. By default, the frame is what
	// follows the field.
	Whole bool
	Max   int // longest frame in bytes, with the header if Whole; default: DefaultMax
}

// Split is a [Split].
func (l Length) Split(in []byte, _ int, _ bool) (n int, frame []byte, err error) {
	start, head, err := l.field()
	if err != nil || len(in) < head {
		return 0, nil, err
	}
	follow, err := l.follow(l.number(in[start:head]), head)
	if err != nil || len(in)-head < follow {
		return 0, nil, err
	}
	n = head + follow
	if l.Whole {
		return n, in[:n], nil
	}
	return n, in[head:n], nil
}

// Append appends frame to dst as Split takes it apart: with a header in front whose
// bytes before the field are zero, or, if Whole, with the field of its own header
// set. Errors: ErrTooLong, ErrLength if it is shorter than its header or what Adjust
// adds; dst is then returned as it was.
func (l Length) Append(dst, frame []byte) ([]byte, error) {
	if !l.Whole {
		all, err := l.AppendHeader(dst, len(frame))
		if err != nil {
			return dst, err
		}
		return append(all, frame...), nil
	}
	start, head, err := l.field()
	if err != nil {
		return dst, err
	}
	if len(frame) < head {
		return dst, fmt.Errorf("%w: %d bytes with a header of %d", ErrLength, len(frame), head)
	}
	number, err := l.numberFor(len(frame)-head, head)
	if err != nil {
		return dst, err
	}
	at := len(dst)
	dst = append(dst, frame...)
	l.put(dst[at+start:at+head], number)
	return dst, nil
}

// AppendHeader appends the header of a frame of which n bytes follow the field, for
// a frame that is too long to be copied: write both with [loop.Conn.Writev]. Bytes
// in front of the field are zero. Errors are those of Append.
func (l Length) AppendHeader(dst []byte, n int) ([]byte, error) {
	start, head, err := l.field()
	if err != nil {
		return dst, err
	}
	if n < 0 {
		return dst, fmt.Errorf("%w: %d bytes", ErrLength, n)
	}
	number, err := l.numberFor(n, head)
	if err != nil {
		return dst, err
	}
	at := len(dst)
	for range head {
		dst = append(dst, 0)
	}
	l.put(dst[at+start:], number)
	return dst, nil
}

// field returns where the field begins and ends.
func (l *Length) field() (start, end int, err error) {
	size := l.Size
	if size == 0 {
		size = defaultSize
	}
	if size < 0 || size > maxSize {
		return 0, 0, invalid("Size", l.Size)
	}
	if l.Offset < 0 || l.Offset > maxHeader {
		return 0, 0, invalid("Offset", l.Offset)
	}
	if l.Adjust < -maxHeader || l.Adjust > maxHeader {
		return 0, 0, invalid("Adjust", l.Adjust)
	}
	return l.Offset, l.Offset + size, nil
}

// follow returns how many bytes follow a field that ends at head and says number.
func (l *Length) follow(number uint64, head int) (int, error) {
	if number > maxValue {
		return 0, tooLong(number, limit(l.Max))
	}
	follow := int64(number) + int64(l.Adjust)
	if follow < 0 {
		return 0, fmt.Errorf("%w: the field says %d, of which %d are its own", ErrLength, number, -l.Adjust)
	}
	if err := l.check(follow, head); err != nil {
		return 0, err
	}
	return int(follow), nil
}

// numberFor is what the field says if n bytes follow it, which ends at head.
func (l *Length) numberFor(n, head int) (uint64, error) {
	if err := l.check(int64(n), head); err != nil {
		return 0, err
	}
	number := int64(n) - int64(l.Adjust)
	if number < 0 {
		return 0, fmt.Errorf("%w: %d bytes, at least %d follow a field", ErrLength, n, l.Adjust)
	}
	if size := head - l.Offset; uint64(number)>>(8*size) != 0 {
		return 0, fmt.Errorf("%w: a field of %d bytes cannot say %d", ErrTooLong, size, number)
	}
	return uint64(number), nil
}

// check holds a frame of which follow bytes come behind the field to Max.
func (l *Length) check(follow int64, head int) error {
	length := follow
	if l.Whole {
		length += int64(head)
	}
	if most := limit(l.Max); length > int64(most) {
		return tooLong(length, most)
	}
	return nil
}

func (l *Length) number(field []byte) (v uint64) {
	if l.LittleEndian {
		for i, b := range field {
			v |= uint64(b) << (8 * i)
		}
		return v
	}
	for _, b := range field {
		v = v<<8 | uint64(b)
	}
	return v
}

func (l *Length) put(field []byte, v uint64) {
	for i := range field {
		at := i
		if !l.LittleEndian {
			at = len(field) - 1 - i
		}
		field[at] = byte(v >> (8 * i))
	}
}
