package strictjson

import (
	"encoding/binary"
	"math/bits"
)

// PieceKind says what a Piece of a stream is.
type PieceKind uint8

const (
	// More: the chunk is used up; feed the next one.
	More PieceKind = iota
	// Around is what stands around the elements: brackets, commas, white space.
	Around
	// Element is one whole element of the top-level array. It is on the Splitter's
	// Tape, where there is one; else it has been delimited, not read, and
	// [Tape.Read] decides whether it is JSON.
	Element
	// Whole is a text whose top-level value is no array, without the white space
	// before it; it comes from End. It too is for Tape.Read to judge.
	Whole
)

// A Piece of a stream. Its bytes are good until the next call.
type Piece struct {
	Kind   PieceKind
	Bytes  []byte
	Offset int // of its first byte in the stream
}

// A Splitter takes a JSON text that comes in arbitrary chunks apart: the elements of
// its top-level array, each in one piece, and what stands around them. All pieces
// one behind the other are the text again, byte for byte. It holds one element at
// the most. A text for which it gives no error and whose elements all are JSON is a
// JSON text.
//
// Feed it a chunk, take pieces from Next until More; after the last chunk, End.
type Splitter struct {
	// MaxElement bounds an element, in bytes; 0 stands for 1 MiB.
	MaxElement int
	// MaxWhole bounds a text that is no array, in bytes; 0 stands for 8 MiB.
	MaxWhole int
	// MaxItems bounds the elements; 0 stands for no bound.
	MaxItems int
	// Tape takes each element where it is not nil, within Limits; their Depth is
	// counted from the element. One that lies whole in a chunk is then looked at
	// once only.
	Tape   *Tape
	Limits *Limits

	chunk []byte
	p     int // used of chunk
	base  int // offset of chunk in the stream
	held  []byte
	spent bool // held was handed out
	state splitState
	array bool // the text is one
	items int
	err   *Error
	lim   Limits // of an element, filled in

	// Of the element under way, or of the whole text:
	start    int  // its offset in the stream
	fresh    bool // nothing of it has been looked at
	depth    int
	inString bool
	escape   bool // the next byte belongs to an escape sequence
	scalar   bool // a number or a word, which ends where something else begins
}

type splitState uint8

const (
	splitStart   splitState = iota // before the text
	splitFirst                     // behind "[": an element or "]"
	splitNext                      // behind ",": an element
	splitElement                   // in one
	splitBehind                    // behind one: "," or "]"
	splitEnd                       // behind the text
	splitWhole                     // in a text that is no array
)

// Reset makes the Splitter ready for another stream; the bounds stay.
func (s *Splitter) Reset() {
	held := s.held[:0]
	if cap(held) > keep {
		held = nil
	}
	*s = Splitter{MaxElement: s.MaxElement, MaxWhole: s.MaxWhole, MaxItems: s.MaxItems,
		Tape: s.Tape, Limits: s.Limits, held: held}
}

// Feed gives the Splitter the next chunk, which must stay as it is until Next has
// returned More.
func (s *Splitter) Feed(chunk []byte) {
	s.base += len(s.chunk)
	s.chunk, s.p = chunk, 0
}

// Items returns the number of elements so far.
func (s *Splitter) Items() int { return s.items }

// Array reports whether the top-level value is known to be an array.
func (s *Splitter) Array() bool { return s.array }

// Next returns the next piece. An error is an *Error, and final.
func (s *Splitter) Next() (Piece, error) {
	if s.spent {
		s.held, s.spent = s.held[:0], false
	}
	if s.err != nil {
		return Piece{}, s.err
	}
	from := s.p
	for s.p < len(s.chunk) {
		c := s.chunk[s.p]
		if s.state == splitElement || s.state == splitWhole {
			if s.p > from {
				return Piece{Around, s.chunk[from:s.p], s.base + from}, nil
			}
			return s.inside()
		}
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			s.p++
			continue
		}
		if code := s.structure(c); code != "" {
			return s.fail(code, s.p)
		}
	}
	if s.p > from {
		return Piece{Around, s.chunk[from:s.p], s.base + from}, nil
	}
	return Piece{}, nil
}

// structure takes one byte between the elements, or finds that one begins with it.
func (s *Splitter) structure(c byte) string {
	switch s.state {
	case splitStart:
		switch {
		case c == '[':
			s.state, s.array = splitFirst, true
			s.lim = s.Limits.WithDefaults()
			s.p++
		case s.base+s.p == 0 && (c == 0xEF || c >= 0xFE):
			return CodeBOM
		default:
			s.state, s.start = splitWhole, s.base+s.p
		}
		return ""
	case splitEnd:
		return CodeTrailing
	case splitBehind:
		if c == ',' {
			s.state = splitNext
			s.p++
			return ""
		}
	}
	switch c {
	case ']':
		if s.state == splitNext {
			return CodeSyntax
		}
		s.state = splitEnd
		s.p++
		return ""
	case ',', ':', '}':
		return CodeSyntax
	}
	if s.state == splitBehind {
		return CodeSyntax
	}
	if s.items++; s.MaxItems > 0 && s.items > s.MaxItems {
		return CodeItems
	}
	s.state, s.start, s.fresh = splitElement, s.base+s.p, true
	s.depth, s.inString, s.escape = 0, false, false
	s.scalar = c != '{' && c != '[' && c != '"'
	return ""
}

func (s *Splitter) fail(code string, p int) (Piece, error) {
	s.err = &Error{Code: code, Offset: s.base + p}
	s.held = nil
	return Piece{}, s.err
}

// inside goes on with an element, or with a text that is no array.
func (s *Splitter) inside() (Piece, error) {
	rest := s.chunk[s.p:]
	if s.state == splitWhole {
		if len(s.held)+len(rest) > bound(s.MaxWhole, 8<<20) {
			return s.fail(CodeSize, s.p)
		}
		s.held = append(s.held, rest...)
		s.p = len(s.chunk)
		return Piece{}, nil
	}
	if s.fresh && s.Tape != nil {
		s.fresh = false
		end, err := s.Tape.read(rest, &s.lim, true)
		if err == nil {
			if end > bound(s.MaxElement, 1<<20) {
				return s.fail(CodeSize, s.p)
			}
			s.p += end
			s.state = splitBehind
			return Piece{Element, rest[:end], s.start}, nil
		}
		if err.Code != CodeTruncated {
			return s.fail(err.Code, s.p+err.Offset)
		}
	}
	n, done := s.scan(rest)
	if len(s.held)+n > bound(s.MaxElement, 1<<20) {
		return s.fail(CodeSize, s.p)
	}
	s.p += n
	if !done {
		s.held = append(s.held, rest[:n]...)
		return Piece{}, nil
	}
	s.state = splitBehind
	whole := rest[:n]
	if len(s.held) > 0 {
		s.held = append(s.held, whole...)
		whole, s.spent = s.held, true
	}
	if s.Tape != nil {
		if err := s.Tape.Read(whole, s.Limits); err != nil {
			return s.fail(err.(*Error).Code, s.start-s.base+err.(*Error).Offset)
		}
	}
	return Piece{Element, whole, s.start}, nil
}

func bound(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// scan finds the element's end in b, and returns how much of b belongs to it.
func (s *Splitter) scan(b []byte) (n int, done bool) {
	p := 0
	for p < len(b) {
		if s.inString {
			p = s.scanString(b, p)
			if !s.inString && s.depth == 0 {
				return p, true
			}
			continue
		}
		switch b[p] {
		case '"':
			if s.scalar {
				break // wrong, and Read will say so
			}
			s.inString = true
		case '{', '[':
			s.depth++
		case '}', ']':
			if s.scalar {
				return p, true
			}
			if s.depth--; s.depth <= 0 {
				return p + 1, true
			}
		case ',', ' ', '\n', '\t', '\r':
			if s.scalar {
				return p, true
			}
		}
		p++
	}
	return p, false
}

// scanString goes on to behind the string's closing quote, or to the end of b.
func (s *Splitter) scanString(b []byte, p int) int {
	for p < len(b) {
		if s.escape {
			s.escape = false
			p++
			continue
		}
		for p+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[p:])
			m := (((w^ones*'"')-ones)&^(w^ones*'"') | ((w^ones*'\\')-ones)&^(w^ones*'\\')) & highs
			if m != 0 {
				p += bits.TrailingZeros64(m) >> 3
				break
			}
			p += 8
		}
		if p == len(b) {
			break
		}
		c := b[p]
		p++
		switch c {
		case '"':
			s.inString = false
			return p
		case '\\':
			s.escape = true
		}
	}
	return p
}

// End tells the Splitter that the stream is over. It returns the Whole piece of a
// text that is no array, else More.
func (s *Splitter) End() (Piece, error) {
	switch {
	case s.err != nil:
		return Piece{}, s.err
	case s.state == splitWhole:
		s.state, s.spent = splitEnd, true
		return Piece{Whole, s.held, s.start}, nil
	case s.state == splitStart:
		return s.fail(CodeEmpty, len(s.chunk))
	case s.state != splitEnd:
		return s.fail(CodeTruncated, len(s.chunk))
	}
	return Piece{}, nil
}
