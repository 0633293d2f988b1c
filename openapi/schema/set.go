package schema

import (
	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// Options say how the schemas of a document are taken.
type Options struct {
	// Annotate leaves formats unasserted, as JSON Schema has them by default.
	Annotate bool
	// Steps bounds the work of one check; 0 stands for a million, and some for each
	// byte of the value. A check that needs more refuses the value.
	Steps int
}

// A Set is the schemas of a document.
type Set struct {
	doc  *document.Document
	opts Options
}

// NewSet makes the schemas of d ready to be compiled.
func NewSet(d *document.Document, o Options) (*Set, error) {
	return &Set{doc: d, opts: o}, nil
}

// Compile compiles the schema at n, which is a node of the set's document. The same
// node and direction give the same *Schema. An error says where, and is one
// *gatehouse.Error or several joined.
func (s *Set) Compile(n *document.Node, dir Direction) (*Schema, error) {
	return nil, &gatehouse.Error{Code: "contract.schema", Message: "no schema is compiled yet"}
}

// Warnings returns what the document's schemas say that is not enforced: unknown
// formats, keywords of another dialect.
func (s *Set) Warnings() []*gatehouse.Error { return nil }

// Classes returns the names of x-gatehouse-class by number; the first stands for
// none.
func (s *Set) Classes() []string { return []string{""} }
