//go:build linux && !simkernel

package sys

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Whatever the kernel leaves in an address is decoded without harm, and what it
// means survives the way back.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{unix.AF_INET, 0, 0, 80, 127, 0, 0, 1}, uint32(16))
	f.Add([]byte{unix.AF_INET6, 0, 0, 80, 0, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0}, uint32(28))
	f.Add([]byte{unix.AF_INET6, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4, 9, 0, 0, 0}, uint32(28))
	f.Add([]byte{unix.AF_UNIX, 0}, uint32(2))
	f.Add([]byte("\x01\x00/run/x.sock\x00rest"), uint32(110))
	f.Add([]byte("\x01\x00\x00abstract\x00name"), uint32(16))
	f.Add([]byte("\x01\x00@file"), uint32(8))
	f.Add([]byte{unix.AF_NETLINK, 0, 1, 2, 3}, uint32(12))
	f.Add([]byte{}, uint32(0))
	f.Add([]byte{unix.AF_UNIX}, uint32(1))
	f.Fuzz(func(t *testing.T, bytes []byte, size uint32) {
		var raw unix.RawSockaddrAny
		room := (*[unsafe.Sizeof(raw)]byte)(unsafe.Pointer(&raw))
		copy(room[:], bytes)
		// The kernel never says more than the room that it was given.
		sa := decode(&raw, size%uint32(len(room)+1))
		if sa.IP.Is4In6() {
			t.Errorf("%v is an IPv4 address in IPv6 form", sa.IP)
		}
		if sa.Unix == sa.IP.IsValid() && sa != (Sockaddr{}) {
			t.Errorf("%+v is of two kinds, or of none", sa)
		}
		var back unix.RawSockaddrAny
		n, e := encode(sa, &back)
		if e != 0 {
			if sa.IP.IsValid() {
				t.Errorf("%+v cannot be encoded: %v", sa, e)
			}
			return // no name, or one that is too long with "./" before it
		}
		if again := decode(&back, uint32(n)); again != sa {
			t.Errorf("%+v came back as %+v", sa, again)
		}
	})
}
