package frame

// What is left when the input ends.

// Rest returns a Split that finds what split does and, at the end of the input,
// takes what is left for a frame: with Line it is a last line without a newline,
// as [bufio.ScanLines] has it. Leave it out where half a command must not be
// obeyed: a connection that breaks down can end like one that was ended.
func Rest(split Split) Split {
	return func(in []byte, seen int, eof bool) (int, []byte, error) {
		n, frame, err := split(in, seen, eof)
		if n == 0 && err == nil && eof {
			return len(in), in, nil
		}
		return n, frame, err
	}
}
