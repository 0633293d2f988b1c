package strictjson

import (
	"bytes"
	"hash/maphash"
	"math/bits"
)

// few is up to how many members an object's names are compared with each other;
// beyond, or where a name is spelled with escapes, they go through a hash.
const few = 16

// duplicate returns the token of the first name of the object toks[obj] that stood
// there before, or 0.
func (t *Tape) duplicate(text []byte, toks []Token, obj int) int {
	count := toks[obj].Count
	if count > few {
		return t.duplicateHashed(text, toks, obj)
	}
	// A name can only equal an earlier one that left the same bit.
	var seen uint64
	i := obj + 1
	for range count {
		k := &toks[i]
		if k.Escaped {
			return t.duplicateHashed(text, toks, obj)
		}
		mix := uint32(text[k.Start+1]) | uint32(text[k.End-2])<<8 | (k.End-k.Start)<<16
		bit := uint64(1) << (mix * 0x9E3779B1 >> 26)
		if seen&bit != 0 {
			name := text[k.Start:k.End]
			for j := obj + 1; j < i; j = int(toks[j+1].Next) {
				if bytes.Equal(text[toks[j].Start:toks[j].End], name) {
					return i
				}
			}
		}
		seen |= bit
		i = int(toks[i+1].Next)
	}
	return 0
}

// A nameSet is an open-addressed table of names: the upper half of a slot is of
// the name's hash, the lower the name's token. 0 is a free slot, for token 0 is
// never a name.
type nameSet struct {
	slots   []uint64
	scratch []byte // decoded names
}

func (s *nameSet) shrink() {
	if cap(s.slots) > keep {
		s.slots = nil
	}
	if cap(s.scratch) > keep {
		s.scratch = nil
	}
}

// take returns n free slots, n a power of two.
func (s *nameSet) take(n int) []uint64 {
	if cap(s.slots) < n {
		s.slots = make([]uint64, n)
		return s.slots
	}
	slots := s.slots[:n]
	clear(slots)
	return slots
}

// duplicateHashed is duplicate for any number of members and any spelling. The seed
// is secret, so that nobody can choose names that fall into one slot.
func (t *Tape) duplicateHashed(text []byte, toks []Token, obj int) int {
	if t.seed == (maphash.Seed{}) {
		t.seed = maphash.MakeSeed()
	}
	count := toks[obj].Count
	slots := t.names.take(1 << bits.Len32(2*count-1))
	mask := uint64(len(slots) - 1)
	i := obj + 1
	for range count {
		name := t.name(text, &toks[i], 0)
		hash := maphash.Bytes(t.seed, name)
		at := hash & mask
		for ; slots[at] != 0; at = (at + 1) & mask {
			if slots[at]>>32 == hash>>32 {
				if j := uint32(slots[at]); bytes.Equal(t.name(text, &toks[j], len(name)), name) {
					return i
				}
			}
		}
		slots[at] = hash>>32<<32 | uint64(i)
		i = int(toks[i+1].Next)
	}
	return 0
}

// name returns a name decoded: a part of the text, or of the scratch memory from
// offset used on.
func (t *Tape) name(text []byte, k *Token, used int) []byte {
	raw := text[k.Start+1 : k.End-1]
	if !k.Escaped {
		return raw
	}
	buf := t.names.scratch[:min(used, len(t.names.scratch))]
	from := len(buf)
	t.names.scratch = appendUnescaped(buf, raw)
	return t.names.scratch[from:]
}
