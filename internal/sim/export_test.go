package sim

// Unread is how many bytes wait at a socket, as FIONREAD tells.
func (k *Kernel) Unread(fd int) int {
	s, e := k.socket(fd)
	if e != 0 {
		return 0
	}
	return s.in.len()
}
