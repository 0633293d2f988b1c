package schema

import (
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/strictjson"
)

// A walk is one check of one value.
type walk struct {
	set    *Set
	dir    Direction
	tape   *strictjson.Tape
	top    *node
	root   int
	report *Report
	own    Report // where the caller has none

	steps    int // that are left
	stopped  bool
	matching time.Duration // spent in backtracking patterns

	quiet   int  // deep in trials, which report nothing
	neutral int  // deep in not, if, contains: neither direction nor filters count
	cut     bool // as the report says, where it is not neutral
	track   bool // what is declared is wanted of all values
	item    int  // the token that is an item of an array: a filter cannot cut it

	pending int // deep in schemas that ask what others have declared

	path    []*node // applied: the dynamic scope
	base    int     // from where on they are applied to the same value
	journal []entry
	counted []placed
	shapes  []placed // objects, where undeclared members are reported
	stamps  []uint32
	stamp   uint32
	bits    []uint64
	hashes  []hashed
	scratch []byte
	marks   []Mark
	said    []Mark // of each token, where track is set; the journal has what may be taken back
	// trail leads to the value that is settled: indices of items, and names of
	// members as the complement of their token.
	trail []int
}

// An entry of the journal is one thing said of a token, where it may be taken back,
// for a branch may fail, or is to be looked at. All else is marked at once.
type entry struct {
	token uint32
	flags MarkFlags
	class uint8
}

// placed is a value and a schema that applies to it.
type placed struct {
	node  *node
	token int
}

var walkers = sync.Pool{New: func() any { return new(walk) }}

// defaultSteps is the work of a check that has no more than a few values; each byte
// of a value adds four.
const defaultSteps = 1 << 21

// bytesAStep are the bytes of a string that cost a step, for going over them takes
// time.
const bytesAStep = 8

// spend takes steps, and reports whether there were as many.
func (w *walk) spend(steps int) bool {
	w.steps -= steps
	return w.steps >= 0
}

// maxPath bounds the schemas that apply to one value.
const maxPath = 1 << 12

func (w *walk) run(s *Schema, t *strictjson.Tape, i int, r *Report) bool {
	if r == nil {
		w.own = Report{Violations: w.own.Violations[:0]}
		r = &w.own
	}
	w.set, w.dir, w.top, w.tape, w.root, w.report = s.set, s.dir, s.node, t, i, r
	w.steps = s.set.opts.Steps
	if w.steps <= 0 {
		w.steps = defaultSteps
	}
	w.steps += 4 * int(t.Tokens[i].End-t.Tokens[i].Start)
	if work := r.Work; work != nil {
		earned := 4 * int(t.Tokens[i].End-t.Tokens[i].Start)
		w.steps -= work.steps
		w.matching = work.matching
		begun := w.steps
		defer func() {
			work.steps = max(0, work.steps+begun-w.steps-earned)
			work.matching = max(0, w.matching-matchEarned)
		}()
	}
	w.cut, w.item = r.Cut, i
	w.track = r.Cut || r.Unknown != UnknownAsDeclared || r.Marks != nil
	if w.track {
		if r.Marks != nil {
			w.said = append(r.Marks[:0], make([]Mark, len(t.Tokens))...)
		} else {
			w.marks = append(w.marks[:0], make([]Mark, len(t.Tokens))...)
			w.said = w.marks
		}
	}
	n := s.node
	if n.to != nil {
		n = n.to
	}
	ok := w.check(n, i, w.track)
	if w.steps < 0 {
		w.stop(s.node, i, "contract.too_complex")
	}
	if w.stopped {
		return false
	}
	if w.track {
		return w.settle(ok)
	}
	return ok
}

// keep bounds the memory a walk holds on to: each of its slices is shorter. It is a
// power of two.
const keep = 1 << 14

func (w *walk) release() {
	if cap(w.journal)|cap(w.counted)|cap(w.shapes)|cap(w.bits)|cap(w.stamps)|cap(w.hashes)|cap(w.scratch)|cap(w.marks)|cap(w.trail) >= keep {
		*w = walk{}
	}
	w.set, w.tape, w.top, w.report, w.said = nil, nil, nil, nil, nil
	w.stopped, w.matching, w.quiet, w.neutral, w.pending, w.base = false, 0, 0, 0, 0, 0
	w.path, w.journal, w.counted, w.shapes, w.stamps = w.path[:0], w.journal[:0], w.counted[:0], w.shapes[:0], w.stamps[:0]
	w.bits, w.hashes, w.scratch, w.marks, w.trail = w.bits[:0], w.hashes[:0], w.scratch[:0], w.marks[:0], w.trail[:0]
	walkers.Put(w)
}

// over reports whether a failure ends the work at once.
func (w *walk) over() bool { return w.quiet > 0 || w.stopped || w.report.full() }

// fail reports that token i breaks a keyword of n, and returns false.
func (w *walk) fail(n *node, i int, code, keyword string) bool {
	if w.steps < 0 {
		return w.stop(n, i, "contract.too_complex")
	}
	if w.quiet == 0 && !w.report.full() {
		w.violate(n, w.tape.Pointer(i), code, keyword)
	}
	return false
}

// failMember is fail for the member of object i that is called name.
func (w *walk) failMember(n *node, i int, name, code, keyword string) bool {
	if w.quiet == 0 && !w.report.full() {
		var b strings.Builder
		b.WriteString(w.tape.Pointer(i))
		b.WriteByte('/')
		strictjson.WritePointerToken(&b, []byte(name))
		w.violate(n, b.String(), code, keyword)
	}
	return false
}

// maxPointer bounds the pointers that are reported, in bytes: names in them may be
// the client's.
const maxPointer = 1 << 10

func (w *walk) violate(n *node, pointer, code, keyword string) {
	at := n.at.At
	if keyword != "" {
		at = n.at.KeyAt(keyword)
	}
	w.report.Violations = append(w.report.Violations, Violation{Code: code, Pointer: w.report.Base + inert(pointer, maxPointer), Keyword: keyword, At: at})
}

// stop ends the check: the value is refused, whatever else is said of it.
func (w *walk) stop(n *node, i int, code string) bool {
	if !w.stopped {
		w.stopped = true
		if w.report.full() {
			w.report.Violations = w.report.Violations[:max(w.report.Max, 1)-1]
		}
		w.violate(n, w.tape.Pointer(i), code, "")
	}
	return false
}

var kindTypes = [...]Types{
	strictjson.Null: Null, strictjson.False: Boolean, strictjson.True: Boolean, strictjson.Number: Number,
	strictjson.String: String, strictjson.Array: Array, strictjson.Object: Object,
}

// check reports whether token i is valid by n. tracked asks for entries of the
// journal.
func (w *walk) check(n *node, i int, tracked bool) bool {
	if n.free {
		return true
	}
	if w.steps--; w.steps < 0 {
		return w.stop(n, i, "contract.too_complex")
	}
	if n.never {
		return w.fail(n, i, "contract.forbidden", "")
	}
	if n.readOnly || n.writeOnly || n.class != 0 {
		if done, ok := w.annotate(n, i); done {
			return ok
		}
	}
	t := &w.tape.Tokens[i]
	if n.nullable && t.Kind == strictjson.Null {
		return true
	}
	if t.Kind == strictjson.String && !w.spend(int(t.End-t.Start)/bytesAStep) {
		return w.stop(n, i, "contract.too_complex")
	}
	if types := kindTypes[t.Kind&7]; n.types != 0 && n.types&types != types {
		if n.types&types == 0 || !strictjson.IsInteger(w.tape.Raw(i)) {
			return w.fail(n, i, "contract.type", "type")
		}
	}
	ok := true
	if n.fixed != nil && !w.has(n.fixed, i) {
		ok = w.fail(n, i, "contract.enum", "const")
	}
	if n.enum != nil && !w.has(n.enum, i) {
		ok = w.fail(n, i, "contract.enum", "enum")
	}
	switch t.Kind {
	case strictjson.Number:
		if n.num != nil && !w.number(n, i) {
			ok = false
		}
		if n.format != nil && n.format.number != nil && !n.format.number(w.tape, i) {
			ok = w.fail(n, i, "contract.format", "format")
		}
	case strictjson.String:
		if n.str != nil && !w.string(n, i) {
			ok = false
		}
		if n.format != nil && n.format.text != nil && !n.format.text(w.tape.StringBytes(i)) {
			ok = w.fail(n, i, "contract.format", "format")
		}
	}
	if n.leaf || !ok && w.over() {
		return ok
	}
	return w.inside(n, i, tracked) && ok
}

// inside checks what takes other schemas: members, items, and schemas in place.
func (w *walk) inside(n *node, i int, tracked bool) bool {
	if len(w.path)-w.base >= maxPath {
		return w.stop(n, i, "contract.too_complex")
	}
	w.path = append(w.path, n)
	from := len(w.journal)
	p := n.place
	asks := p != nil && (p.unevaluatedProps != nil || p.unevaluatedItems != nil)
	all := tracked || asks
	if asks {
		w.pending++
	}
	ok := true
	switch kind := w.tape.Tokens[i].Kind; {
	case kind == strictjson.Object && n.obj != nil:
		ok = w.object(n, i, all)
	case kind == strictjson.Array && n.arr != nil:
		ok = w.array(n, i, all)
	}
	if p != nil && (ok || !w.over()) {
		if !w.inPlace(n, i, all) {
			ok = false
		}
		if (ok || !w.over()) && all && !w.unevaluated(n, i, from) {
			ok = false
		}
	}
	if asks {
		w.pending--
	}
	w.path = w.path[:len(w.path)-1]
	if all && !tracked && !w.track {
		w.journal = w.journal[:from]
	}
	return ok
}

// child checks token i, a part of the value at hand.
func (w *walk) child(n *node, i int) bool {
	if n.to != nil {
		n = n.to
	}
	if t := &w.tape.Tokens[i]; n.certain(t) || t.Kind == strictjson.Number && n.within(w.tape.Raw(i)) {
		return true
	}
	if n.leaf {
		return w.check(n, i, false)
	}
	base := w.base
	w.base = len(w.path)
	ok := w.check(n, i, w.track)
	w.base = base
	return ok
}

// annotate acts on what n says of the value besides what is valid. done tells that
// nothing else counts.
func (w *walk) annotate(n *node, i int) (done, ok bool) {
	if w.neutral == 0 {
		switch {
		case n.readOnly && w.dir == Request:
			return true, w.fail(n, i, "contract.read_only", "readOnly")
		case n.writeOnly && w.dir == Response && w.cut && w.item != i:
			w.say(i, WriteOnly)
			return true, true
		case n.writeOnly && w.dir == Response:
			return true, w.fail(n, i, "contract.write_only", "writeOnly")
		}
	}
	if w.track {
		e := entry{token: uint32(i), class: n.class}
		if n.readOnly {
			e.flags |= ReadOnly
		}
		if n.writeOnly {
			e.flags |= WriteOnly
		}
		w.journal = append(w.journal, e)
	}
	return false, true
}

// say notes what a schema says of token i.
func (w *walk) say(i int, flags MarkFlags) {
	if w.quiet|w.pending == 0 {
		w.said[i].Flags |= flags
		return
	}
	w.journal = append(w.journal, entry{token: uint32(i), flags: flags})
}

// declare notes that a schema declares token i.
func (w *walk) declare(i int) { w.say(i, Declared) }
