package schema

import (
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

// values is a set of JSON values: of an enum, or the one of a const. Numbers are
// equal if they are so mathematically, objects whatever their order.
type values struct {
	null, yes, no bool
	strings       []string
	byString      map[string]struct{} // instead, where there are many
	ints          map[int64]struct{}
	decimals      map[string]struct{} // other numbers, by decimalKey
	containers    []*document.Node
}

// manyValues is from how many strings on they are found by hashing.
const manyValues = 8

func newValues(list []*document.Node) *values {
	v := new(values)
	for _, n := range list {
		switch n.Kind {
		case document.Null:
			v.null = true
		case document.Bool:
			if n.Text == "true" {
				v.yes = true
			} else {
				v.no = true
			}
		case document.String:
			v.strings = append(v.strings, n.Text)
		case document.Number:
			v.addNumber(n.Text)
		default:
			v.containers = append(v.containers, n)
		}
	}
	if len(v.strings) > manyValues {
		v.byString = make(map[string]struct{}, len(v.strings))
		for _, s := range v.strings {
			v.byString[s] = struct{}{}
		}
		v.strings = nil
	}
	return v
}

func (v *values) addNumber(text string) {
	b := newBound(text)
	if b.isInt {
		if v.ints == nil {
			v.ints = map[int64]struct{}{}
		}
		v.ints[b.int] = struct{}{}
		return
	}
	if v.decimals == nil {
		v.decimals = map[string]struct{}{}
	}
	v.decimals[string(decimalKey(nil, &b.dec))] = struct{}{}
}

// types returns the types that the values have.
func (v *values) types() Types {
	t := Types(0)
	if v.null {
		t |= Null
	}
	if v.yes || v.no {
		t |= Boolean
	}
	if v.strings != nil || v.byString != nil {
		t |= String
	}
	if v.ints != nil || v.decimals != nil {
		t |= Number
	}
	for _, n := range v.containers {
		if n.Kind == document.List {
			t |= Array
		} else {
			t |= Object
		}
	}
	return t
}

// decimalKey appends what is the same for equal numbers, and for no others.
func decimalKey(dst []byte, d *strictjson.Decimal) []byte {
	if d.Negative {
		dst = append(dst, '-')
	}
	dst = append(dst, d.Whole...)
	dst = append(dst, d.Fraction...)
	for i := range 8 {
		dst = append(dst, byte(d.Exponent>>(8*i)))
	}
	return dst
}

// has reports whether token i is one of v.
func (w *walk) has(v *values, i int) bool {
	t := &w.tape.Tokens[i]
	switch t.Kind {
	case strictjson.Null:
		return v.null
	case strictjson.True:
		return v.yes
	case strictjson.False:
		return v.no
	case strictjson.String:
		return v.hasString(w.tape.StringBytes(i))
	case strictjson.Number:
		if n, ok := w.tape.Int64(i); ok {
			_, ok = v.ints[n]
			return ok
		}
		if v.decimals == nil {
			return false
		}
		d := strictjson.ParseDecimal(w.tape.Raw(i))
		w.scratch = decimalKey(w.scratch[:0], &d)
		_, ok := v.decimals[string(w.scratch)]
		return ok
	}
	for _, n := range v.containers {
		if w.equalNode(i, n) {
			return true
		}
	}
	return false
}

func (v *values) hasString(s []byte) bool {
	if v.byString != nil {
		_, ok := v.byString[string(s)]
		return ok
	}
	for _, one := range v.strings {
		if one == string(s) {
			return true
		}
	}
	return false
}

// equalNode reports whether token i has the value of n.
func (w *walk) equalNode(i int, n *document.Node) bool {
	if w.steps--; w.steps < 0 {
		return false
	}
	t := &w.tape.Tokens[i]
	switch n.Kind {
	case document.Null:
		return t.Kind == strictjson.Null
	case document.Bool:
		return t.Kind == strictjson.True && n.Text == "true" || t.Kind == strictjson.False && n.Text == "false"
	case document.String:
		return t.Kind == strictjson.String && w.tape.Equal(i, n.Text)
	case document.Number:
		return t.Kind == strictjson.Number && equalNumbers(w.tape.Raw(i), []byte(n.Text))
	case document.List:
		if t.Kind != strictjson.Array || int(t.Count) != len(n.Items) {
			return false
		}
		j := i + 1
		for _, item := range n.Items {
			if !w.equalNode(j, item) {
				return false
			}
			j = int(w.tape.Tokens[j].Next)
		}
		return true
	}
	if t.Kind != strictjson.Object || int(t.Count) != len(n.Keys) {
		return false
	}
	for j, end := i+1, int(t.Next); j < end; j = int(w.tape.Tokens[j+1].Next) {
		m := n.Get(string(w.tape.StringBytes(j))) // names differ within both, and there are as many
		if m == nil || !w.equalNode(j+1, m) {
			return false
		}
	}
	return true
}

func equalNumbers(a, b []byte) bool {
	if string(a) == string(b) {
		return true
	}
	x, y := strictjson.ParseDecimal(a), strictjson.ParseDecimal(b)
	return x.Compare(&y) == 0
}
