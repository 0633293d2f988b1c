package schema

import "github.com/gatehouse/gatehouse"

// Direction is which way a value goes.
type Direction uint8

const (
	Request  Direction = iota // to the API: readOnly is not accepted
	Response                  // from the API: writeOnly is not sent
)

// A Violation is one way in which a value breaks its schema. It never holds the
// value.
type Violation struct {
	// Code is stable: "contract.type", "contract.required", "contract.unknown_property",
	// "contract.read_only", "contract.enum", "contract.range", "contract.length",
	// "contract.pattern", "contract.format", "contract.items", "contract.choice" …
	Code string
	// Pointer is the JSON pointer (RFC 6901) of the value; of a missing or unknown
	// member, of the member.
	Pointer string
	// Keyword is the schema's keyword: "maxLength".
	Keyword string
	// At is the line of the document that decided.
	At gatehouse.Position
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
	// Cut leaves out what a filter will remove: undeclared and writeOnly members are
	// marked and are no violation, even where additionalProperties is false.
	Cut bool
	// Marks is filled, one per token, where it is not nil on entry: for filters.
	Marks []Mark
}

// Unknown says what becomes of undeclared properties.
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
	// Set.Classes.
	Class uint8
}

// MarkFlags tell how a value is declared.
type MarkFlags uint8

const (
	Declared  MarkFlags = 1 << iota // by a property, a pattern, additionalProperties or as an item
	WriteOnly                       // never to be sent
	ReadOnly                        // never to be accepted
)
