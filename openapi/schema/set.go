package schema

import (
	"errors"
	"net/url"
	"sort"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// Options say how the schemas of a document are taken.
type Options struct {
	// Annotate leaves formats unasserted, as JSON Schema has them by default.
	Annotate bool
	// Steps bounds the work of one check; 0 stands for two million. Each
	// byte of the value adds four. A check that needs more refuses the value.
	Steps int
}

// A Set is the schemas of a document. Compile may be called by one goroutine at a
// time, and not while one of its schemas checks; nothing else changes it.
type Set struct {
	opts     Options
	registry registry

	mu       sync.Mutex
	nodes    map[*document.Node]*node
	schemas  map[key]*Schema
	patterns map[string]*pattern
	anchors  map[string]bool // that a $dynamicRef names
	unknown  map[string]bool // formats, each warned of once
	classes  []string
	warnings []*gatehouse.Error
	directed bool // a schema is readOnly or writeOnly
}

type key struct {
	node *document.Node
	dir  Direction
}

// NewSet makes the schemas of d ready to be compiled.
func NewSet(d *document.Document, o Options) (*Set, error) {
	s := newSet(d.Dialect == document.OpenAPI30, o)
	files := make([]string, 0, len(d.Resources))
	for file := range d.Resources {
		files = append(files, file)
	}
	sort.Strings(files)
	for _, file := range files {
		if err := s.addFile(file, d.Resources[file]); err != nil {
			return nil, err
		}
	}
	if n := d.Root.Get("jsonSchemaDialect"); n != nil && !s.registry.old {
		vocab, err := s.registry.dialect(n.Text, d.Root)
		if err != nil {
			var e *gatehouse.Error
			if errors.As(err, &e) {
				e.At = n.At
			}
			return nil, err
		}
		s.registry.byURI[d.File].vocab = vocab
	}
	if err := s.scan(files); err != nil {
		return nil, err
	}
	return s, nil
}

func newSet(old bool, o Options) *Set {
	return &Set{
		opts:     o,
		registry: registry{byURI: map[string]*resource{}, at: map[*document.Node]*resource{}, old: old, assert: !o.Annotate},
		nodes:    map[*document.Node]*node{},
		schemas:  map[key]*Schema{},
		patterns: map[string]*pattern{},
		anchors:  map[string]bool{},
		unknown:  map[string]bool{},
		classes:  []string{""},
	}
}

// addFile makes a file known by its URL, and by the one it gives itself.
func (s *Set) addFile(file string, root *document.Node) error {
	u, err := url.Parse(file)
	if err != nil {
		return &gatehouse.Error{Code: "contract.schema", Message: "the file's URL is not well-formed", Err: err}
	}
	vocab := vDefault
	if s.registry.assert {
		vocab |= vFormatAssertion
	}
	r := s.registry.add(u, root, vocab)
	if self := root.Str("$self"); self != "" {
		if u, err := url.Parse(self); err == nil {
			s.registry.byURI[join(r.uri, u).String()] = r
		}
	}
	return nil
}

// scan registers the identifiers of the given files, all problems at once.
func (s *Set) scan(files []string) error {
	var errs []error
	for _, file := range files {
		r := s.registry.byURI[file]
		if err := s.registry.scanFile(r.root, r); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Compile compiles the schema at n, which is a node of the set's document. The same
// node and direction give the same *Schema. An error says where, and is one
// *gatehouse.Error or several joined.
func (s *Set) Compile(n *document.Node, dir Direction) (*Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n == nil {
		return nil, &gatehouse.Error{Code: "contract.schema", Message: "there is no schema"}
	}
	k := key{n, dir}
	if sch := s.schemas[k]; sch != nil {
		return sch, nil
	}
	file := s.registry.byURI[n.File()]
	if file == nil {
		return nil, &gatehouse.Error{Code: "contract.schema", Message: "the schema is not of this document", At: n.At}
	}
	_, r := s.registry.follow(file, n.Pointer())
	return s.compile(n, r, dir)
}

func (s *Set) compile(n *document.Node, r *resource, dir Direction) (*Schema, error) {
	c := compiler{set: s, from: len(s.nodes)}
	root := c.target(n, r)
	if err := c.finish(); err != nil {
		return nil, err
	}
	sch := &Schema{set: s, node: root, dir: dir}
	s.schemas[key{n, dir}] = sch
	return sch, nil
}

// Warnings returns what the schemas compiled so far say that is not enforced:
// unknown formats, keywords of another dialect.
func (s *Set) Warnings() []*gatehouse.Error { return s.warnings }

// Classes returns the names of x-gatehouse-class by number; the first stands for
// none.
func (s *Set) Classes() []string { return s.classes }

// maxWarnings bounds the warnings that are kept.
const maxWarnings = 500

func (s *Set) warn(at gatehouse.Position, message, hint string) {
	if len(s.warnings) < maxWarnings {
		s.warnings = append(s.warnings, &gatehouse.Error{Code: "contract.not_enforced", Message: message, Hint: hint, At: at})
	}
}
