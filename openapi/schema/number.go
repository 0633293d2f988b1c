package schema

import (
	"math/big"
	"math/bits"

	"github.com/gatehouse/gatehouse/strictjson"
)

// number checks the number at token i.
func (w *walk) number(n *node, i int) bool {
	r := n.num
	v, ok := w.tape.Int64(i)
	var d strictjson.Decimal
	if !ok {
		d = strictjson.ParseDecimal(w.tape.Raw(i))
	}
	compare := func(b *bound) int {
		switch {
		case ok && b.isInt:
			if v < b.int {
				return -1
			} else if v > b.int {
				return 1
			}
			return 0
		case ok:
			d = strictjson.ParseDecimal(w.tape.Raw(i))
		}
		return d.Compare(&b.dec)
	}
	good := true
	if r.min != nil && compare(r.min) < 0 {
		good = w.fail(n, i, "contract.range", "minimum")
	}
	if r.above != nil && compare(r.above) <= 0 {
		good = w.fail(n, i, "contract.range", "exclusiveMinimum")
	}
	if r.max != nil && compare(r.max) > 0 {
		good = w.fail(n, i, "contract.range", "maximum")
	}
	if r.below != nil && compare(r.below) >= 0 {
		good = w.fail(n, i, "contract.range", "exclusiveMaximum")
	}
	if m := r.multiple; m != nil {
		multiple := false
		if ok && m.isInt {
			multiple = v%m.int == 0
		} else {
			d = strictjson.ParseDecimal(w.tape.Raw(i))
			multiple = isMultiple(&d, &m.dec)
		}
		if !multiple {
			good = w.fail(n, i, "contract.range", "multipleOf")
		}
	}
	return good
}

// isMultiple reports whether d is an integer times m, which is greater than 0. Its
// time is linear in the digits of d, whatever the exponents are.
func isMultiple(d, m *strictjson.Decimal) bool {
	if d.Sign() == 0 {
		return true
	}
	// d = a × 10^x and m = b × 10^y, where neither a nor b ends in 0.
	shift := d.Exponent - int64(d.Digits()) - (m.Exponent - int64(m.Digits()))
	if shift < 0 {
		return false // a would have to be divisible by 10
	}
	if m.Digits() <= 18 {
		b := uint64(0)
		for i := range m.Digits() {
			b = b*10 + uint64(m.Digit(i)-'0')
		}
		rest := uint64(0)
		for i := range d.Digits() {
			rest = mulMod(rest, 10, b, uint64(d.Digit(i)-'0'))
		}
		return mulMod(rest, powMod(10, uint64(shift), b), b, 0) == 0
	}
	a, b := digits(d), digits(m)
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(shift), b)
	return a.Mod(a.Mul(a.Mod(a, b), ten), b).Sign() == 0
}

func digits(d *strictjson.Decimal) *big.Int {
	text := append(append([]byte(nil), d.Whole...), d.Fraction...)
	n, _ := new(big.Int).SetString(string(text), 10)
	return n
}

// mulMod returns (a×b + c) mod m for a < m.
func mulMod(a, b, m, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, c, 0)
	return bits.Rem64(hi+carry, lo, m)
}

func powMod(base, exp, m uint64) uint64 {
	result := 1 % m
	for base %= m; exp > 0; exp >>= 1 {
		if exp&1 == 1 {
			result = mulMod(result, base, m, 0)
		}
		base = mulMod(base, base, m, 0)
	}
	return result
}
