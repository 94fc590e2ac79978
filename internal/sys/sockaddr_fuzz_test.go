//go:build linux && !simkernel

package sys

// Addresses against what the manual pages say of their bytes: ip(7), ipv6(7), unix(7).

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The families by their numbers, and the length of a unix socket's name.
const (
	familyUnix = 1
	familyIPv4 = 2
	familyIPv6 = 10
	sunPath    = 108
)

// modelDecode is the address in the bytes that the kernel said it wrote; those that it
// did not write are zero.
func modelDecode(b []byte) Sockaddr {
	if len(b) < 2 {
		return Sockaddr{}
	}
	family, rest := binary.NativeEndian.Uint16(b), b[2:]
	whole := append(bytes.Clone(rest), make([]byte, 26)...)
	port := uint16(whole[0])<<8 | uint16(whole[1])
	switch family {
	case familyIPv4:
		return Sockaddr{IP: netip.AddrFrom4([4]byte(whole[2:6])), Port: port}
	case familyIPv6: // four bytes of flow information come before the address
		ip := netip.AddrFrom16([16]byte(whole[6:22]))
		scope := binary.NativeEndian.Uint32(whole[22:26])
		if ip.Is4In6() {
			ip = netip.AddrFrom4([4]byte(whole[18:22]))
		} else if scope != 0 {
			ip = ip.WithZone(fmt.Sprint(scope))
		}
		return Sockaddr{IP: ip, Port: port}
	case familyUnix:
		sa := Sockaddr{Unix: true}
		switch file, _, _ := strings.Cut(string(rest), "\x00"); {
		case len(rest) == 0: // it has no name
		case file == "":
			sa.Path = "@" + string(rest[1:])
		case file[0] == '@':
			sa.Path = "./" + file
		default:
			sa.Path = file
		}
		return sa
	}
	return Sockaddr{}
}

// modelEncode is the address in bytes, as the kernel wants it.
func modelEncode(sa Sockaddr) ([]byte, Errno) {
	port := []byte{byte(sa.Port >> 8), byte(sa.Port)}
	family := func(n uint16) []byte { return binary.NativeEndian.AppendUint16(nil, n) }
	switch {
	case sa.Unix && sa.Path == "":
		return nil, EINVAL
	case sa.Unix && sa.Path[0] == '@':
		if len(sa.Path) > sunPath {
			return nil, syscall.ENAMETOOLONG
		}
		return append(family(familyUnix), "\x00"+sa.Path[1:]...), 0
	case sa.Unix:
		if len(sa.Path)+1 > sunPath {
			return nil, syscall.ENAMETOOLONG
		}
		return append(family(familyUnix), sa.Path+"\x00"...), 0
	case sa.IP.Is4():
		return bytes.Join([][]byte{family(familyIPv4), port, sa.IP.AsSlice(), make([]byte, 8)}, nil), 0
	case sa.IP.Is6():
		zone := "0" + sa.IP.Zone()
		scope, err := strconv.ParseInt(zone, 10, 64)
		if strings.Trim(zone, "0123456789") != "" || err != nil || scope > math.MaxUint32 {
			return nil, EINVAL
		}
		flow := make([]byte, 4)
		b := bytes.Join([][]byte{family(familyIPv6), port, flow, sa.IP.AsSlice()}, nil)
		return binary.NativeEndian.AppendUint32(b, uint32(scope)), 0
	}
	return nil, EINVAL
}

// expectEncoded wants sa in bytes to be what the model says.
func expectEncoded(t *testing.T, sa Sockaddr) {
	t.Helper()
	var raw unix.RawSockaddrAny
	room := (*[unsafe.Sizeof(raw)]byte)(unsafe.Pointer(&raw))
	n, e := encode(sa, &raw)
	want, refused := modelEncode(sa)
	if e != refused {
		t.Fatalf("%+v: %v, want %v", sa, e, refused)
	}
	if e == 0 && !bytes.Equal(room[:n], want) {
		t.Errorf("%+v is % x, want % x", sa, room[:n], want)
	}
}

// Whatever the kernel leaves in an address is decoded as the manual says, and what it
// means goes back as it says.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{unix.AF_INET, 0, 0, 80, 127, 0, 0, 1}, uint32(16))
	f.Add([]byte{unix.AF_INET6, 0, 0, 80, 1, 2, 3, 4, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 17, 1, 0, 0}, uint32(28))
	f.Add([]byte{unix.AF_INET6, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4, 9, 0, 0, 0}, uint32(28))
	f.Add([]byte{unix.AF_UNIX, 0}, uint32(2))
	f.Add([]byte("\x01\x00/run/x.sock\x00rest"), uint32(110))
	f.Add([]byte("\x01\x00\x00abstract\x00name"), uint32(16))
	f.Add([]byte("\x01\x00\x00"), uint32(3))
	f.Add([]byte("\x01\x00@file"), uint32(8))
	f.Add([]byte("\x01\x00./@file"), uint32(9))
	f.Add([]byte("\x01\x00"+strings.Repeat("x", sunPath)), uint32(110))
	f.Add([]byte{unix.AF_NETLINK, 0, 1, 2, 3}, uint32(12))
	f.Add([]byte{unix.AF_INET, 1, 0, 80, 127, 0, 0, 1}, uint32(16))
	f.Add([]byte{}, uint32(0))
	f.Add([]byte{unix.AF_UNIX}, uint32(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint32) {
		var raw unix.RawSockaddrAny
		room := (*[unsafe.Sizeof(raw)]byte)(unsafe.Pointer(&raw))
		// The kernel never says more than the room that it was given, and writes no more than it says.
		size %= uint32(len(room) + 1)
		copy(room[:size], b)
		sa, want := decode(&raw, size), modelDecode(room[:size])
		if sa != want {
			t.Fatalf("% x is %+v, want %+v", room[:size], sa, want)
		}
		expectEncoded(t, sa)
	})
}

// Whatever address there is, the kernel gets it as the manual says.
func FuzzEncode(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, "", uint16(0x1234), "")
	f.Add([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "4294967295", uint16(80), "")
	for _, zone := range []string{"4294967296", "lo", "+1", "-0", "0x1", "007", " 1"} {
		f.Add([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, zone, uint16(80), "")
	}
	for _, path := range []string{"", "@", "@name", "@na\x00me", "./@file", "/run/x", "@" + strings.Repeat("y", 107), "@" + strings.Repeat("y", 108)} {
		f.Add([]byte{}, "", uint16(0), path)
	}
	for _, n := range []int{107, 108, 109} {
		f.Add([]byte{}, "", uint16(0), strings.Repeat("x", n))
	}
	f.Fuzz(func(t *testing.T, ip []byte, zone string, port uint16, path string) {
		expectEncoded(t, Sockaddr{Path: path, Unix: true})
		if addr, ok := netip.AddrFromSlice(ip); ok {
			expectEncoded(t, Sockaddr{IP: addr.Unmap().WithZone(zone), Port: port})
		}
	})
}
