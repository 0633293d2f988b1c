package payload

import (
	"strings"
	"sync"
	"unsafe"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Input is one request as the rules see it.
type Input struct {
	Method      string
	Path        string // decoded, in canonical form
	Query       string // as it came, without the question mark
	Header      gatehouse.Header
	ContentType string
	Body        []byte // decompressed; not changed, and not kept

	// Excludes tells findings to leave out. It may be nil.
	Excludes func(*Finding) bool
}

// A Finding is one match of a rule.
type Finding struct {
	Rule  *Rule
	Mode  gatehouse.Mode // Enforce: the request is to be refused; else Monitor
	Place string         // "query:url", "body:/orders/0/url", "header:x-next", "cookie:s", "path"
	Hint  string         // more about it, or ""; never the value
}

// An Inspector applies the rules. It is immutable and for any number of goroutines.
type Inspector struct {
	modes        [ruleCount]gatehouse.Mode
	json         JSONConfig
	graph        GraphQLConfig
	graphPaths   map[string]bool
	bare         Bare
	allow        []allowed
	targetWords  map[string]bool
	promptFields map[string]bool

	// Whether any rule of the family is on.
	ssrf, nosql, prototype, jwt, traversal, graphQL, prompt bool

	walks sync.Pool
}

// New returns the Inspector that c describes, defaults filled in, or all of its
// mistakes.
func New(c Config) (*Inspector, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	i := &Inspector{
		modes: c.modes(), json: c.JSON, graph: c.GraphQL, bare: c.SSRF.Bare,
		graphPaths: map[string]bool{}, targetWords: map[string]bool{}, promptFields: map[string]bool{},
	}
	for _, p := range c.GraphQL.Paths {
		i.graphPaths[p] = true
	}
	for _, s := range c.SSRF.Allow {
		a, _ := parseAllowed(s) // validated above
		i.allow = append(i.allow, a)
	}
	for _, s := range c.SSRF.Names {
		i.targetWords[foldName(s)] = true
	}
	for _, s := range c.LLM.Fields {
		i.promptFields[foldName(s)] = true
	}
	i.ssrf, i.nosql = i.any("ssrf"), i.any("nosql")
	i.prototype, i.jwt = i.any("prototype"), i.any("jwt")
	i.traversal, i.graphQL = i.any("traversal"), i.any("graphql")
	i.prompt = i.any("prompt") && len(i.promptFields) > 0
	i.walks.New = func() any { return new(walk) }
	return i, nil
}

func (i *Inspector) any(family string) bool {
	for k := range catalogue {
		if strings.HasPrefix(catalogue[k].ID, "payload."+family+".") && i.modes[k] != off {
			return true
		}
	}
	return false
}

// Inspect reports what the rules find in a request, until found returns false.
// Findings come in the order path, query, header, body; one rule is reported at most
// eight times.
func (i *Inspector) Inspect(in *Input, found func(Finding) bool) {
	w := i.walks.Get().(*walk)
	w.i, w.in, w.found = i, in, found
	w.path(in.Path)
	w.pairs(in.Query, sourceQuery)
	w.header(in.Header)
	w.body(in.ContentType, in.Body)
	w.reset()
	i.walks.Put(w)
}

// source says which part of the request is looked at.
type source uint8

const (
	sourcePath source = iota
	sourceQuery
	sourceHeader
	sourceCookie
	sourceBody
)

var sourceNames = [...]string{"path", "query", "header", "cookie", "body"}

// targets says which values of a part may be targets of requests.
type targets uint8

const (
	targetsAll   targets = iota
	targetsNamed         // only where the name says so
	targetsNone
)

// repeats is how often one rule is reported.
const repeats = 8

// walk is the state of one inspection.
type walk struct {
	i       *Inspector
	in      *Input
	found   func(Finding) bool
	stopped bool
	counts  [ruleCount]uint8

	// Where it is: a part, a name in it, and a member of a JSON text in that.
	source  source
	targets targets
	field   string
	tape    *strictjson.Tape // nil outside of JSON
	nameTok int              // index of the nearest member's name, or -1
	tok     int              // index of the value
	deeper  bool             // inside a string that holds JSON
	asked   bool             // named has been asked for this value
	answer  bool

	text, inner, head strictjson.Tape // of the body, of JSON in a string, of a token's header
	frames            []frame
	nameBuf, valueBuf []byte    // a pair, decoded
	keyBuf, leafBuf   []byte    // a member's name and value, decoded
	host, line        []byte    // a folded host; a value without line breaks
	paths             [2][]byte // a path, decoded
	words             []byte    // of a prompt
	looseBuf          []byte    // a string of a text that is nearly JSON
	token             []byte    // a token's header
	pointed           int
}

// keep bounds what a walk holds on to between requests, in bytes a buffer.
const keep = 64 << 10

func (w *walk) reset() {
	w.i, w.in, w.found, w.stopped = nil, nil, nil, false
	w.counts, w.pointed = [ruleCount]uint8{}, 0
	w.field, w.tape, w.deeper = "", nil, false
	w.text.Reset()
	w.inner.Reset()
	w.head.Reset()
	for _, b := range []*[]byte{&w.nameBuf, &w.valueBuf, &w.keyBuf, &w.leafBuf, &w.host, &w.line, &w.paths[0], &w.paths[1], &w.words, &w.token, &w.looseBuf} {
		if cap(*b) > keep {
			*b = nil
		}
	}
	if cap(w.frames) > keep {
		w.frames = nil
	}
}

// view returns b as a string without a copy: good as long as b stays as it is.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// at moves to a field of a part.
func (w *walk) at(s source, field string) {
	w.source, w.field, w.asked = s, field, false
}

// name returns the nearest name of the value that is looked at.
func (w *walk) name() string {
	if w.tape == nil || w.nameTok < 0 {
		return w.field
	}
	w.keyBuf = w.tape.AppendString(w.keyBuf[:0], w.nameTok)
	return view(w.keyBuf)
}

// named reports whether the name suggests the target of a request.
func (w *walk) named() bool {
	if !w.asked {
		w.asked, w.answer = true, w.i.targetName(w.name())
	}
	return w.answer
}

func (w *walk) find(rule int, hint string) {
	mode := w.i.modes[rule]
	if mode == off || w.stopped || w.counts[rule] >= repeats {
		return
	}
	f := Finding{Rule: &catalogue[rule], Mode: mode, Place: w.place(), Hint: hint}
	if w.in.Excludes != nil && w.in.Excludes(&f) {
		return // and does not count: it must not hide others
	}
	w.counts[rule]++
	w.stopped = !w.found(f)
}

// place names where the walk is, in at most some hundred inert bytes.
func (w *walk) place() string {
	var b strings.Builder
	b.WriteString(sourceNames[w.source])
	if w.source == sourcePath {
		return b.String()
	}
	b.WriteByte(':')
	field := w.field
	if w.source == sourceHeader {
		field = strings.ToLower(field[:min(len(field), maxName)])
	}
	writeInert(&b, field)
	if w.tape != nil {
		if w.field != "" || w.deeper {
			b.WriteByte('#')
		}
		// A pointer costs a walk over the tape, and what only monitors asks for many.
		if w.pointed += len(w.tape.Tokens); w.pointed <= maxPointed || w.pointed == len(w.tape.Tokens) {
			writeInert(&b, w.tape.Pointer(w.tok))
		} else {
			b.WriteString("...")
		}
	}
	return b.String()
}

const (
	maxName    = 200
	maxPointed = 1 << 22 // tokens that are walked over to name places
)

// writeInert writes a name, cut and without anything that is not printable ASCII.
func writeInert(b *strings.Builder, s string) {
	cut := len(s) > maxName
	for i := range len(s[:min(len(s), maxName)]) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			b.WriteByte('?')
		} else {
			b.WriteByte(c)
		}
	}
	if cut {
		b.WriteString("...")
	}
}

// value judges one decoded value.
func (w *walk) value(s string) {
	c := classify(s)
	w.asked = false
	if c&(isDot|isSlash|isPercent|isColon|isControl|isHigh|isOpen|isUnder) == 0 {
		if len(s) == 10 && c == isDigit || wordTarget(s) {
			w.ssrf(s, c)
		}
		if w.i.prompt && c&isSpace != 0 {
			w.prompts(s)
		}
		return
	}
	if w.i.traversal && c&(isDot|isPercent|isHigh|isNull) != 0 {
		w.traversal(s, c)
	}
	w.ssrf(s, c)
	if c&isDot != 0 && w.i.jwt {
		w.tokens(s)
	}
	if w.i.prototype && c&(isSlash|isDot|isOpen|isUnder) != 0 {
		w.propertyPath(s)
	}
	if c&isOpen != 0 && !w.deeper {
		w.embedded(s)
	}
	if w.i.prompt && (c&isSpace != 0 || c&isHigh != 0 || c&isOpen != 0) {
		w.prompts(s)
	}
}
