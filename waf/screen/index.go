package screen

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3/types/variables"

	"github.com/gatehouse/gatehouse/waf/expression"
	"github.com/gatehouse/gatehouse/waf/operator"
	"github.com/gatehouse/gatehouse/waf/seclang"
	"github.com/gatehouse/gatehouse/waf/transform"
)

// An Index is what all profiles of a program share: its links in the form the
// screen evaluates, its expressions and the automaton over their literals. It does
// not change after [NewIndex].
type Index struct {
	rules   []rule
	ops     []op
	literal bits // ops of which a literal must occur
	auto    *automaton
	pipes   []pipe
	slots   []slot
	classes []class
	readers []reader
	dynamic names // TX variables that rules about the request may set
}

// An op is an operator whose answer depends on nothing but the text: asked once for
// each distinct text, however many rules and variables it stands in.
type op struct {
	rx    *expression.Expression // nil for the others
	match func(string) bool
	gate  expression.Gate
}

// A pipe is a sequence of transformations.
type pipe struct {
	*transform.Pipeline
	multi bool // the operator sees the steps in between, too
}

// A slot is a selection of values from the variables of a transaction.
type slot struct {
	variable  variables.RuleVariable
	name      string
	key       string
	keyRegexp *regexp.Regexp
}

// rule is a seclang.Rule with its links compiled.
type rule struct {
	*seclang.Rule
	links []link
	// carried rules are evaluated by the parsing transaction. They have no links.
	carried bool
	// quiet rules leave no trace of their own when they match: what they do is in
	// their effects.
	quiet bool
}

// link is a seclang.Link compiled.
type link struct {
	*seclang.Link
	targets []target
	pipe    int
	op      int                        // index of its op, or -1
	test    func(string) bool          // where op is -1 and the argument has no variables
	macro   macro                      // where it has
	build   func(arg string) predicate // builds the test from the expanded macro
	sets    []assignment
	ctls    []seclang.Action
	// Its actions may set what its operator reads, or what they read themselves.
	feedsOperator, feedsItself bool
	// opaque says why the link cannot be evaluated.
	opaque string
}

type predicate func(string) bool

// A target is a seclang.Target, with the slot its values come from, or -1 where
// they come from TX or from what the chain has matched so far.
type target struct {
	*seclang.Target
	slot int
}

// An assignment is a setvar.
type assignment struct {
	name, value macro
	remove      bool
}

// Options tell NewIndex what it cannot see in the program.
type Options struct {
	// Carried reports rules that the parsing transaction evaluates as well, and that
	// do nothing but choose how the body is parsed.
	Carried func(id int) bool
	// Classes are sets of bytes that many values consist of.
	Classes []expression.Bytes
}

// NewIndex compiles the rules of a program.
func NewIndex(p *seclang.Program, o Options) (*Index, error) {
	b := &indexer{Index: &Index{}, opOf: map[string]int{}, pipeOf: map[string]int{}, slotOf: map[string]int{}}
	for i := range p.Rules {
		r := rule{Rule: &p.Rules[i]}
		if o.Carried != nil && r.ID != 0 && o.Carried(r.ID) {
			if !r.onlyParses() {
				return nil, fmt.Errorf("rule %d does more than choose how the body is parsed", r.ID)
			}
			r.carried = true
			b.rules = append(b.rules, r)
			continue
		}
		r.quiet = !r.Log && (r.Disruptive == "" || r.Disruptive == "pass" || r.Disruptive == "block")
		for j := range r.Links {
			r.links = append(r.links, b.link(&r, &r.Links[j]))
		}
		if r.Opaque != "" && len(r.links) == 0 {
			r.links = []link{{Link: &seclang.Link{}, op: -1, opaque: r.Opaque}}
		} else if r.Opaque != "" {
			r.links[0].opaque = r.Opaque
		}
		b.rules = append(b.rules, r)
	}
	if len(b.ops) > 1<<16 {
		return nil, fmt.Errorf("%d operators are more than the screen can index", len(b.ops))
	}
	b.finish()
	b.classify(o.Classes)
	return b.Index, nil
}

// onlyParses reports whether the rule, apart from the rest of the program, does
// nothing but choose how the body is parsed.
func (r *rule) onlyParses() bool {
	if r.Phase != 1 || r.Log || r.Disruptive != "pass" && r.Disruptive != "" || r.Skip > 0 || r.SkipAfter != "" || r.Opaque != "" {
		return false
	}
	for _, l := range r.Links {
		for _, t := range l.Targets {
			if t.Variable != "REQBODY_PROCESSOR" && modelled[t.Variable] != kindHead {
				return false
			}
		}
		for _, a := range l.Actions {
			c, err := a.Control()
			if err != nil || c.Name != "requestBodyProcessor" && c.Name != "forceRequestBodyVariable" {
				return false
			}
		}
		if l.Operator == nil || strings.Contains(l.Operator.Argument, "%{") {
			return false
		}
	}
	return true
}

type indexer struct {
	*Index
	opOf, pipeOf, slotOf map[string]int
}

// finish builds the automaton.
func (b *indexer) finish() {
	literals := map[string][]uint16{}
	b.literal = newBits(len(b.ops))
	for i := range b.ops {
		for _, text := range b.ops[i].gate.Literals {
			literals[text] = append(literals[text], uint16(i))
			b.literal.add(i)
		}
	}
	b.auto = newAutomaton(literals)
	b.dynamic.learn(b.rules)
	for i := range b.rules {
		if r := reads(&b.rules[i]); len(r.keys)+len(r.targets)+len(r.prefixes) > 0 {
			b.readers = append(b.readers, r)
		}
	}
}

func (b *indexer) link(r *rule, l *seclang.Link) link {
	out := link{Link: l, op: -1}
	for i := range l.Targets {
		t, why := b.target(r, &l.Targets[i])
		if why != "" {
			out.opaque = why
		}
		out.targets = append(out.targets, t)
	}
	var ok bool
	if out.pipe, ok = b.pipeline(l); !ok {
		out.opaque = "a transformation is unknown"
	}
	for _, a := range l.Actions {
		switch a.Name {
		case "setvar":
			s, ok := parseAssignment(a.Value)
			if !ok {
				out.opaque = "setvar cannot be read"
			}
			out.sets = append(out.sets, s)
		case "ctl":
			out.ctls = append(out.ctls, a)
		case "initcol", "setenv", "expirevar", "exec": // without effect on the rules in the engine
			if a.Name == "setenv" {
				out.opaque = "setenv changes the environment"
			}
		default:
			out.opaque = "the action " + a.Name + " is unknown"
		}
	}
	if l.Operator != nil {
		b.operator(&out, l.Operator)
	}
	out.feedsOperator = out.macro.reads(out.assigns)
	for _, s := range out.sets {
		out.feedsItself = out.feedsItself || s.name.reads(out.assigns) || s.value.reads(out.assigns)
	}
	return out
}

// assigns reports whether the link may set what t stands for.
func (l *link) assigns(t *token) bool {
	var own names
	for _, s := range l.sets {
		own.add(s.name)
	}
	return t.name == "TX" && own.has(t.key)
}

// expands lists the operators whose argument may hold variables.
var expands = []string{"beginswith", "contains", "endswith", "eq", "ge", "gt", "le", "lt", "streq", "strmatch", "within"}

func (b *indexer) operator(l *link, o *seclang.Operator) {
	switch {
	case o.Name == "rx":
		b.expression(l, o)
		return
	case strings.Contains(o.Argument, "%{") && slices.Contains(expands, o.Name):
		m, ok := parseMacro(o.Argument)
		if !ok {
			l.opaque = "the operator's argument cannot be read"
			return
		}
		l.macro = m
		l.build = func(arg string) predicate {
			f, err := operator.Compile(o.Name, arg)
			if err != nil {
				return nil
			}
			return predicate(f)
		}
		return
	case o.Phrases != nil:
		b.phrases(l, o)
		return
	}
	f, err := operator.Compile(o.Name, o.Argument)
	if err != nil {
		l.opaque = "the operator " + o.Name + " is not modelled"
		return
	}
	if o.Name != "detectsqli" && o.Name != "detectxss" && o.Name != "validatebyterange" || o.Negated {
		l.test = f
		return
	}
	l.op = b.intern(o.Name+" "+o.Argument, func() op { return op{match: f} })
}

func (b *indexer) expression(l *link, o *seclang.Operator) {
	e, err := expression.Compile(o.Argument)
	if err != nil {
		l.opaque = "the expression cannot be compiled"
		return
	}
	if o.Negated {
		l.test = e.MatchString
		return
	}
	l.op = b.intern("rx "+o.Argument, func() op { return op{rx: e, match: e.MatchString, gate: e.Gate()} })
}

func (b *indexer) phrases(l *link, o *seclang.Operator) {
	f, err := operator.Phrases(o.Phrases)
	if strings.HasPrefix(o.Name, "ipmatch") {
		f, err = operator.Compile("ipmatch", strings.Join(o.Phrases, ","))
	} else if !strings.HasPrefix(o.Name, "pm") {
		err = errors.ErrUnsupported
	}
	if err != nil {
		l.opaque = "the operator " + o.Name + " is not modelled"
		return
	}
	if o.Negated || !strings.HasPrefix(o.Name, "pm") || len(o.Phrases) == 0 {
		l.test = f
		return
	}
	gate := expression.Gate{}
	for _, p := range o.Phrases {
		if p == "" || expression.Fold(p) != strings.ToLower(p) || !ascii(p) {
			gate.Literals = nil // an odd phrase: ask every time
			break
		}
		gate.Literals = append(gate.Literals, expression.Fold(p))
	}
	l.op = b.intern(o.Name+" "+strings.Join(o.Phrases, "\x00"), func() op { return op{match: f, gate: gate} })
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

func (b *indexer) intern(key string, make func() op) int {
	i, ok := b.opOf[key]
	if !ok {
		i = len(b.ops)
		b.opOf[key] = i
		b.ops = append(b.ops, make())
	}
	return i
}

func (b *indexer) pipeline(l *seclang.Link) (int, bool) {
	p, ok := transform.Chain(l.Transforms)
	if !ok {
		return 0, false
	}
	multi := l.MultiMatch && len(l.Transforms) > 0
	key := fmt.Sprint(multi, " ", p.Key())
	i, ok := b.pipeOf[key]
	if !ok {
		i = len(b.pipes)
		b.pipeOf[key] = i
		b.pipes = append(b.pipes, pipe{p, multi})
	}
	return i, true
}

// target finds the slot of a target, or says why its values cannot be known.
func (b *indexer) target(r *rule, t *seclang.Target) (target, string) {
	kind, known := modelled[t.Variable]
	switch {
	case !known:
		return target{t, -1}, "the variable " + t.Variable + " is not modelled"
	case (&target{t, -1}).parsed():
		return target{t, -1}, "it reads a variable of TX that parsers set"
	case kind == kindOverlay:
		return target{t, -1}, ""
	case t.Variable == "REQBODY_PROCESSOR" && r.Phase == 1, (t.Count || kind == kindBodySingle) && early(r.Phase, t.Variable):
		return target{t, -1}, t.Variable + " changes after phase " + fmt.Sprint(r.Phase)
	}
	v, err := variables.Parse(t.Variable)
	if err != nil {
		return target{t, -1}, "the variable " + t.Variable + " is unknown"
	}
	pattern := ""
	if t.KeyRegexp != nil {
		pattern = t.KeyRegexp.String()
	}
	key := t.Variable + "\x00" + t.Key + "\x00" + pattern
	i, ok := b.slotOf[key]
	if !ok {
		i = len(b.slots)
		b.slotOf[key] = i
		b.slots = append(b.slots, slot{variable: v, name: t.Variable, key: t.Key, keyRegexp: t.KeyRegexp})
	}
	return target{t, i}, ""
}

func parseAssignment(s string) (a assignment, ok bool) {
	if strings.HasPrefix(s, "!") {
		a.remove, s = true, s[1:]
	}
	key, value, has := strings.Cut(s, "=")
	col, name, _ := strings.Cut(key, ".")
	if !strings.EqualFold(col, "tx") {
		return a, false
	}
	if a.name, ok = parseMacro(name); !ok {
		return a, false
	}
	if has {
		a.value, ok = parseMacro(value)
	} else {
		ok = a.remove // the engine fails where a value is missing
	}
	return a, ok
}

// A reader is a rule that reads TX: by targets, and by keys in macros.
type reader struct {
	rule    *seclang.Rule
	targets []*target
	keys    map[string]bool
	// prefixes are of the names to which it adds.
	prefixes []string
}

func reads(r *rule) reader {
	out := reader{rule: r.Rule, keys: map[string]bool{}}
	note := func(t *token) bool {
		out.keys[t.key] = out.keys[t.key] || t.name == "TX"
		return false
	}
	for i := range r.links {
		l := &r.links[i]
		for j := range l.targets {
			if l.targets[j].Variable == "TX" {
				out.targets = append(out.targets, &l.targets[j])
			}
		}
		l.macro.reads(note)
		for _, s := range l.sets {
			s.name.reads(note)
			s.value.reads(note)
			switch {
			case s.value != nil && s.value[0].name == "" && s.value[0].text[0] != '+' && s.value[0].text[0] != '-':
			case len(s.name) == 1 && s.name[0].name == "":
				out.keys[strings.ToLower(s.name[0].text)] = true
			case s.name[0].name == "":
				out.prefixes = append(out.prefixes, strings.ToLower(s.name[0].text))
			default:
				out.prefixes = append(out.prefixes, "")
			}
		}
	}
	return out
}
