package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/gatehouse/gatehouse"
)

// yaml reads text as YAML 1.2 by its core schema: yes, on, 010 and dates are what
// they look like, not YAML 1.1's booleans, octals and timestamps. Of YAML 1.1 the
// merge key << is kept, which many documents use: the keys it brings are added
// behind the map's own, which win. It returns nil after a syntax error.
func (b *builder) yaml(text string) (root *Node) {
	defer func() {
		if p := recover(); p != nil { // the library panics on what it thinks cannot be
			root = nil
			b.fail("contract.document_syntax", fmt.Sprintf("YAML: %v", p), "", 1, 1)
		}
	}()
	// Each value begins or ends with one of these, so that a text of nothing but
	// values is refused before the library has built them all.
	values := 0
	for i := range len(text) {
		if c := text[i]; c == ',' || c == '[' || c == '{' || c == '\n' || c == ':' || c == '-' && i+1 < len(text) && text[i+1] == ' ' {
			values++
		}
	}
	if values > 4*b.growth.limits.Nodes {
		b.fail("contract.document_size", fmt.Sprintf("the document holds more than %d values", b.growth.limits.Nodes), "", 1, 1)
		return nil
	}
	if strings.HasPrefix(text, "%YAML 1.2") { // the library knows 1.1 only; a comment says as much
		text = "#" + text[1:]
	}
	loader, err := yaml.NewLoader(strings.NewReader(text))
	if err != nil {
		b.fail("contract.document_syntax", "YAML: "+err.Error(), "", 1, 1)
		return nil
	}
	var doc yaml.Node
	if err := loader.Load(&doc); err != nil {
		b.yamlError(err)
		return nil
	}
	var second yaml.Node
	if err := loader.Load(&second); err == nil {
		b.fail("contract.document_many", "the file holds more than one YAML document", "keep one", second.Line, max(second.Column, 1))
	} else if !errors.Is(err, io.EOF) {
		b.yamlError(err)
		return nil
	}
	y := &yamlReader{builder: b, open: map[*yaml.Node]bool{}}
	top := &doc
	if top.Kind == yaml.DocumentNode {
		if len(top.Content) != 1 {
			b.fail("contract.document_empty", "the document is empty", "", 1, 1)
			return nil
		}
		top = top.Content[0]
	}
	root, ok := y.value(top, 1)
	if !ok {
		return nil
	}
	return root
}

func (b *builder) yamlError(err error) {
	if errors.Is(err, io.EOF) {
		b.fail("contract.document_empty", "the document is empty", "", 1, 1)
		return
	}
	var at *yaml.LoadError
	if errors.As(err, &at) {
		b.fail("contract.document_syntax", "YAML: "+at.Message, "", max(at.Mark.Line, 1), max(at.Mark.Column, 1))
		return
	}
	b.fail("contract.document_syntax", strings.Replace(err.Error(), "yaml: ", "YAML: ", 1), "", 1, 1)
}

// A yamlReader turns the library's nodes into ours.
type yamlReader struct {
	*builder
	open    map[*yaml.Node]bool // anchored nodes that are being read
	aliases int                 // that lead to where we are: what is read counts as growth
}

// value returns ok false where reading cannot go on.
func (y *yamlReader) value(from *yaml.Node, depth int) (n *Node, ok bool) {
	if y.tooDeep(depth, from.Line, from.Column) {
		return nil, false
	}
	if y.aliases > 0 && !y.grow(from) {
		return nil, false
	}
	switch from.Kind {
	case yaml.AliasNode:
		return y.alias(from, depth)
	case yaml.ScalarNode:
		kind, text := y.scalar(from)
		n = y.node(kind, text, from.Line, from.Column)
		return n, n != nil
	case yaml.SequenceNode:
		y.tag(from, "!!seq")
		if n = y.node(List, "", from.Line, from.Column); n == nil {
			return nil, false
		}
		defer y.enter(from)()
		for _, c := range from.Content {
			item, ok := y.value(c, depth+1)
			if !ok {
				return nil, false
			}
			addItem(n, item)
		}
		return n, true
	case yaml.MappingNode:
		y.tag(from, "!!map")
		if n = y.node(Map, "", from.Line, from.Column); n == nil {
			return nil, false
		}
		defer y.enter(from)()
		return n, y.mapping(n, from, depth)
	}
	y.fail("contract.document_syntax", "YAML: a value of no known kind", "", from.Line, from.Column)
	return nil, false
}

func (y *yamlReader) enter(from *yaml.Node) (leave func()) {
	if from.Anchor == "" {
		return func() {}
	}
	y.open[from] = true
	return func() { delete(y.open, from) }
}

// grow counts a value that an alias brings.
func (y *yamlReader) grow(from *yaml.Node) bool {
	if y.growth.aliased++; y.growth.aliased <= y.growth.limits.Aliased {
		return true
	}
	y.fail("contract.document_size", fmt.Sprintf("YAML aliases add more than %d values", y.growth.limits.Aliased), "", from.Line, from.Column)
	return false
}

func (y *yamlReader) alias(from *yaml.Node, depth int) (*Node, bool) {
	if from.Alias == nil || y.open[from.Alias] {
		y.fail("contract.document_cycle", "the alias "+shown("*"+from.Value)+" stands within its own anchor", "", from.Line, from.Column)
		return nil, false
	}
	y.aliases++
	defer func() { y.aliases-- }()
	return y.value(from.Alias, depth)
}

func (y *yamlReader) mapping(m *Node, from *yaml.Node, depth int) bool {
	var merges []*yaml.Node
	for i := 0; i+1 < len(from.Content); i += 2 {
		k, v := from.Content[i], from.Content[i+1]
		if k.Kind == yaml.AliasNode && k.Alias != nil {
			k = k.Alias
		}
		if k.Kind != yaml.ScalarNode {
			y.fail("contract.document_syntax", "YAML: a key that is no scalar", "", k.Line, k.Column)
			return false
		}
		if k.Value == "<<" && k.Style&^yaml.TaggedStyle == 0 {
			merges = append(merges, v)
			continue
		}
		value, ok := y.value(v, depth+1)
		if !ok {
			return false
		}
		if !y.duplicate(m, k.Value, k.Line, k.Column) {
			addKey(m, Key{Name: k.Value, At: gatehouse.Position{File: y.home.name, Line: k.Line, Column: k.Column}, Value: value})
		}
	}
	for _, v := range merges {
		if !y.merge(m, v, depth) {
			return false
		}
	}
	return true
}

// merge adds the keys of from, a map or a list of maps, that m does not have.
func (y *yamlReader) merge(m *Node, from *yaml.Node, depth int) bool {
	if y.tooDeep(depth, from.Line, from.Column) {
		return false
	}
	sources := []*yaml.Node{from}
	if from.Kind == yaml.SequenceNode {
		sources = from.Content
	}
	for _, s := range sources {
		target := s
		for target.Kind == yaml.AliasNode && target.Alias != nil {
			target = target.Alias
		}
		if target.Kind != yaml.MappingNode {
			y.fail("contract.document_syntax", "YAML: << takes a map, an alias of one, or a list of these", "", s.Line, s.Column)
			return false
		}
		if y.open[target] {
			y.fail("contract.document_cycle", "a map is merged into itself", "", s.Line, s.Column)
			return false
		}
		scratch := y.node(Map, "", target.Line, target.Column)
		y.aliases++
		ok := scratch != nil && y.grow(s)
		if ok {
			leave := y.enter(target)
			ok = y.mapping(scratch, target, depth+1)
			leave()
		}
		y.aliases--
		if !ok {
			return false
		}
		for _, k := range scratch.Keys {
			if m.key(k.Name) == nil {
				addKey(m, k)
			}
		}
	}
	return true
}

// tag refuses a tag that says what the value is not.
func (y *yamlReader) tag(from *yaml.Node, own string) {
	if from.Style&yaml.TaggedStyle != 0 && from.Tag != own {
		y.fail("contract.document_syntax", "YAML: the tag "+shown(from.Tag)+" means nothing here", "", from.Line, from.Column)
	}
}

// scalar resolves a scalar by the core schema (YAML 1.2.2, section 10.3.2).
func (y *yamlReader) scalar(from *yaml.Node) (Kind, string) {
	s := from.Value
	if from.Style&yaml.TaggedStyle != 0 {
		return y.tagged(from)
	}
	if from.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 || from.Tag == "!" {
		return String, s
	}
	kind, text := plain(s)
	if kind == Number && text == "" {
		y.fail("contract.document_number", "the number "+shown(s)+" cannot be written in JSON", "put it in quotes if it is text", from.Line, from.Column)
		return Null, ""
	}
	return kind, text
}

func (y *yamlReader) tagged(from *yaml.Node) (Kind, string) {
	kind, text := plain(from.Value)
	want, known := map[string]Kind{"!!str": String, "!!null": Null, "!!bool": Bool, "!!int": Number, "!!float": Number}[from.Tag]
	switch {
	case known && want == String || from.Tag == "!!timestamp" || from.Tag == "!!binary":
		return String, from.Value
	case known && want == kind && (kind != Number || text != ""):
		return kind, text
	}
	y.fail("contract.document_syntax", "YAML: the tag "+shown(from.Tag)+" means nothing here", "", from.Line, from.Column)
	return Null, ""
}

// plain resolves a plain scalar. A number's text is respelled for JSON; it is ""
// for those that JSON does not have.
func plain(s string) (Kind, string) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return Null, ""
	case "true", "True", "TRUE":
		return Bool, "true"
	case "false", "False", "FALSE":
		return Bool, "false"
	}
	switch c := s[0]; {
	case '0' <= c && c <= '9', c == '-', c == '+', c == '.':
		if text, ok := coreNumber(s); ok {
			return Number, text
		}
	}
	return String, s
}

// coreNumber respells a number of the core schema; "" where JSON cannot.
func coreNumber(s string) (text string, ok bool) {
	if base := map[string]int{"0o": 8, "0x": 16}[s[:min(2, len(s))]]; base != 0 {
		for i := 2; i < len(s); i++ {
			if c := s[i] | 0x20; !('0' <= c && c <= '7' || base == 16 && ('8' <= c && c <= '9' || 'a' <= c && c <= 'f')) {
				return "", false
			}
		}
		n, good := new(big.Int).SetString(s[2:], base)
		if !good || len(s) > 400 {
			return "", false
		}
		return n.String(), true
	}
	unsigned := strings.TrimLeft(s[:1], "+-") + s[1:]
	switch unsigned {
	case ".inf", ".Inf", ".INF":
		return "", true
	case ".nan", ".NaN", ".NAN":
		return "", unsigned == s
	}
	return decimal(s)
}

// decimal respells [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? for JSON,
// which wants digits on both sides of the point, and no zeros or plus in front.
func decimal(s string) (string, bool) {
	var out bytes.Buffer
	i := 0
	if s[0] == '-' || s[0] == '+' {
		if s[0] == '-' {
			out.WriteByte('-')
		}
		i++
	}
	run := func() string {
		start := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return s[start:i]
	}
	whole := run()
	fraction, point := "", i < len(s) && s[i] == '.'
	if point {
		i++
		fraction = run()
	}
	if whole == "" && fraction == "" {
		return "", false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	out.WriteString(whole)
	if fraction != "" {
		out.WriteString("." + fraction)
	} else if point {
		out.WriteString(".0")
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		out.WriteByte('e')
		if i++; i < len(s) && (s[i] == '-' || s[i] == '+') {
			out.WriteByte(s[i])
			i++
		}
		exponent := run()
		if exponent == "" {
			return "", false
		}
		out.WriteString(exponent)
	}
	return out.String(), i == len(s)
}
