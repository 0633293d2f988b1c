package ratelimit

import (
	"net/netip"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// A digester makes the keys of one exchange. Each part is hashed at most once;
// the digest of a combination is the exclusive or of its parts' digests and the
// level's own.
type digester struct {
	limiter *Limiter
	x       *gatehouse.Exchange
	done    part // parts that stand in digests
	digests [partCount]Key
	buf     []byte
}

func (d *digester) begin(l *Limiter, x *gatehouse.Exchange) {
	d.limiter, d.x, d.done = l, x, 0
}

// maxScratch bounds the buffer that is kept for the next exchange.
const maxScratch = 4096

func (d *digester) end() {
	d.limiter, d.x = nil, nil
	if cap(d.buf) > maxScratch {
		d.buf = nil
	}
}

// key adds the digests of the parts in set to k.
func (d *digester) key(k Key, set part) Key {
	for i := 0; set != 0; i, set = i+1, set>>1 {
		if set&1 == 0 {
			continue
		}
		if d.done&(1<<i) == 0 {
			d.digests[i] = d.hash(1 << i)
			d.done |= 1 << i
		}
		k.Hi ^= d.digests[i].Hi
		k.Lo ^= d.digests[i].Lo
	}
	if k == (Key{}) {
		k.Lo = 1 // the zero Key is nobody's
	}
	return k
}

// hash digests one part of the exchange. Each kind starts with a byte of its
// own, and all but the last of several values end in a zero byte that the values
// before it cannot hold.
func (d *digester) hash(p part) Key {
	x, b := d.x, d.buf[:0]
	switch p {
	case partAPI:
		b = append(b, 'a')
		b = appendAPI(b, x)
	case partUpstream:
		b = append(b, 'u')
		b = append(b, d.limiter.upstream(x)...)
	case partOperation:
		b = append(b, 'o')
		b = append(appendAPI(b, x), 0)
		if x.Operation != nil {
			b = append(b, x.Operation.ID...)
		}
	case partEndpoint:
		b = append(b, 'e')
		b = append(appendAPI(b, x), 0)
		b = append(b, x.Endpoint()...)
	case partClient:
		b = appendCaller(append(b, 'c'), x, clientOf(x.Principal))
	case partUser:
		b = appendCaller(append(b, 's'), x, userOf(x.Principal))
	case partAddress:
		b = appendAddress(append(b, 'n'), x)
	}
	d.buf = b
	return digest(d.limiter.secret[0], d.limiter.secret[1], b)
}

func appendAPI(b []byte, x *gatehouse.Exchange) []byte {
	if x.API != nil {
		b = append(b, x.API.Name...)
	}
	return b
}

// appendCaller writes who calls, and the address where nobody is known.
func appendCaller(b []byte, x *gatehouse.Exchange, id string) []byte {
	if id == "" {
		return appendAddress(append(b, '?'), x)
	}
	b = append(b, '!')
	b = append(b, x.Principal.Issuer...) // configured, holds no zero byte
	b = append(b, 0)
	return append(b, id...)
}

func appendAddress(b []byte, x *gatehouse.Exchange) []byte {
	a := network(x.Peer.Addr)
	if !a.IsValid() {
		return b
	}
	raw := a.As16()
	return append(b, raw[:]...)
}

// network returns the address that calls are counted by: an IPv6 address stands
// for its /64, which is what one subscriber gets.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	raw := a.As16()
	clear(raw[8:])
	return netip.AddrFrom16(raw)
}

// clientOf and userOf return "" where no such caller was verified.
func clientOf(p *gatehouse.Principal) string {
	if p.IsAnonymous() {
		return ""
	}
	if p.ClientID == "" {
		return p.Subject
	}
	return p.ClientID
}

func userOf(p *gatehouse.Principal) string {
	if p.IsAnonymous() {
		return ""
	}
	return p.Subject
}

// verified reports whether every owner in set was proven: the address by the
// transport, the others by a credential.
func verified(x *gatehouse.Exchange, set part) bool {
	return (set&partClient == 0 || clientOf(x.Principal) != "") &&
		(set&partUser == 0 || userOf(x.Principal) != "") &&
		(set&partAddress == 0 || x.Peer.Addr.IsValid())
}

// ownerName is the name of the owners in set as the admin surface shows it.
func ownerName(x *gatehouse.Exchange, set part) string {
	var b strings.Builder
	for _, p := range [...]part{partClient, partUser, partAddress} {
		if set&p == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		switch p {
		case partClient:
			b.WriteString(callerName(x.Principal.Issuer, clientOf(x.Principal)))
		case partUser:
			b.WriteString(callerName(x.Principal.Issuer, userOf(x.Principal)))
		case partAddress:
			b.WriteString(addressName(x.Peer.Addr))
		}
	}
	return inert(b.String())
}

func callerName(issuer, id string) string {
	if issuer == "" {
		return id
	}
	return issuer + "#" + id
}

func addressName(a netip.Addr) string {
	a = network(a)
	if a.Is6() {
		return a.String() + "/64"
	}
	return a.String()
}

// canonical lets people name an address as they see it.
func canonical(kind, name string) string {
	if kind == partNames[partCount] {
		if p, err := netip.ParsePrefix(name); err == nil && p.Bits() == 64 {
			return addressName(p.Addr())
		}
		if a, err := netip.ParseAddr(name); err == nil {
			return addressName(a)
		}
	}
	return inert(name)
}

const maxName = 256

// inert keeps names short and free of control characters.
func inert(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufffd' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}
