//go:build !linux || !simkernel

package sys

// IPv6 addresses as the kernel has them.

import (
	"net/netip"
	"strconv"
)

// unmap makes an address of the 16 bytes and the scope id of a kernel's IPv6
// address. The zone stays a number: to ask for the interface's name would cost
// a netlink exchange for every connection.
func unmap(ip [16]byte, scope uint32) netip.Addr {
	addr := netip.AddrFrom16(ip).Unmap()
	if scope == 0 || addr.Is4() {
		return addr
	}
	return addr.WithZone(strconv.FormatUint(uint64(scope), 10))
}

// zoneNumber is the scope id of an address whose zone is empty or a number;
// names are resolved above.
func zoneNumber(ip netip.Addr) (uint32, Errno) {
	if ip.Zone() == "" {
		return 0, 0
	}
	n, err := strconv.ParseUint(ip.Zone(), 10, 32)
	if err != nil {
		return 0, EINVAL
	}
	return uint32(n), 0
}
