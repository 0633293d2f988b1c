package strictjson

import "math"

// Limits bound a text. Zero stands for the default.
type Limits struct {
	Depth   int // of nesting; default 64
	Values  int // in all, member names included; default 1,000,000
	Members int // of one object; default 10,000
	Items   int // of one array; default 1,000,000
	String  int // bytes of a string as spelled; default 8 MiB
	Number  int // bytes of a number as spelled; default 400
}

var defaults = Limits{Depth: 64, Values: 1e6, Members: 1e4, Items: 1e6, String: 8 << 20, Number: 400}

// WithDefaults returns the limits with the defaults filled in. A nil l is all
// defaults.
func (l *Limits) WithDefaults() Limits {
	if l == nil {
		return defaults
	}
	fill := func(n, def int) int {
		if n <= 0 {
			return def
		}
		return min(n, math.MaxInt32)
	}
	return Limits{
		Depth:   fill(l.Depth, defaults.Depth),
		Values:  fill(l.Values, defaults.Values),
		Members: fill(l.Members, defaults.Members),
		Items:   fill(l.Items, defaults.Items),
		String:  fill(l.String, defaults.String),
		Number:  fill(l.Number, defaults.Number),
	}
}
