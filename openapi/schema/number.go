package schema

import (
	"cmp"
	"math/big"
	"math/bits"

	"github.com/gatehouse/gatehouse/strictjson"
)

// number checks the number at token i.
func (w *walk) number(n *node, i int) bool {
	r := n.num
	v := numeral{text: w.tape.Raw(i)}
	v.scaled, v.small = newScaled(v.text)
	ok := true
	if r.min != nil && v.compare(r.min) < 0 {
		ok = w.fail(n, i, "contract.range", "minimum")
	}
	if r.above != nil && v.compare(r.above) <= 0 {
		ok = w.fail(n, i, "contract.range", "exclusiveMinimum")
	}
	if r.max != nil && v.compare(r.max) > 0 {
		ok = w.fail(n, i, "contract.range", "maximum")
	}
	if r.below != nil && v.compare(r.below) >= 0 {
		ok = w.fail(n, i, "contract.range", "exclusiveMaximum")
	}
	if r.multiple != nil && !v.isMultiple(r.multiple) {
		ok = w.fail(n, i, "contract.range", "multipleOf")
	}
	return ok
}

// A numeral is a number of the value.
type numeral struct {
	text []byte
	scaled
	small bool // scaled has it
}

// A scaled number is n × 10^-scale.
type scaled struct {
	n     int64
	scale int
}

var powers = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// newScaled reads a number of up to 18 digits without an exponent.
func newScaled(text []byte) (v scaled, ok bool) {
	if len(text) > 18 {
		return scaled{}, false
	}
	digits, dot := text, 0
	if digits[0] == '-' {
		digits = digits[1:]
	}
	for i, c := range digits {
		if c == '.' {
			dot = i + 1
			continue
		}
		if !isDigit(c) {
			return scaled{}, false
		}
		v.n = v.n*10 + int64(c-'0')
	}
	if dot > 0 {
		v.scale = len(digits) - dot
	}
	if len(digits) < len(text) {
		v.n = -v.n
	}
	return v, true
}

// level brings two numbers to the same scale, where they stay within 64 bits.
func level(v, u scaled) (a, b int64, ok bool) {
	const most = 1e9
	switch d := v.scale - u.scale; {
	case d == 0:
		return v.n, u.n, true
	case d > 0 && d < len(powers) && u.n < most && u.n > -most:
		return v.n, u.n * powers[d], true
	case d < 0 && -d < len(powers) && v.n < most && v.n > -most:
		return v.n * powers[-d], u.n, true
	}
	return 0, 0, false
}

func (v *numeral) compare(b *bound) int {
	if v.small && b.small {
		if n, m, ok := level(v.scaled, b.scaled); ok {
			return cmp.Compare(n, m)
		}
	}
	d := strictjson.ParseDecimal(v.text)
	return d.Compare(&b.dec)
}

func (v *numeral) isMultiple(b *bound) bool {
	if v.small && b.small {
		if n, m, ok := level(v.scaled, b.scaled); ok {
			return n%m == 0
		}
	}
	d := strictjson.ParseDecimal(v.text)
	return isMultiple(&d, &b.dec)
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
