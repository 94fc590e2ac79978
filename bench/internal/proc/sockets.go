package proc

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// Socket is one of /proc/net/tcp.
type Socket struct {
	Local, Peer netip.AddrPort
	State       State
	Unsent      int // bytes that the peer has not acknowledged; anything before there is a connection
	Unread      int // bytes that the process has not received
	Inode       string
}

// State is a state of TCP, see tcp_states.h of Linux.
type State uint8

// Those that something waits for.
const (
	Established State = 1
	CloseWait   State = 8 // the peer's FIN has come
)

// Sockets reads /proc/net/tcp, whose first line is a heading.
func Sockets(text []byte) (all []Socket, err error) {
	heading := true
	for line := range strings.Lines(string(text)) {
		if heading {
			heading = false
			continue
		}
		s, ok := readSocket(strings.Fields(line))
		if !ok {
			return nil, fmt.Errorf("%q is no socket", line)
		}
		all = append(all, s)
	}
	return all, nil
}

func readSocket(fields []string) (s Socket, ok bool) {
	if len(fields) < 10 {
		return s, false
	}
	unsent, unread, _ := strings.Cut(fields[4], ":")
	local, ok1 := readAddr(fields[1])
	peer, ok2 := readAddr(fields[2])
	state, ok3 := readHex(fields[3], 8)
	sending, ok4 := readHex(unsent, 32)
	receiving, ok5 := readHex(unread, 32)
	_, err := Count(fields[9], 1)
	// Of what is unsent the kernel subtracts counters that move meanwhile: it may be below 0.
	s = Socket{local, peer, State(state), max(0, int(int32(sending))), int(receiving), fields[9]}
	return s, ok1 && ok2 && ok3 && ok4 && ok5 && err == nil && receiving <= math.MaxInt32
}

// readAddr reads an address, which is printed as a word of this machine.
func readAddr(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	word, ok1 := readHex(host, 32)
	number, ok2 := readHex(port, 16)
	var ip [4]byte
	binary.NativeEndian.PutUint32(ip[:], uint32(word))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), uint16(number)), ok1 && ok2
}

// readHex reads a number of so many bits, all of whose digits are printed.
func readHex(text string, bits int) (uint64, bool) {
	n, err := strconv.ParseUint(text, 16, bits)
	return n, err == nil && len(text) == bits/4
}
