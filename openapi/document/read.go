package document

import (
	"fmt"
	"math"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// A resource is one file of a document.
type resource struct {
	url  string // by which references name it
	from string // where it was read: what relative references to files start from
	name string // as people know it
	text string
	root *Node
}

// A growth counts what all files of a document add up to.
type growth struct {
	limits  Limits
	nodes   int
	aliased int
}

// A builder makes the tree of one file.
type builder struct {
	home     *resource
	growth   *growth
	problems *Problems
	slab     []Node
}

// Read reads one text, JSON or YAML, into a tree: without references, without a
// view. name is its file's name for positions, url is what [Node.File] returns. The
// error is a *Problems.
func Read(url, name string, text []byte, limits Limits) (*Node, error) {
	problems := &Problems{texts: map[string]string{}}
	home := &resource{url: url, from: url, name: name, text: string(text)}
	problems.texts[name] = home.text
	read(home, &growth{limits: limits.withDefaults()}, problems)
	if len(problems.Errors) > 0 {
		return nil, problems
	}
	return home.root, nil
}

// read sets home.root, unless it added an error that leaves no tree.
func read(home *resource, g *growth, problems *Problems) {
	text := strings.TrimPrefix(home.text, "\uFEFF")
	at := gatehouse.Position{File: home.name, Line: 1, Column: 1}
	if strings.HasPrefix(text, "\xFE\xFF") || strings.HasPrefix(text, "\xFF\xFE") {
		problems.add(&gatehouse.Error{Code: "contract.document_encoding", Message: "the document is in UTF-16", Hint: "save it in UTF-8", At: at})
		return
	}
	if i := invalidUTF8(text); i >= 0 {
		at.Line = 1 + strings.Count(text[:i], "\n")
		at.Column = 1 + utf8.RuneCountInString(text[strings.LastIndexByte(text[:i], '\n')+1:i])
		problems.add(&gatehouse.Error{Code: "contract.document_encoding", Message: "the document is not valid UTF-8", At: at})
		return
	}
	if len(text) > math.MaxInt32 {
		problems.add(&gatehouse.Error{Code: "contract.document_size", Message: "the document is too large", At: at})
		return
	}
	trimmed := strings.TrimLeft(text, " \t\r\n")
	if trimmed == "" {
		problems.add(&gatehouse.Error{Code: "contract.document_empty", Message: "the document is empty", At: at})
		return
	}
	ext := strings.ToLower(path.Ext(home.name))
	if trimmed[0] == '{' || trimmed[0] == '[' || ext == ".json" {
		before := *g
		mine := &Problems{}
		b := &builder{home: home, growth: g, problems: mine}
		root, ok := b.json(text)
		if ok || ext != ".yaml" && ext != ".yml" {
			home.root = root
			for _, e := range mine.Errors {
				problems.add(e)
			}
			return
		}
		*g = before // YAML in flow style, perhaps
	}
	b := &builder{home: home, growth: g, problems: problems}
	home.root = b.yaml(text)
}

func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

const slabSize = 256

// node makes a node, or adds an error and returns nil where there are too many.
func (b *builder) node(kind Kind, text string, line, column int) *Node {
	b.growth.nodes++
	if b.growth.nodes > b.growth.limits.Nodes {
		if b.growth.nodes == b.growth.limits.Nodes+1 {
			b.fail("contract.document_size", fmt.Sprintf("the document holds more than %d values", b.growth.limits.Nodes), "", line, column)
		}
		return nil
	}
	if len(b.slab) == 0 {
		b.slab = make([]Node, slabSize)
	}
	n := &b.slab[0]
	b.slab = b.slab[1:]
	n.Kind, n.Text, n.home = kind, text, b.home
	n.At = gatehouse.Position{File: b.home.name, Line: line, Column: column}
	return n
}

func (b *builder) fail(code, message, hint string, line, column int) {
	b.problems.add(&gatehouse.Error{Code: code, Message: message, Hint: hint,
		At: gatehouse.Position{File: b.home.name, Line: line, Column: column}})
}

// tooDeep adds an error where depth is beyond the limit.
func (b *builder) tooDeep(depth, line, column int) bool {
	if depth <= b.growth.limits.Depth {
		return false
	}
	b.fail("contract.document_depth", fmt.Sprintf("values are nested more than %d deep", b.growth.limits.Depth), "", line, column)
	return true
}

// addItem and addKey hang a value below its parent.
func addItem(list, item *Node) {
	item.up, item.index = list, int32(len(list.Items))
	list.Items = append(list.Items, item)
}

func addKey(m *Node, key Key) {
	key.Value.up, key.Value.index = m, int32(len(m.Keys))
	m.Keys = append(m.Keys, key)
	if m.names != nil {
		m.names[key.Name] = key.Value.index
	} else if len(m.Keys) == manyKeys {
		m.names = make(map[string]int32, 2*manyKeys)
		for i := range m.Keys {
			m.names[m.Keys[i].Name] = int32(i)
		}
	}
}

// duplicate adds the error for a key that stands twice, if it does.
func (b *builder) duplicate(m *Node, name string, line, column int) bool {
	first := m.key(name)
	if first == nil {
		return false
	}
	b.fail("contract.document_duplicate_key", "the key "+shown(name)+" stands twice",
		fmt.Sprintf("the first is in line %d", first.At.Line), line, column)
	return true
}
