package schema

// inPlace checks the schemas that apply to the same value as n.
func (w *walk) inPlace(n *node, i int, tracked bool) bool {
	p := n.place
	ok := true
	bad := func() bool { ok = false; return w.over() }
	if p.ref != nil && !w.check(p.ref, i, tracked) && bad() {
		return false
	}
	if p.dynamic != nil && !w.check(w.target(p.dynamic), i, tracked) && bad() {
		return false
	}
	for _, m := range p.allOf {
		if !w.check(m, i, tracked) && bad() {
			return false
		}
	}
	if p.anyOf != nil && !w.anyOf(n, i, tracked) && bad() {
		return false
	}
	if p.oneOf != nil && !w.oneOf(n, i, tracked) && bad() {
		return false
	}
	if p.not != nil {
		from := len(w.journal)
		if w.try(p.not, i, false, true) && !w.stopped && !w.fail(n, i, "contract.not", "not") && bad() {
			return false
		}
		w.journal = w.journal[:from]
	}
	if p.cond != nil && !w.conditional(p, i, tracked) && bad() {
		return false
	}
	return ok && !w.stopped
}

func (w *walk) conditional(p *inPlace, i int, tracked bool) bool {
	then := p.no
	if w.try(p.cond, i, tracked, true) {
		then = p.yes
	}
	if w.stopped {
		return false
	}
	return then == nil || w.check(then, i, tracked)
}

// try checks without reporting. neutral leaves out what directions and filters add
// to a schema. A failure leaves nothing in the journal.
func (w *walk) try(n *node, i int, tracked, neutral bool) bool {
	from, counts, cut := len(w.journal), len(w.counted), w.cut
	w.quiet++
	if neutral {
		w.neutral++
		w.cut = false
	}
	ok := w.check(n, i, tracked) && !w.stopped
	if neutral {
		w.neutral--
		w.cut = cut
	}
	w.quiet--
	if !ok {
		w.journal, w.counted = w.journal[:from], w.counted[:counts]
	}
	return ok
}

// strictly is try where undeclared members count.
func (w *walk) strictly(n *node, i int, tracked bool) bool {
	cut := w.cut
	w.cut = false
	ok := w.try(n, i, tracked, false)
	w.cut = cut
	return ok
}

// plausible reports whether branch number b is not certain to fail. value is the
// token of the tag, or -1.
func (w *walk) plausible(m *node, i int, t *tag, b, value int) bool {
	if m.accepts&kindTypes[w.tape.Tokens[i].Kind] == 0 {
		return false
	}
	return value < 0 || t.branches[b] == nil || w.has(t.branches[b], value)
}

// anyOf takes all branches that accept the value, if what they declare is wanted;
// else the first. What a filter would have to cut counts against a branch as long as
// another one takes the value as it is; then the first branch alone is taken.
func (w *walk) anyOf(n *node, i int, tracked bool) bool {
	p := n.place
	t, value := p.anyTag, w.tagged(p.anyTag, i)
	first := w.chosen(p.discriminator, i)
	matched := false
	each := func(try func(m *node) bool, all bool) {
		for k := -1; k < len(p.anyOf) && (all || !matched); k++ {
			b := k
			if k == first && k >= 0 || k == -1 && first < 0 {
				continue
			}
			if k == -1 {
				b = first
			}
			if w.plausible(p.anyOf[b], i, t, b, value) && try(p.anyOf[b]) {
				matched = true
			}
			if w.stopped {
				return
			}
		}
	}
	each(func(m *node) bool { return w.strictly(m, i, tracked) }, tracked)
	if !matched && w.cut && !w.stopped {
		each(func(m *node) bool { return w.try(m, i, tracked, false) }, false)
	}
	if matched || w.stopped {
		return !w.stopped
	}
	return w.noChoice(n, i, p.anyOf, first, t, value, "anyOf")
}

// oneOf takes the one branch that accepts the value.
func (w *walk) oneOf(n *node, i int, tracked bool) bool {
	p := n.place
	t, value := p.oneTag, w.tagged(p.oneTag, i)
	first := w.chosen(p.discriminator, i)
	count := func(try func(m *node) bool) int {
		matched := 0
		for b, m := range p.oneOf {
			if w.plausible(m, i, t, b, value) && try(m) {
				matched++
			}
			if w.stopped || matched > 1 {
				break
			}
		}
		return matched
	}
	from := len(w.journal)
	matched := count(func(m *node) bool { return w.strictly(m, i, tracked) })
	if matched == 0 && w.cut && !w.stopped {
		if first >= 0 && w.try(p.oneOf[first], i, tracked, false) {
			matched = 1
		} else {
			matched = count(func(m *node) bool { return w.try(m, i, tracked, false) })
		}
	}
	switch {
	case w.stopped:
		return false
	case matched == 1:
		return true
	case matched > 1:
		w.journal = w.journal[:from]
		return w.fail(n, i, "contract.choice", "oneOf")
	}
	return w.noChoice(n, i, p.oneOf, first, t, value, "oneOf")
}

// noChoice reports that no branch accepts the value: what is wrong by the branch
// that was meant, if one stands out.
func (w *walk) noChoice(n *node, i int, branches []*node, meant int, t *tag, value int, keyword string) bool {
	if w.quiet > 0 || w.report.full() {
		return false
	}
	if meant < 0 {
		for b, m := range branches {
			if !w.plausible(m, i, t, b, value) {
				continue
			}
			if meant >= 0 {
				return w.fail(n, i, "contract.choice", keyword)
			}
			meant = b
		}
	}
	before := len(w.report.Violations)
	if meant >= 0 {
		from := len(w.journal)
		w.check(branches[meant], i, false)
		w.journal = w.journal[:from]
	}
	if len(w.report.Violations) == before {
		return w.fail(n, i, "contract.choice", keyword)
	}
	return false
}

// target resolves a $dynamicRef: to the outermost schema of the dynamic scope that
// has the anchor.
func (w *walk) target(d *dynamicRef) *node {
	if d.anchor != "" {
		var last *resource
		for _, n := range w.path {
			if n.res == last {
				continue
			}
			if last = n.res; last.targets[d.anchor] != nil {
				return last.targets[d.anchor]
			}
		}
	}
	return d.static
}
