package parameter

import (
	"sync"

	"github.com/gatehouse/gatehouse/strictjson"
)

// A piece is one name=value pair of a query, a form or a Cookie field.
type piece struct {
	raw   string // the pair as it stands
	name  string // decoded
	value string // as it stands
	owner int32  // index of the parameter it belongs to, or one of the below
	next  int32  // of a form: index of the next piece of the same name, or 0
	// withheld: a cookie that the upstream does not get, declared or not
	withheld bool
}

const (
	ownerUnknown   int32 = -1
	ownerKnown     int32 = -2
	ownerAmbiguous int32 = -3 // looks like a declared one to some readers
	ownerWithheld  int32 = -4
	ownerChained   int32 = -5 // of a form: not the first of its name
)

// span is where the pieces of one parameter are.
type span struct{ first, count int32 }

// scratch is the memory of one check.
type scratch struct {
	tape     strictjson.Tape
	text     []byte // the value as JSON
	buf      []byte // one decoded element
	pieces   []piece
	spans    []span
	branches []branch         // of a deepObject
	names    map[string]int32 // of a form: last piece of a name
	pointer  string           // of the field of a form that is at fault
	reason   string           // why the text is no strict JSON
	narrowed bool             // what might be a string was written as something narrower
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// What is kept for the next check at the most.
const (
	keptBytes  = 64 << 10
	keptPieces = 256
)

// release forgets the request and gives the memory back.
func (s *scratch) release() {
	s.letGo()
	if cap(s.text) > keptBytes || cap(s.buf) > keptBytes || cap(s.tape.Tokens) > keptBytes/16 {
		return
	}
	if cap(s.pieces) > keptPieces || cap(s.branches) > keptPieces {
		s.pieces, s.branches, s.names = nil, nil, nil
	}
	scratches.Put(s)
}

// letGo drops the substrings of the request that is over.
func (s *scratch) letGo() {
	clear(s.pieces)
	clear(s.branches)
	clear(s.names)
	s.pieces, s.branches = s.pieces[:0], s.branches[:0]
}
