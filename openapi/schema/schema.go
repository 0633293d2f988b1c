package schema

import (
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Direction is which way a value goes.
type Direction uint8

const (
	Request  Direction = iota // to the API: readOnly is not accepted
	Response                  // from the API: writeOnly is not sent
)

// A Schema judges values that go in one direction. It is for any number of
// goroutines.
type Schema struct {
	set  *Set
	node *node
	dir  Direction
}

// Node returns the schema's place in the document; of one put together by
// [Schema.Property] the place of the schema it was asked of.
func (s *Schema) Node() *document.Node { return s.node.at }

// Direction returns which way the values go.
func (s *Schema) Direction() Direction { return s.dir }

// Check reports whether the value at token i of t is valid. What breaks the schema,
// and what else r asks for, is put into r, which may be nil.
func (s *Schema) Check(t *strictjson.Tape, i int, r *Report) bool {
	w := walkers.Get().(*walk)
	ok := w.run(s, t, i, r)
	w.release()
	return ok
}

// A Violation is one way in which a value breaks its schema. It never holds the
// value.
type Violation struct {
	// Code is one of [Codes].
	Code string
	// Pointer is the JSON pointer (RFC 6901) of the value; of a missing or unknown
	// member, of the member. It is bounded, and has no control characters.
	Pointer string
	// Parameter is "in:name" of the parameter the value came in ("query:limit"); ""
	// for a body. The parameter decoder sets it.
	Parameter string
	// Keyword is the schema's keyword: "maxLength".
	Keyword string
	// At is the line of the document that decided.
	At gatehouse.Position
}

// Codes are the codes of violations, and what each says.
var Codes = []struct{ Code, Means string }{
	{"contract.type", "the value is of a JSON type that the schema does not list"},
	{"contract.forbidden", "the schema is false: no value is accepted here"},
	{"contract.required", "a required member is missing"},
	{"contract.dependent_required", "a member that another one requires is missing"},
	{"contract.unknown_property", "no schema declares the member"},
	{"contract.read_only", "a readOnly value in a request"},
	{"contract.write_only", "a writeOnly value in a response"},
	{"contract.enum", "the value is none of those listed, or not the constant"},
	{"contract.range", "a number is out of range, or no multiple"},
	{"contract.length", "a string is too short or too long"},
	{"contract.pattern", "a string does not match the pattern"},
	{"contract.pattern_timeout", "the pattern took too long to match, so the value is refused"},
	{"contract.format", "a string or number does not have the format"},
	{"contract.items", "an array has too few or too many items, or ones it must not have"},
	{"contract.unique", "an array has equal items"},
	{"contract.contains", "an array has too few or too many items of a kind"},
	{"contract.properties", "an object has too few or too many members"},
	{"contract.choice", "none of anyOf, or not exactly one of oneOf, is met"},
	{"contract.not", "the value is what it must not be"},
	{"contract.too_complex", "the schema would need too many steps for this value, so it is refused"},
}

// A Report says what a check is to look for, and takes what it found. Its memory is
// reused: Reset it.
type Report struct {
	// Max bounds Violations; 0 stands for 1. The check ends when they are found.
	Max        int
	Violations []Violation
	// Base is put in front of every pointer.
	Base string
	// Unknown says what becomes of properties that nothing declares, in an object
	// whose schema leaves it open.
	Unknown Unknown
	// Exceptions are members that Unknown lets by.
	Exceptions *Pointers
	// Cut leaves out what a filter will remove: undeclared and writeOnly members are
	// marked and are no violation, even where additionalProperties is false.
	Cut bool
	// Marks is filled, one per token, where it is not nil on entry: for filters. A
	// branch that failed leaves no mark. The value that was checked is Declared, and
	// so are the items of an array that is.
	Marks []Mark
	// Work, where it is not nil, is shared by the checks of one text's values: all of
	// them may cost what one value of that size may.
	Work *Work
}

// Work is what checks have cost. The zero Work is none.
type Work struct {
	steps    int
	matching time.Duration
}

// Reset empties the report for another value; what it looks for stays.
func (r *Report) Reset() {
	r.Violations = r.Violations[:0]
	if r.Marks != nil {
		r.Marks = r.Marks[:0]
	}
}

func (r *Report) full() bool { return len(r.Violations) >= max(r.Max, 1) }

// Unknown says what becomes of undeclared properties. A property is declared by
// properties, patternProperties, additionalProperties or unevaluatedProperties of
// any schema that applies to its object: of all that $ref, allOf and if lead to, and
// of the branches of anyOf and oneOf that accept the value. An object of whose
// properties no schema says anything is free: all its members are declared.
type Unknown uint8

const (
	UnknownAsDeclared Unknown = iota // what the schema says; open where it says nothing
	UnknownReport                    // accepted, and reported as a Violation that does not fail the check
	UnknownRefuse                    // as if unevaluatedProperties were false everywhere
)

// A Mark is what a schema said of one token (of a member: of its value).
type Mark struct {
	Flags MarkFlags
	// Class is the number of the value's x-gatehouse-class, 0 for none: see
	// Set.Classes. Also is a second one, where schemas that apply together disagree:
	// ManyClasses where there are more.
	Class, Also uint8
}

// ManyClasses is the number of no class: it stands for any.
const ManyClasses = 255

func (m *Mark) classify(class uint8) {
	switch {
	case m.Class == 0:
		m.Class = class
	case m.Also == 0:
		m.Also = class
	default:
		m.Also = ManyClasses
	}
}

// MarkFlags tell how a value is declared.
type MarkFlags uint8

const (
	Declared  MarkFlags = 1 << iota // by a property, a pattern, additionalProperties or as an item
	WriteOnly                       // never to be sent
	ReadOnly                        // never to be accepted
	shaped                          // a schema says which members or items the container has
)
