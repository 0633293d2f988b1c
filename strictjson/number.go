package strictjson

import (
	"bytes"
	"math"
)

// A Decimal is a JSON number taken apart: ±0.DIGITS × 10^Exponent, where DIGITS is
// Whole and Fraction one behind the other, without zeros at either end. Zero has no
// digits. Taking apart is linear in the spelling, whatever the exponent says.
type Decimal struct {
	Negative        bool
	Whole, Fraction []byte // digits, parts of the spelling
	// Exponent is exact up to 10^17 either way, where it stops: numbers beyond are
	// told apart by nothing but their digits and their sign.
	Exponent int64
}

const maxExponent = 1e17

// ParseDecimal takes a JSON number, which must be well-formed, apart.
func ParseDecimal(num []byte) Decimal {
	var d Decimal
	if num[0] == '-' {
		d.Negative, num = true, num[1:]
	}
	exp := int64(0)
	if e := bytes.IndexAny(num, "eE"); e >= 0 {
		exp, num = parseExponent(num[e+1:]), num[:e]
	}
	whole, fraction := num, []byte(nil)
	if dot := bytes.IndexByte(num, '.'); dot >= 0 {
		whole, fraction = num[:dot], bytes.TrimRight(num[dot+1:], "0")
	}
	whole = bytes.TrimLeft(whole, "0")
	exp += int64(len(whole))
	if len(fraction) == 0 {
		whole = bytes.TrimRight(whole, "0")
	}
	if len(whole) == 0 {
		lead := len(fraction)
		fraction = bytes.TrimLeft(fraction, "0")
		exp -= int64(lead - len(fraction))
	}
	if len(whole)+len(fraction) == 0 {
		return Decimal{}
	}
	d.Whole, d.Fraction = whole, fraction
	d.Exponent = max(-maxExponent, min(maxExponent, exp))
	return d
}

func parseExponent(s []byte) int64 {
	negative := s[0] == '-'
	if s[0] == '-' || s[0] == '+' {
		s = s[1:]
	}
	n := int64(0)
	for _, c := range s {
		if n = n*10 + int64(c-'0'); n > maxExponent {
			n = maxExponent
			break
		}
	}
	if negative {
		return -n
	}
	return n
}

// Digits returns how many digits there are.
func (d *Decimal) Digits() int { return len(d.Whole) + len(d.Fraction) }

// Digit returns digit n, '0' behind the last.
func (d *Decimal) Digit(n int) byte {
	switch {
	case n < len(d.Whole):
		return d.Whole[n]
	case n < d.Digits():
		return d.Fraction[n-len(d.Whole)]
	}
	return '0'
}

// IsInteger reports whether the number has no fraction, as JSON Schema means it: 1.0
// and 1e2 are integers, 1e-1 is none.
func (d *Decimal) IsInteger() bool { return d.Exponent >= int64(d.Digits()) }

// Sign is -1, 0 or 1.
func (d *Decimal) Sign() int {
	switch {
	case d.Digits() == 0:
		return 0
	case d.Negative:
		return -1
	}
	return 1
}

// Compare returns -1, 0 or 1 as d is less than, equal to or greater than e.
func (d *Decimal) Compare(e *Decimal) int {
	sign := d.Sign()
	if other := e.Sign(); sign != other {
		if sign < other {
			return -1
		}
		return 1
	}
	if d.Exponent != e.Exponent {
		if d.Exponent < e.Exponent {
			return -sign
		}
		return sign
	}
	for n := range max(d.Digits(), e.Digits()) {
		if a, b := d.Digit(n), e.Digit(n); a != b {
			if a < b {
				return -sign
			}
			return sign
		}
	}
	return 0
}

// Int64 returns the value where it is an integer that fits.
func (d *Decimal) Int64() (n int64, ok bool) {
	if !d.IsInteger() || d.Exponent > 19 {
		return 0, false
	}
	u := uint64(0)
	for i := range int(d.Exponent) {
		c := uint64(d.Digit(i) - '0')
		if u > (math.MaxUint64-c)/10 {
			return 0, false
		}
		u = u*10 + c
	}
	if d.Negative {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}

// IsInteger reports whether a well-formed JSON number is mathematically an integer
// (JSON Schema 2020-12, section 6.1.1). Its time is linear in the spelling.
func IsInteger(num []byte) bool {
	i := 0
	if num[0] == '-' {
		i = 1
	}
	for ; i < len(num); i++ {
		if num[i]-'0' > 9 {
			d := ParseDecimal(num)
			return d.IsInteger()
		}
	}
	return true
}

// Int64 returns number i where it is mathematically an integer that fits.
func (t *Tape) Int64(i int) (n int64, ok bool) {
	num := t.Raw(i)
	if len(num) > 18 {
		d := ParseDecimal(num)
		return d.Int64()
	}
	digits := num
	if num[0] == '-' {
		digits = num[1:]
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			d := ParseDecimal(num)
			return d.Int64()
		}
		n = n*10 + int64(c)
	}
	if len(digits) < len(num) {
		n = -n
	}
	return n, true
}
