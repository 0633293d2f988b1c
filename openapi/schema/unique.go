package schema

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/gatehouse/gatehouse/strictjson"
)

// fewItems is up to how many items each is compared with each.
const fewItems = 8

// seed keeps who writes the values from knowing what collides.
var seed = maphash.MakeSeed()

type hashed struct {
	hash  uint64
	token int
}

// unique reports whether no two items of the array at token i are equal. Its time
// is that of sorting them.
func (w *walk) unique(i int) bool {
	t := &w.tape.Tokens[i]
	if t.Count < 2 {
		return true
	}
	if !w.spend(int(t.Next) - i + int(t.End-t.Start)/bytesAStep) {
		return false
	}
	from := len(w.hashes)
	for j := i + 1; j < int(t.Next); j = int(w.tape.Tokens[j].Next) {
		w.hashes = append(w.hashes, hashed{w.hash(j), j})
	}
	list := w.hashes[from:]
	if len(list) > fewItems {
		slices.SortFunc(list, func(a, b hashed) int {
			if a.hash < b.hash {
				return -1
			}
			if a.hash > b.hash {
				return 1
			}
			return 0
		})
	}
	same := w.twice(list, len(list) <= fewItems)
	w.hashes = w.hashes[:from]
	return !same
}

// twice reports whether list has two equal items; where it is not few, it is sorted
// by hash.
func (w *walk) twice(list []hashed, few bool) bool {
	for a := range list {
		for b := a + 1; b < len(list); b++ {
			if list[a].hash == list[b].hash {
				if w.equal(list[a].token, list[b].token) {
					return true
				}
			} else if !few {
				break
			}
		}
	}
	return false
}

// hash returns what is the same for equal values.
func (w *walk) hash(i int) uint64 {
	t := &w.tape.Tokens[i]
	switch t.Kind {
	case strictjson.String:
		return maphash.Bytes(seed, w.tape.StringBytes(i))
	case strictjson.Number:
		if n, ok := w.tape.Int64(i); ok {
			w.scratch = binary.LittleEndian.AppendUint64(append(w.scratch[:0], 'i'), uint64(n))
		} else {
			d := strictjson.ParseDecimal(w.tape.Raw(i))
			w.scratch = decimalKey(append(w.scratch[:0], 'd'), &d)
		}
		return maphash.Bytes(seed, w.scratch)
	case strictjson.Array:
		h := uint64(strictjson.Array)
		for j := i + 1; j < int(t.Next); j = int(w.tape.Tokens[j].Next) {
			h = mix(h, w.hash(j))
		}
		return h
	case strictjson.Object:
		h := uint64(strictjson.Object)
		for j := i + 1; j < int(t.Next); j = int(w.tape.Tokens[j+1].Next) {
			h += mix(w.hash(j), w.hash(j+1)) // in any order
		}
		return mix(h, uint64(t.Count))
	}
	return uint64(t.Kind)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9E3779B97F4A7C15, b^0xD6E8FEB86659FD93)
	return hi ^ bits.RotateLeft64(lo, 31) + a
}

// equal reports whether tokens i and j have the same value.
func (w *walk) equal(i, j int) bool {
	if w.steps--; w.steps < 0 {
		return false
	}
	a, b := &w.tape.Tokens[i], &w.tape.Tokens[j]
	if a.Kind != b.Kind || a.Count != b.Count {
		return false
	}
	switch a.Kind {
	case strictjson.String:
		if !a.Escaped && !b.Escaped {
			if a.End-a.Start != b.End-b.Start {
				return false
			}
			w.steps -= int(a.End-a.Start) / (4 * bytesAStep)
			return bytes.Equal(w.tape.Raw(i), w.tape.Raw(j))
		}
		w.steps -= int(a.End-a.Start+b.End-b.Start) / bytesAStep
		w.scratch = w.tape.AppendString(w.scratch[:0], i)
		return bytes.Equal(w.scratch, w.tape.StringBytes(j))
	case strictjson.Number:
		return equalNumbers(w.tape.Raw(i), w.tape.Raw(j))
	case strictjson.Array:
		for i, j = i+1, j+1; i < int(a.Next); {
			if !w.equal(i, j) {
				return false
			}
			i, j = int(w.tape.Tokens[i].Next), int(w.tape.Tokens[j].Next)
		}
	case strictjson.Object:
		for i++; i < int(a.Next); i = int(w.tape.Tokens[i+1].Next) {
			m := w.member(j, i)
			if m < 0 || !w.equal(i+1, m) {
				return false
			}
		}
	}
	return true
}

// member returns the value of the member of object j that is called as the name at
// token name, or -1.
func (w *walk) member(j, name int) int {
	for k, end := j+1, int(w.tape.Tokens[j].Next); k < end; k = int(w.tape.Tokens[k+1].Next) {
		if w.steps--; w.steps < 0 {
			return -1
		}
		if w.equal(k, name) {
			return k + 1
		}
	}
	return -1
}
