package document

import "github.com/gatehouse/gatehouse"

// Kind is the kind of a Node, as JSON has them.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

// A Node is one value of a document, with its place.
type Node struct {
	Kind Kind
	// Text is a scalar's text: a string's value, a number as spelled in JSON,
	// "true" or "false".
	Text  string
	Items []*Node // of a List
	Keys  []Key   // of a Map, in the document's order; no name stands twice
	At    gatehouse.Position
	// File and Pointer are where the node stands: the resource's URL without its
	// fragment, and the JSON pointer within ("/components/schemas/Order").
	File, Pointer string
}

// A Key is a member of a Map.
type Key struct {
	Name  string
	At    gatehouse.Position // of the name
	Value *Node
}

// Get returns the member called name, or nil.
func (n *Node) Get(name string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Keys {
		if n.Keys[i].Name == name {
			return n.Keys[i].Value
		}
	}
	return nil
}
