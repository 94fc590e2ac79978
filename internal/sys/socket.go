package sys

// What the socket calls take and give on every system.

// Option names a socket option whose value is one number.
type Option uint8

// The options of SetOption and GetOption. An option that a system lacks gives
// ENOPROTOOPT there.
const (
	OptReuseAddr Option = iota // bool: bind although old connections of the port linger
	OptReusePort               // bool: several listeners share a port, the kernel spreads connections
	OptIPv6Only                // bool: no IPv4 through an IPv6 socket
	OptNoDelay                 // bool: no Nagle algorithm
	OptTTL                     // hops that IPv4 packets may take
	OptHopLimit                // hops that IPv6 packets may take
	OptType                    // read only: SOCK_STREAM and its like
	OptListening               // read only, bool: listen was called
	OptLatePort                // bool: choose the local port at connect, not at bind
	options                    // how many there are
)
