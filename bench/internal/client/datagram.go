package client

// Datagrams: which is which, what is in them, and which are on their way.

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	stamp       = 8     // bytes at the beginning of a datagram, which tell it from all others
	maxDatagram = 65507 // bytes that UDP over IPv4 can carry
	numberBits  = 40    // of a stamp; the others are the number of the connection
)

// fillDatagram makes p number n of connection index: its stamp, and a piece of the
// pattern that depends on the stamp.
func fillDatagram(p []byte, index int, n uint64) {
	id := uint64(index)<<numberBits | n
	binary.BigEndian.PutUint64(p, id)
	copy(p[stamp:], datagramBody(id, len(p)))
}

// datagramBody is what follows the stamp.
func datagramBody(id uint64, size int) []byte {
	return echoed.piece(int(id%echoPeriod), size-stamp)
}

// readDatagram checks what connection index received, which should have size
// bytes, and returns its number.
func readDatagram(p []byte, index, size int) (n uint64, err error) {
	if len(p) != size {
		return 0, fmt.Errorf("a datagram of %d bytes came back with %d", size, len(p))
	}
	id := binary.BigEndian.Uint64(p)
	n = id & (1<<numberBits - 1)
	if from := id >> numberBits; from != uint64(index) {
		return 0, fmt.Errorf("a datagram came that says it is number %d of %s", n, name(int(from)))
	}
	got, want := p[stamp:], datagramBody(id, size)
	if bytes.Equal(got, want) {
		return n, nil
	}
	i := 0
	for got[i] == want[i] {
		i++
	}
	return 0, fmt.Errorf("datagram %d: byte %d of %d is wrong: want %#02x, got %#02x", n, stamp+i, size, want[i], got[i])
}

// flights are one connection's datagrams. Each has a number of its own, also one
// that carries again what was lost: number n flies in place n modulo the number of
// places, so that a reply finds its place.
type flights struct {
	places  []flight
	missing map[uint64]bool // given up; they may still come
	n       int             // datagrams on their way
}

// flight is the place of one datagram.
type flight struct {
	number uint64 // of the datagram under way, or of the next one
	due    int64  // when its message became due
	sent   int64  // when it left
	flying bool
}

func newFlights(places int) flights {
	f := flights{places: make([]flight, places)}
	for i := range f.places {
		f.places[i].number = uint64(i)
	}
	return f
}

// leave sends a datagram off from a free place, at the moment now for a message
// that became due at the moment due, and returns its number.
func (f *flights) leave(p *flight, due, now int64) (number uint64) {
	p.due, p.sent, p.flying = due, now, true
	f.n++
	return p.number
}

// land takes the reply to number n and returns its place, which is free now, if
// the reply was waited for. It was not if its datagram had been given up.
func (f *flights) land(n uint64) (p *flight, awaited bool, err error) {
	p = &f.places[n%uint64(len(f.places))]
	if p.flying && p.number == n {
		f.free(p)
		return p, true, nil
	}
	if f.missing[n] {
		delete(f.missing, n)
		return p, false, nil
	}
	return p, false, fmt.Errorf("datagram %d came back twice, or was never sent", n)
}

// giveUp frees the place of a datagram that has not come back.
func (f *flights) giveUp(p *flight) {
	if f.missing == nil {
		f.missing = map[uint64]bool{}
	}
	f.missing[p.number] = true
	f.free(p)
}

func (f *flights) free(p *flight) {
	p.flying = false
	p.number += uint64(len(f.places))
	f.n--
}
