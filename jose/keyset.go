package jose

import (
	"encoding/json"
	"iter"
	"slices"
)

// Bounds of a key set.
const (
	MaxKeySet = 512 << 10 // bytes
	maxKeys   = 256
)

// A KeySet is a set of keys that one issuer signs with. It is immutable.
type KeySet struct {
	keys    []*Key
	byID    map[string][]*Key
	skipped []error
}

// NewKeySet makes a set of keys.
func NewKeySet(keys ...*Key) *KeySet {
	s := &KeySet{byID: make(map[string][]*Key, len(keys))}
	for _, k := range keys {
		s.add(k)
	}
	return s
}

// ParseKeySet reads a JWK Set (RFC 7517, section 5). A key it cannot use, be it of
// an unknown type, weak or malformed, is left out and told by [KeySet.Skipped]; it
// never spoils the set. An empty set is no error: it verifies nothing.
func ParseKeySet(jwks string) (*KeySet, error) {
	if len(jwks) > MaxKeySet {
		return nil, errSetSize
	}
	raws, err := splitKeySet(jwks)
	if err != nil {
		return nil, err
	}
	s := NewKeySet()
	for _, raw := range raws {
		k, err := ParseKey(raw)
		if err != nil {
			s.skipped = append(s.skipped, err)
			continue
		}
		s.add(k)
	}
	return s, nil
}

// splitKeySet returns the elements of the member "keys", unread.
func splitKeySet(jwks string) ([]string, error) {
	r := reader{s: jwks}
	if r.next() != '{' {
		return nil, errSetShape
	}
	r.i++
	var raws []string
	seen := false
	for more := r.next() != '}'; more; {
		if r.next() != '"' {
			return nil, errSetShape
		}
		name, err := r.string()
		if err != nil || r.next() != ':' {
			return nil, errSetShape
		}
		r.i++
		r.space()
		switch {
		case name != "keys":
			if twin(name, []string{"keys"}) || !r.skip() {
				return nil, errSetShape
			}
		case seen:
			return nil, errSetShape
		default:
			seen = true
			if raws, err = r.elements(); err != nil {
				return nil, err
			}
		}
		switch r.next() {
		case ',':
			r.i++
		case '}':
			more = false
		default:
			return nil, errSetShape
		}
	}
	r.i++ // }
	r.space()
	if !seen || r.i != len(jwks) {
		return nil, errSetShape
	}
	return raws, nil
}

// elements returns the elements of an array, unread.
func (r *reader) elements() ([]string, error) {
	if r.next() != '[' {
		return nil, errSetShape
	}
	r.i++
	var raws []string
	if r.next() == ']' {
		r.i++
		return raws, nil
	}
	for {
		r.space()
		start := r.i
		if !r.skip() {
			return nil, errSetShape
		}
		if raws = append(raws, r.s[start:r.i]); len(raws) > maxKeys {
			return nil, errSetCount
		}
		switch r.next() {
		case ',':
			r.i++
		case ']':
			r.i++
			return raws, nil
		default:
			return nil, errSetShape
		}
	}
}

// add takes k in unless the set holds its like already: same id, algorithm and
// material.
func (s *KeySet) add(k *Key) {
	for _, have := range s.byID[k.id] {
		if have.algorithm == k.algorithm && have.same(k) {
			return
		}
	}
	s.keys = append(s.keys, k)
	s.byID[k.id] = append(s.byID[k.id], k)
}

// Len returns the number of usable keys.
func (s *KeySet) Len() int { return len(s.keys) }

// Keys yields the usable keys in their order.
func (s *KeySet) Keys() iter.Seq[*Key] { return slices.Values(s.keys) }

// Skipped returns why keys were left out, in their order.
func (s *KeySet) Skipped() []error { return s.skipped }

// Find returns the key for a token's header. With a kid it is the one of that
// name, without one the only key in the set that fits the algorithm. Where
// different keys of one name fit, none is chosen (token.key_ambiguous): the order
// of a document is no reason to trust. It fails with token.key_unknown where a
// newer set may help, and with token.key_unfit where the named key is not for this
// algorithm.
func (s *KeySet) Find(h *Header) (*Key, error) {
	candidates := s.keys
	if h.KeyID != "" {
		candidates = s.byID[h.KeyID]
	}
	var found *Key
	for _, k := range candidates {
		if !k.Fits(h.Algorithm) {
			continue
		}
		if found != nil && !found.same(k) {
			return nil, errKeyAmbiguous
		}
		found = k
	}
	switch {
	case found != nil:
		return found, nil
	case h.KeyID != "" && len(candidates) > 0:
		return nil, errKeyUnfit
	}
	return nil, errKeyUnknown
}

// MarshalJSON writes the set as a JWK Set of public keys.
func (s *KeySet) MarshalJSON() ([]byte, error) {
	keys := s.keys
	if keys == nil {
		keys = []*Key{}
	}
	return json.Marshal(struct {
		Keys []*Key `json:"keys"`
	}{keys})
}
