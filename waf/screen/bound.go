package screen

// Bound proves, once and for all, those of the values that no operator matches in
// any argument: a value of a request that equals one of them need not be looked at.
// It is called before the Screen is used.
func (s *Screen) Bound(list []string) {
	if s.Unprovable != "" {
		return
	}
	s.bounded = make(map[string]struct{}, len(list))
	p := s.Begin(nil)
	defer p.Close()
	for _, v := range list {
		if p.unmatched(v) {
			s.bounded[v] = struct{}{}
		}
	}
}

// unmatched reports whether no operator matches the value where it is an argument's.
func (p *Proof) unmatched(v string) bool {
	return p.unmatchedIn(&p.s.request, v) && p.unmatchedIn(&p.s.answer, v)
}

func (p *Proof) unmatchedIn(c *section, v string) bool {
	for i := range c.uses {
		u := &c.uses[i]
		if !p.s.index.slots[u.slot].argument() {
			continue
		}
		// A rule is evaluated on its own variables only when its operator has matched.
		for j := range u.pipes {
			q := &u.pipes[j]
			matched := false
			p.s.index.pipes[q.pipe].each(v, func(text string) bool {
				tid := p.text(text)
				matched = matched || !q.ops.each(func(op int) bool { return !p.matches(tid, op) })
				return !matched
			})
			if matched {
				return false
			}
		}
	}
	return true
}

// argument reports whether the slot selects values of arguments.
func (s *slot) argument() bool {
	switch s.name {
	case "ARGS", "ARGS_GET", "ARGS_POST":
		return true
	}
	return false
}

// Bounds returns how many values Bound has proven.
func (s *Screen) Bounds() int { return len(s.bounded) }
