package config

import (
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

type kind uint8

const (
	null kind = iota
	scalar
	sequence
	mapping
)

func (k kind) String() string { return [...]string{"nothing", "a value", "a list", "a mapping"}[k] }

// plainType is what an unquoted scalar is by YAML's core schema.
type plainType uint8

const (
	text plainType = iota
	integer
	float
	boolean
)

func (p plainType) String() string {
	return [...]string{"text", "a whole number", "a number", "true or false"}[p]
}

// A node is one value of a YAML document and the place it stands at. It is our
// own tree: aliases are resolved, included files are merged into it, and every
// node knows its file.
type node struct {
	kind   kind
	text   string // of a scalar, decoded
	raw    string // of a scalar, as written where text was expanded
	plain  plainType
	quoted bool
	// expanded says that text came from ${…}, so it counts as secret.
	expanded bool

	items   []*node
	members []member

	file         *file
	line, column int
	width        int // characters of the first token, for the caret
}

type member struct{ key, value *node }

// A file is one YAML file that was read.
type file struct {
	name  string // as shown in messages
	dir   string // what relative paths in it are relative to
	src   []byte
	lines []string
}

func newFile(name, dir string, src []byte) *file {
	return &file{name: name, dir: dir, src: src,
		lines: strings.Split(strings.ReplaceAll(string(src), "\r\n", "\n"), "\n")}
}

// maxShownLine bounds the lines shown; longer ones were not written by a person.
const maxShownLine = 16 << 10

// line returns a source line without the secrets in it.
func (f *file) line(n int) string {
	if n < 1 || n > len(f.lines) || len(f.lines[n-1]) > maxShownLine {
		return ""
	}
	line := strings.ToValidUTF8(f.lines[n-1], "\uFFFD")
	if secretLine(f.lines, n-1) {
		return stars(line, indent(line), len(line))
	}
	return maskSecrets(line)
}

// clamp returns the nearest place that exists in the file.
func (f *file) clamp(line, column int) (int, int) {
	line = min(max(line, 1), len(f.lines))
	return line, min(max(column, 1), utf8.RuneCountInString(f.lines[line-1])+1)
}

func (n *node) position() gatehouse.Position {
	if n == nil || n.file == nil {
		return gatehouse.Position{}
	}
	line, column := n.file.clamp(n.line, n.column)
	return gatehouse.Position{File: n.file.name, Line: line, Column: column}
}

// get returns the value of a mapping's key, or nil.
func (n *node) get(key string) *node {
	if m := n.member(key); m != nil {
		return m.value
	}
	return nil
}

func (n *node) member(key string) *member {
	if n == nil {
		return nil
	}
	for i := range n.members {
		if n.members[i].key.text == key {
			return &n.members[i]
		}
	}
	return nil
}

// find follows keys from mapping to mapping, or returns nil.
func (n *node) find(keys ...string) *node {
	for _, k := range keys {
		n = n.get(k)
	}
	return n
}

// each returns the items of a sequence; of anything else none.
func (n *node) each() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

// value returns the text of a scalar, or "".
func (n *node) value() string {
	if n == nil || n.kind != scalar {
		return ""
	}
	return n.text
}
