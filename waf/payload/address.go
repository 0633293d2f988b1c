package payload

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// reach says where a host leads.
type reach uint8

const (
	reachUnknown  reach = iota // a name that says nothing
	reachPublic                // a public address
	reachPrivate               // not public: loopback, private, link-local, reserved, a local name
	reachMetadata              // a cloud's metadata service
)

// Metadata services: AWS, Azure, GCP and others; ECS tasks; EKS pods; Alibaba;
// Azure's wire server; Oracle's old one; IPv6 of AWS and GCP.
var metadataAddrs = map[netip.Addr]bool{
	netip.MustParseAddr("169.254.169.254"): true, netip.MustParseAddr("169.254.170.2"): true,
	netip.MustParseAddr("169.254.170.23"): true, netip.MustParseAddr("100.100.100.200"): true,
	netip.MustParseAddr("168.63.129.16"): true, netip.MustParseAddr("192.0.0.192"): true,
	netip.MustParseAddr("fd00:ec2::254"): true, netip.MustParseAddr("fd00:ec2::23"): true,
	netip.MustParseAddr("fd20:ce::254"): true,
}

// Networks of the IANA special-purpose registries (RFC 6890) that are not public.
var privateNetworks = func() (list []netip.Prefix) {
	for _, s := range strings.Fields("0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 " +
		"192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/3 " +
		"::/128 ::1/128 100::/64 64:ff9b:1::/48 fc00::/7 fe80::/10 fec0::/10 ff00::/8") {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

func reachOf(a netip.Addr) reach {
	if metadataAddrs[a] {
		return reachMetadata
	}
	for _, p := range privateNetworks {
		if p.Contains(a) {
			return reachPrivate
		}
	}
	return reachPublic
}

func fromUint32(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// hidden returns the IPv4 address that an IPv6 address stands for, by any of the
// ways to embed one.
func hidden(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	tail := netip.AddrFrom4([4]byte(b[12:]))
	word := func(i int) uint16 { return binary.BigEndian.Uint16(b[2*i:]) }
	zero := func(from, to int) bool {
		for _, c := range b[from:to] {
			if c != 0 {
				return false
			}
		}
		return true
	}
	switch {
	case a.Is4In6(), // ::ffff:0:0/96
		zero(0, 12) && !zero(12, 14),                                        // IPv4-compatible, RFC 4291 section 2.5.5.1
		zero(0, 8) && word(4) == 0xffff && word(5) == 0,                     // IPv4-translated, RFC 2765
		word(0) == 0x64 && word(1) == 0xff9b && zero(4, 12),                 // NAT64, RFC 6052
		word(4)&^0x0200 == 0 && word(5) == 0x5efe,                           // ISATAP, RFC 5214
		word(0) == 0x64 && word(1) == 0xff9b && word(2) == 1 && zero(6, 12): // local NAT64, RFC 8215
		return tail, true
	case word(0) == 0x2002: // 6to4, RFC 3056
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case word(0) == 0x2001 && word(1) == 0: // Teredo, RFC 4380: the client's address, inverted
		return fromUint32(^binary.BigEndian.Uint32(b[12:])), true
	}
	return netip.Addr{}, false
}

// A reading is what a host turned out to be.
type reading struct {
	reach   reach
	unusual bool       // an address in a notation that people do not write
	addr    netip.Addr // where it is one
}

// worse returns the reading that leads further in.
func (r reading) worse(o reading) reading {
	if o.reach > r.reach {
		o.unusual = o.unusual || r.unusual
		return o
	}
	r.unusual = r.unusual || o.unusual
	return r
}

// readIPv6 reads an IPv6 address, with a zone or other text behind it.
func readIPv6(s string) reading {
	end := 0
	for end < len(s) && (s[end] == ':' || s[end] == '.' || isHex(s[end])) {
		end++
	}
	if n := strings.Count(s[:end], ":"); n < 2 || n > 8 || n < 6 && !strings.Contains(s[:end], "::") {
		return reading{} // spares netip the making of an error
	}
	a, err := netip.ParseAddr(s[:end])
	if err != nil || !a.Is6() {
		return reading{}
	}
	r := reading{reach: reachOf(a), addr: a}
	if v4, ok := hidden(a); ok {
		// The wrapping itself is in no private network, but for the local NAT64.
		r = r.worse(reading{reach: reachOf(v4), addr: v4})
		r.unusual = true
	}
	return r
}

func isHex(c byte) bool { _, ok := unhex(c); return ok }

// part is one number of an IPv4 address, read in two ways.
type part struct {
	c, plain uint64 // as inet_aton reads it, and with leading zeros ignored
	over     bool   // more than 64 bits
	cBad     bool   // 08 is no octal number
	odd      bool   // hexadecimal, octal or with leading zeros
}

// readPart reads s[from:], up to a dot.
func readPart(s string, from int) (p part, end int, ok bool) {
	i := from
	base := uint64(10)
	if i+1 < len(s) && s[i] == '0' && s[i+1]|0x20 == 'x' {
		i += 2
		base, p.odd = 16, true
	} else if i+1 < len(s) && s[i] == '0' && s[i+1] != '.' {
		base, p.odd = 8, true
	}
	start := i
	for ; i < len(s) && s[i] != '.'; i++ {
		d, hex := unhex(s[i])
		if !hex || base != 16 && d > 9 {
			return p, i, false
		}
		p.over = p.over || p.c >= 1<<60 || p.plain >= 1<<60
		p.cBad = p.cBad || base == 8 && d > 7
		p.c = p.c*base + uint64(d)
		p.plain = p.plain*max(base, 10) + uint64(d)
	}
	return p, i, i > start || base == 16
}

// readIPv4 reads s as inet_aton(3) and the WHATWG URL standard do: one to four
// numbers, decimal, octal or hexadecimal, of which the last fills what is left.
// With loose, numbers that are too great wrap around, as in parsers that do not
// check; ok says whether s is such an address in any reading.
func readIPv4(s string, loose bool) (r reading, ok bool) {
	s = strings.TrimRight(s, ".")
	if s == "" || s[0] < '0' || s[0] > '9' {
		return reading{}, false
	}
	var parts [4]part
	n := 0
	for i := 0; ; i++ {
		if n == 4 {
			return reading{}, false
		}
		p, end, fine := readPart(s, i)
		if !fine {
			return reading{}, false
		}
		parts[n] = p
		n++
		r.unusual = r.unusual || p.odd
		if i = end; i >= len(s) {
			break
		}
	}
	r.unusual = r.unusual || n < 4
	for _, plain := range [2]bool{false, true} {
		a, strict, fine := joinParts(parts[:n], plain)
		if !fine || !strict && !loose {
			continue
		}
		ok = true
		addr := fromUint32(a)
		r = r.worse(reading{reach: reachOf(addr), unusual: !strict, addr: addr})
	}
	if !ok {
		return reading{}, false
	}
	return r, true
}

// joinParts puts the numbers together; strict says that none was too great.
func joinParts(parts []part, plain bool) (addr uint32, strict, ok bool) {
	strict = true
	for k, p := range parts {
		v := p.c
		if plain {
			v = p.plain
		} else if p.cBad {
			return 0, false, false
		}
		last := k == len(parts)-1
		limit := uint64(0xff)
		if last {
			limit = 1<<(8*(5-len(parts))) - 1
		}
		strict = strict && !p.over && v <= limit
		v &= limit
		if last {
			addr |= uint32(v)
		} else {
			addr |= uint32(v) << (24 - 8*k)
		}
	}
	return addr, strict, true
}
