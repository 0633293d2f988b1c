package expression

import "math/bits"

// Bytes is a set of byte values: byte b is in the set when bit b&63 of word b>>6 is set.
// The zero value is the empty set.
type Bytes [4]uint64

// Add puts b into the set.
func (s *Bytes) Add(b byte) { s[b>>6] |= 1 << (b & 63) }

// AddRange puts every byte from lo to hi, both included, into the set.
func (s *Bytes) AddRange(lo, hi byte) {
	for b := int(lo); b <= int(hi); b++ {
		s.Add(byte(b))
	}
}

// AddString puts every byte of text into the set.
func (s *Bytes) AddString(text string) {
	for i := 0; i < len(text); i++ {
		s.Add(text[i])
	}
}

// AddSet puts every member of t into the set.
func (s *Bytes) AddSet(t *Bytes) {
	s[0] |= t[0]
	s[1] |= t[1]
	s[2] |= t[2]
	s[3] |= t[3]
}

// Has reports whether b is in the set.
func (s *Bytes) Has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }

// Intersects reports whether some byte is in both sets.
func (s *Bytes) Intersects(t *Bytes) bool {
	return s[0]&t[0]|s[1]&t[1]|s[2]&t[2]|s[3]&t[3] != 0
}

// Contains reports whether every member of t is in s.
func (s *Bytes) Contains(t *Bytes) bool {
	return t[0]&^s[0]|t[1]&^s[1]|t[2]&^s[2]|t[3]&^s[3] == 0
}

// Empty reports whether the set has no member.
func (s *Bytes) Empty() bool { return s[0]|s[1]|s[2]|s[3] == 0 }

// Len returns the number of members, 0 to 256.
func (s *Bytes) Len() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
}
