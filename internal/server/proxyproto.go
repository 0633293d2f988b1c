package server

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
)

// proxySignature begins every PROXY protocol v2 header.
const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

// maxProxyHeader bounds addresses and TLVs together.
const maxProxyHeader = 4096

var errProxyHeader = errors.New("not a PROXY protocol v2 header")

// readProxyHeader reads a PROXY protocol v2 header, no byte more, and returns the
// client it names; the zero value where the balancer speaks for itself (LOCAL) or
// names no TCP address.
func readProxyHeader(r io.Reader) (netip.AddrPort, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return netip.AddrPort{}, err
	}
	command, family := head[12], head[13]
	n := int(binary.BigEndian.Uint16(head[14:]))
	if string(head[:12]) != proxySignature || command>>4 != 2 || command&15 > 1 || n > maxProxyHeader {
		return netip.AddrPort{}, errProxyHeader
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return netip.AddrPort{}, err
	}
	if command&15 == 0 { // LOCAL
		return netip.AddrPort{}, nil
	}
	switch family {
	case 0x11: // TCP over IPv4: source, destination, two ports
		if n < 12 {
			return netip.AddrPort{}, errProxyHeader
		}
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(body[:4])), binary.BigEndian.Uint16(body[8:])), nil
	case 0x21: // TCP over IPv6
		if n < 36 {
			return netip.AddrPort{}, errProxyHeader
		}
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(body[:16])).Unmap(), binary.BigEndian.Uint16(body[32:])), nil
	case 0x00: // unspecified
		return netip.AddrPort{}, nil
	}
	return netip.AddrPort{}, errProxyHeader
}
