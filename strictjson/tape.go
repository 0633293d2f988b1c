package strictjson

import "hash/maphash"

// Kind is the kind of a JSON value.
type Kind uint8

const (
	Null Kind = iota + 1
	False
	True
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"none", "null", "false", "true", "number", "string", "array", "object"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[0]
}

// IsBool reports whether the value is true or false.
func (k Kind) IsBool() bool { return k == True || k == False }

// IsContainer reports whether the value is an array or an object.
func (k Kind) IsContainer() bool { return k >= Array }

// A Token is one value of a text. An object's members follow it in pairs, a String
// (the name) and then the value; an array's elements follow it.
type Token struct {
	Start, End uint32 // the value's bytes are Text[Start:End]; a string's include its quotes
	Next       uint32 // index of the token behind this value and all it holds
	Count      uint32 // members of an object, elements of an array
	Kind       Kind
	Escaped    bool // the string has an escape sequence, so that its bytes are not its value
}

// A Tape is a JSON text that has been read: its tokens, the first of which is the
// root. Its memory is reused by the next Read. The zero Tape is ready; it is for
// one goroutine at a time.
type Tape struct {
	Text   []byte
	Tokens []Token

	scratch []byte // of StringBytes
	names   nameSet
	seed    maphash.Seed
}

// keep bounds what a Tape holds on to between texts: tokens, slots and bytes.
const keep = 1 << 16

// Reset forgets the text, so that a pooled Tape does not pin it, and gives back
// memory that only a huge text needed.
func (t *Tape) Reset() {
	t.Text, t.Tokens = nil, t.Tokens[:0]
	if cap(t.Tokens) > keep {
		t.Tokens = nil
	}
	if cap(t.scratch) > keep {
		t.scratch = nil
	}
	t.names.shrink()
}
