package proxyproto

// TLVs: what version 2 tells besides the addresses, the checksum among it.

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"math"
	"os"
	"slices"
)

// Type tells the kinds of TLV apart. 0xE0 to 0xEF are for whoever defines them, and
// several clouds have.
type Type byte

// The types that the specification registers.
const (
	ALPN      Type = 0x01 // the protocol that TLS negotiated (RFC 7301)
	Authority Type = 0x02 // the host name that the client asked for, such as TLS's server_name
	CRC32C    Type = 0x03 // a checksum of the header, 4 bytes: Append computes it, Parse verifies it
	Noop      Type = 0x04 // padding
	UniqueID  Type = 0x05 // identifies the connection, at most 128 bytes
	SSL       Type = 0x20 // a byte of flags, four bytes that are 0 for a verified certificate, more TLVs
	NetNS     Type = 0x30 // the name of the network namespace

	SSLVersion   Type = 0x21 // within SSL: the version of TLS
	SSLCN        Type = 0x22 // within SSL: the common name of the client's certificate
	SSLCipher    Type = 0x23 // within SSL: the cipher
	SSLSignature Type = 0x24 // within SSL: the signature algorithm of the server's certificate
	SSLKey       Type = 0x25 // within SSL: the key algorithm of the server's certificate
)

// TLVs is a sequence of types with a value each, as it is sent: a byte of type, two bytes
// of length, the value.
type TLVs []byte

const tlvHeader = 3 // bytes in front of a value

// Append appends a TLV, for instance the four bytes of a [CRC32C] that [Header.Append] is
// to fill in. The error is [ErrTooLong].
func (t TLVs) Append(kind Type, value []byte) (TLVs, error) {
	if len(value) > math.MaxUint16 {
		return t, fmt.Errorf("%w: %d bytes in a TLV of type %#02x", ErrTooLong, len(value), byte(kind))
	}
	t = append(t, byte(kind))
	t = binary.BigEndian.AppendUint16(t, uint16(len(value)))
	return append(t, value...), nil
}

// All yields every TLV; the values are parts of t. What follows one that is cut off is
// left out, which does not happen in what [Parse] returned, but may in the value of one: TLVs
// are found within [SSL] by TLVs(value[5:]).All().
func (t TLVs) All() iter.Seq2[Type, []byte] {
	return func(yield func(Type, []byte) bool) {
		for rest := t; len(rest) >= tlvHeader; {
			end := tlvHeader + int(binary.BigEndian.Uint16(rest[1:]))
			if end > len(rest) || !yield(Type(rest[0]), slices.Clip(rest[tlvHeader:end])) {
				return
			}
			rest = rest[end:]
		}
	}
}

// Get returns the value of the first TLV of a type, a part of t.
func (t TLVs) Get(kind Type) (value []byte, ok bool) {
	for k, v := range t.All() {
		if k == kind {
			return v, true
		}
	}
	return nil, false
}

// checksum returns where in t the value of the CRC32C is, 0 if there is none, and what is
// wrong with the sequence.
func (t TLVs) checksum() (at int, wrong string) {
	end := 0
	for kind, value := range t.All() {
		end += tlvHeader + len(value)
		if kind != CRC32C {
			continue
		}
		if len(value) != crc32.Size || at != 0 {
			return 0, "a checksum of another length, or a second one"
		}
		at = end - crc32.Size
	}
	if end != len(t) {
		return 0, "a TLV that is cut off"
	}
	return at, ""
}

// check verifies that t, which header ends with, is a sequence of TLVs with the right
// checksum, if it has one.
func (t TLVs) check(header []byte) error {
	at, wrong := t.checksum()
	if wrong != "" {
		return malformed("%s", wrong)
	}
	if at == 0 {
		return nil
	}
	if told, is := binary.BigEndian.Uint32(t[at:]), sum(header, len(header)-len(t)+at); told != is {
		return malformed("checksum %#08x of a header that has %#08x", told, is)
	}
	return nil
}

// fill computes the checksum of header, which ends with t, where there is room for it.
func (t TLVs) fill(header []byte) error {
	at, wrong := t.checksum()
	if wrong != "" {
		return fmt.Errorf("proxyproto: %s: %w", wrong, os.ErrInvalid)
	}
	if at != 0 {
		binary.BigEndian.PutUint32(t[at:], sum(header, len(header)-len(t)+at))
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of header with zeros for the four bytes at at.
func sum(header []byte, at int) uint32 {
	var zeros [crc32.Size]byte
	c := crc32.Update(0, castagnoli, header[:at])
	c = crc32.Update(c, castagnoli, zeros[:])
	return crc32.Update(c, castagnoli, header[at+crc32.Size:])
}
