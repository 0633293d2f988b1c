package schema

import "github.com/gatehouse/gatehouse/strictjson"

// object checks the members of the object at token i.
func (w *walk) object(n *node, i int, tracked bool) bool {
	o := n.obj
	t := &w.tape.Tokens[i]
	if !w.spend(int(t.Count)) {
		return w.stop(n, i, "contract.too_complex")
	}
	ok := true
	if int(t.Count) < o.min {
		ok = w.fail(n, i, "contract.properties", "minProperties")
	}
	if o.max >= 0 && int(t.Count) > o.max {
		if w.cut { // what counts is what the filter leaves
			w.counted = append(w.counted, placed{n, i})
		} else {
			ok = w.fail(n, i, "contract.properties", "maxProperties")
		}
	}
	if !ok && w.over() {
		return false
	}
	if tracked && o.shapes() {
		w.say(i, shaped)
		if w.report.Unknown != UnknownAsDeclared && !w.cut {
			w.shapes = append(w.shapes, placed{n, i})
		}
	}
	var seen uint64
	from := len(w.bits)
	if len(o.members) > 64 {
		for range (len(o.members) + 63) / 64 {
			w.bits = append(w.bits, 0)
		}
	}
	near := 0
	toks := w.tape.Tokens
	for name, end := i+1, int(t.Next); name < end; name = int(toks[name+1].Next) {
		k := -1
		if len(o.members) > 0 {
			k = w.lookUp(o, &toks[name], name, near)
		}
		if k >= 0 {
			near = k + 1
			if len(o.members) > 64 {
				w.bits[from+k>>6] |= 1 << (k & 63)
			} else {
				seen |= 1 << k
			}
		}
		good := true
		if k >= 0 && o.plain && o.members[k].schema != nil {
			if m := o.members[k].schema; !m.certain(&toks[name+1]) {
				good = w.child(m, name+1)
			}
			if tracked {
				w.declare(name + 1)
			}
		} else {
			good = w.memberOf(n, name, k, tracked)
		}
		if !good {
			if ok = false; w.over() {
				break
			}
		}
	}
	if (ok || !w.over()) && len(o.members) > 0 && (seen&o.mask != o.mask || len(o.members) > 64 || len(o.dependents) > 0) {
		if len(o.members) <= 64 {
			w.bits = append(w.bits, seen)
		}
		if (seen&o.mask != o.mask || len(o.members) > 64) && !w.required(n, i, from) {
			ok = false
		}
		if len(o.dependents) > 0 && (ok || !w.over()) && !w.dependents(n, i, from, tracked) {
			ok = false
		}
	}
	w.bits = w.bits[:from]
	return ok
}

// lookUp returns the number of the member whose name is token k, at name, or -1.
func (w *walk) lookUp(o *objectRules, k *strictjson.Token, name, near int) int {
	w.steps -= int(k.End-k.Start) / bytesAStep
	if !k.Escaped && near < len(o.members) && o.members[near].name == string(w.tape.Text[k.Start+1:k.End-1]) {
		return near
	}
	return o.find(w.tape.StringBytes(name), near)
}

// memberOf checks the member whose name is at token name, and whose number is k.
func (w *walk) memberOf(n *node, name, k int, tracked bool) bool {
	o, value := n.obj, name+1
	ok, declared := true, false
	if k >= 0 && o.members[k].schema != nil {
		declared = true
		ok = w.child(o.members[k].schema, value)
	}
	for p := range o.patterns {
		if !ok && w.over() {
			return false
		}
		matched, late := w.matches(o.patterns[p].pattern, w.tape.StringBytes(name))
		if late {
			return w.stop(n, value, "contract.pattern_timeout")
		}
		if matched {
			declared = true
			ok = w.child(o.patterns[p].schema, value) && ok
		}
	}
	if a := o.additional; a != nil && !declared {
		switch {
		case !a.never:
			declared = true
			ok = w.child(a, value)
		case !w.cut:
			return w.fail(n, value, "contract.unknown_property", "additionalProperties")
		}
	}
	if declared && tracked {
		w.declare(value)
	}
	if o.names != nil && (ok || !w.over()) {
		base := w.base
		w.base = len(w.path)
		w.neutral++
		ok = w.check(o.names, name, false) && ok
		w.neutral--
		w.base = base
	}
	return ok
}

func (w *walk) seen(from int, k int32) bool { return w.bits[from+int(k>>6)]&(1<<(k&63)) != 0 }

// required checks that all required members are there: but those that the direction
// bars.
func (w *walk) required(n *node, i, from int) bool {
	ok := true
	for _, k := range n.obj.required {
		name := n.obj.members[k].name
		if w.seen(from, k) || w.set.directed && w.neutral == 0 && w.exempt(name) {
			continue
		}
		if ok = w.failMember(n, i, name, "contract.required", "required"); w.over() {
			break
		}
	}
	return ok
}

// exempt reports whether a member need not be there because it is not to go this
// way: a schema that applies to the object for certain, where the required one does,
// says that it is readOnly (in a request) or writeOnly (in an answer).
func (w *walk) exempt(name string) bool {
	for _, n := range w.path[w.base:] {
		if w.bars(n, name) {
			return true
		}
	}
	return false
}

func (w *walk) bars(n *node, name string) bool {
	if w.steps--; w.steps < 0 {
		return false
	}
	if o := n.obj; o != nil {
		for k := range o.members {
			if o.members[k].name == name && o.members[k].schema != nil && o.members[k].schema.barred[w.dir] {
				return true
			}
		}
	}
	if p := n.place; p != nil {
		if p.ref != nil && w.bars(p.ref, name) {
			return true
		}
		for _, m := range p.allOf {
			if w.bars(m, name) {
				return true
			}
		}
	}
	return false
}

// dependents checks what the presence of members asks for.
func (w *walk) dependents(n *node, i, from int, tracked bool) bool {
	ok := true
	for k := range n.obj.dependents {
		d := &n.obj.dependents[k]
		if !w.seen(from, d.member) {
			continue
		}
		for _, r := range d.required {
			name := n.obj.members[r].name
			if w.seen(from, r) || w.set.directed && w.neutral == 0 && w.exempt(name) {
				continue
			}
			if ok = w.failMember(n, i, name, "contract.dependent_required", "dependentRequired"); w.over() {
				return false
			}
		}
		if d.schema != nil && !w.check(d.schema, i, tracked) {
			if ok = false; w.over() {
				return false
			}
		}
	}
	return ok
}

// unevaluated checks the members or items of token i that nothing else in n has
// looked at; from is where the journal began with n.
func (w *walk) unevaluated(n *node, i, from int) bool {
	p := n.place
	if w.tape.Tokens[i].Kind.IsContainer() && (p.unevaluatedProps != nil || p.unevaluatedItems != nil) {
		if w.tape.Tokens[i].Kind == strictjson.Object {
			return p.unevaluatedProps == nil || w.rest(n, p.unevaluatedProps, i, from, "unevaluatedProperties")
		}
		return p.unevaluatedItems == nil || w.rest(n, p.unevaluatedItems, i, from, "unevaluatedItems")
	}
	return true
}

// rest checks by m what the journal does not have from entry from on.
func (w *walk) rest(n, m *node, i, from int, keyword string) bool {
	w.steps -= (len(w.journal)-from)/4 + int(w.tape.Tokens[i].Count)
	for len(w.stamps) < len(w.tape.Tokens) {
		w.stamps = append(w.stamps, 0)
	}
	if w.stamp++; w.stamp == 0 {
		clear(w.stamps[:cap(w.stamps)])
		w.stamp = 1
	}
	stamp := w.stamp
	for _, e := range w.journal[from:] {
		if e.flags&Declared != 0 {
			w.stamps[e.token] = stamp
		}
	}
	object := w.tape.Tokens[i].Kind == strictjson.Object
	first, step := i+1, 0
	if object {
		first, step = i+2, 1
		w.say(i, shaped)
	}
	ok := true
	for v, end := first, int(w.tape.Tokens[i].Next); v < end+step; v = int(w.tape.Tokens[v].Next) + step {
		if w.stamps[v] == stamp {
			continue
		}
		if m.never {
			if object && w.cut {
				continue
			}
			code := "contract.items"
			if object {
				code = "contract.unknown_property"
			}
			ok = w.fail(n, v, code, keyword)
		} else {
			w.declare(v)
			ok = w.child(m, v) && ok
		}
		if !ok && w.over() {
			return false
		}
	}
	return ok
}
