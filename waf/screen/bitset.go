package screen

import mathbits "math/bits"

func trailing(w uint64) int { return mathbits.TrailingZeros64(w) }

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) add(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b bits) has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// or adds c to b.
func (b bits) or(c bits) {
	for i, w := range c {
		b[i] |= w
	}
}

// each calls f with every member, in order, until it returns false.
func (b bits) each(f func(i int) bool) bool {
	for i, w := range b {
		for w != 0 {
			if !f(i<<6 + mathbits.TrailingZeros64(w)) {
				return false
			}
			w &= w - 1
		}
	}
	return true
}
