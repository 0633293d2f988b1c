package filter

import (
	"sync"

	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Options say what a filter does. The zero value does nothing.
type Options struct {
	// Schema judges the text; nil for none. One that breaks it is refused.
	Schema *schema.Schema
	// Unknown and Exceptions are handed to the check.
	Unknown    schema.Unknown
	Exceptions *schema.Pointers
	// Cut removes undeclared and writeOnly members. It needs a Schema.
	Cut bool
	// Settle judges what a cut has left once more, and cuts again where need be:
	// for schemas by which a value can become invalid, or be declared otherwise, by
	// the loss of a member (required names that are not declared, minProperties,
	// anyOf, oneOf, not, if).
	Settle bool
	// View masks; nil for nothing.
	View *View
	// Select keeps what was asked for; nil for everything.
	Select *Selection

	// Limits bound the JSON text.
	Limits strictjson.Limits
	// MaxElement bounds one element of a streamed array, in bytes; 0 stands for 1 MiB.
	MaxElement int
	// MaxWhole bounds a text that is held whole, in bytes; 0 stands for 8 MiB.
	MaxWhole int
	// Hold is how many bytes a Writer keeps back before the first goes out, so that
	// a fault among them can still be told by a status; 0 stands for 32 KiB.
	Hold int
	// Whole makes a Writer hold arrays whole too: for schemas that say of the array
	// itself what no element shows (uniqueItems, contains).
	Whole bool
	// Violations bounds how many violations an error tells; 0 stands for 1.
	Violations int
}

// engines are the memory of filters at work.
var engines = sync.Pool{New: func() any { return new(engine) }}

// An engine is the memory of one filter at work.
type engine struct {
	tape        strictjson.Tape
	splitter    strictjson.Splitter
	report      schema.Report
	marks       []schema.Mark // memory of the report's
	base        string        // in front of the report's pointers
	cut         cutter
	out         []byte
	cuts, texts []byte // of settle
	whole       []byte // a text that is held whole
}

func (e *engine) release() {
	e.tape.Reset()
	e.cut.reset()
	if e.report.Marks = nil; cap(e.marks) > keep {
		e.marks = nil
	}
	for _, b := range []*[]byte{&e.out, &e.cuts, &e.texts, &e.whole} {
		if cap(*b) > keep {
			*b = nil
		}
	}
	engines.Put(e)
}

// keep bounds the memory an engine keeps between uses.
const keep = 1 << 17
