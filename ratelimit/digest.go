package ratelimit

import (
	"encoding/binary"
	"math/bits"
)

// A Key is the 128-bit digest of a limit's key. The zero Key is nobody's.
type Key struct{ Hi, Lo uint64 }

// digest is SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012):
// short inputs, an unguessable secret, and the same on every machine that shares
// it.
func digest(k0, k1 uint64, p []byte) Key {
	v0, v1 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d^0xee
	v2, v3 := k0^0x6c7967656e657261, k1^0x7465646279746573
	last := uint64(len(p)) << 56
	for ; len(p) >= 8; p = p[8:] {
		m := binary.LittleEndian.Uint64(p)
		v3 ^= m
		v0, v1, v2, v3 = round(round(v0, v1, v2, v3))
		v0 ^= m
	}
	for i, b := range p {
		last |= uint64(b) << (8 * i)
	}
	v3 ^= last
	v0, v1, v2, v3 = round(round(v0, v1, v2, v3))
	v0 ^= last
	v2 ^= 0xee
	v0, v1, v2, v3 = round(round(round(round(v0, v1, v2, v3))))
	lo := v0 ^ v1 ^ v2 ^ v3
	v1 ^= 0xdd
	v0, v1, v2, v3 = round(round(round(round(v0, v1, v2, v3))))
	return Key{Hi: v0 ^ v1 ^ v2 ^ v3, Lo: lo}
}

func round(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
