package strictjson

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
// root. Its memory is reused by the next Read.
type Tape struct {
	Text   []byte
	Tokens []Token
}

// Limits bound a text. Zero stands for the default.
type Limits struct {
	Depth   int // of nesting; default 64
	Values  int // in all, member names included; default 1,000,000
	Members int // of one object; default 10,000
	Items   int // of one array; default 1,000,000
	String  int // bytes of a string as spelled; default 8 MiB
	Number  int // bytes of a number as spelled; default 400
}
