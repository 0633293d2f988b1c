package schema

import (
	"unicode/utf8"
)

// array checks the items of the array at token i.
func (w *walk) array(n *node, i int, tracked bool) bool {
	a := n.arr
	t := &w.tape.Tokens[i]
	if (a.items != nil || a.prefix != nil || a.contains != nil) && !w.spend(int(t.Count)) {
		return w.stop(n, i, "contract.too_complex")
	}
	ok := true
	if int(t.Count) < a.min {
		ok = w.fail(n, i, "contract.items", "minItems")
	}
	if a.max >= 0 && int(t.Count) > a.max {
		ok = w.fail(n, i, "contract.items", "maxItems")
	}
	if a.unique && (ok || !w.over()) && !w.unique(i) {
		ok = w.fail(n, i, "contract.unique", "uniqueItems")
	}
	if !ok && w.over() {
		return false
	}
	if tracked && (a.items != nil || a.prefix != nil) {
		w.say(i, shaped)
	}
	if a.prefix != nil || a.items != nil {
		outer := w.item
		if !w.items(n, i, tracked) {
			ok = false
		}
		w.item = outer
	}
	if a.contains != nil && (ok || !w.over()) && !w.contains(n, i, tracked) {
		ok = false
	}
	return ok
}

func (w *walk) items(n *node, i int, tracked bool) bool {
	a := n.arr
	ok := true
	k := 0
	for v, end := i+1, int(w.tape.Tokens[i].Next); v < end; v = int(w.tape.Tokens[v].Next) {
		m, keyword := a.items, "items"
		if k < len(a.prefix) {
			m, keyword = a.prefix[k], "prefixItems"
		}
		k++
		if m == nil {
			break
		}
		if tracked {
			w.declare(v)
		}
		w.item = v
		if m.never {
			ok = w.fail(n, v, "contract.items", keyword)
		} else if !w.child(m, v) {
			ok = false
		}
		if !ok && w.over() {
			break
		}
	}
	return ok
}

// contains counts the items that a.contains accepts, as it stands.
func (w *walk) contains(n *node, i int, tracked bool) bool {
	a := n.arr
	found := 0
	for v, end := i+1, int(w.tape.Tokens[i].Next); v < end; v = int(w.tape.Tokens[v].Next) {
		if !tracked && a.maxContains < 0 && found >= a.minContains {
			break
		}
		base := w.base
		w.base = len(w.path)
		matched := w.try(a.contains, v, w.track, true)
		w.base = base
		if w.stopped {
			return false
		}
		if matched {
			found++
			if tracked {
				w.declare(v)
			}
		}
	}
	ok := true
	if found < a.minContains {
		keyword := "contains"
		if n.at.Get("minContains") != nil {
			keyword = "minContains"
		}
		ok = w.fail(n, i, "contract.contains", keyword)
	}
	if a.maxContains >= 0 && found > a.maxContains {
		ok = w.fail(n, i, "contract.contains", "maxContains")
	}
	return ok
}

// string checks the string at token i.
func (w *walk) string(n *node, i int) bool {
	r := n.str
	s := w.tape.StringBytes(i)
	ok := true
	if r.min > 0 || r.max >= 0 {
		// A code point has at most four bytes: most strings need not be counted.
		if len(s) < r.min || len(s) < 4*r.min && utf8.RuneCount(s) < r.min {
			ok = w.fail(n, i, "contract.length", "minLength")
		}
		if r.max >= 0 && len(s) > r.max && utf8.RuneCount(s) > r.max {
			ok = w.fail(n, i, "contract.length", "maxLength")
		}
	}
	if r.pattern != nil && (ok || !w.over()) {
		if !ok { // reporting may have used its memory
			s = w.tape.StringBytes(i)
		}
		matched, late := w.matches(r.pattern, s)
		if late {
			return w.stop(n, i, "contract.pattern_timeout")
		}
		if !matched {
			ok = w.fail(n, i, "contract.pattern", "pattern")
		}
	}
	return ok
}
