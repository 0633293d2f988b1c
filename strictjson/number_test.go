package strictjson

import (
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestIsInteger(t *testing.T) {
	for num, want := range map[string]bool{
		"0": true, "-0": true, "7": true, "-12": true, "1.0": true, "1.5": false, "1e2": true, "1E+2": true, "1e-1": false,
		"10e-1": true, "100e-2": true, "105e-1": false, "1.50e1": true, "1.05e1": false, "0.0": true, "0e-5": true, "0.0e400": true,
		"1e400000000": true, "1e-400000000": false, "1.5e400000000": true, "123456789012345678901234567890": true,
		"0.1e1": true, "0.01e1": false, "9007199254740993.0": true, "1e99999999999999999999999999": true,
		"1e-99999999999999999999999999": false, "0e-99999999999999999999999999": true, "-1.000": true, "-0.10": false,
	} {
		if got := IsInteger([]byte(num)); got != want {
			t.Errorf("%s: %v", num, got)
		}
	}
}

func TestInt64(t *testing.T) {
	for num, want := range map[string]string{
		"0": "0", "-0": "0", "42": "42", "-42": "-42", "1.0": "1", "1e2": "100", "12.50e1": "125", "0.5": "", "1e19": "", "1e300": "",
		"9223372036854775807": "9223372036854775807", "9223372036854775808": "", "-9223372036854775808": "-9223372036854775808",
		"-9223372036854775809": "", "18446744073709551616": "", "99999999999999999999": "", "999999999999999999": "999999999999999999",
		"-9223372036854775.808e3": "-9223372036854775808", "1e18": "1000000000000000000", "0.0000000000000000000001e22": "1",
	} {
		got := ""
		if n, ok := read(t, num).Int64(0); ok {
			got = strconv.FormatInt(n, 10)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", num, got, want)
		}
	}
}

func TestHugeExponentsTakeNoTime(t *testing.T) {
	start := time.Now()
	for range 1000 {
		a, b := ParseDecimal([]byte("1e400000000")), ParseDecimal([]byte("-2.5e-400000000"))
		if !a.IsInteger() || b.IsInteger() || a.Compare(&b) != 1 {
			t.Fatal("wrong")
		}
	}
	long := []byte("1" + strings.Repeat("0", 1<<20) + "e-1048576")
	if d := ParseDecimal(long); !d.IsInteger() || d.Digits() != 1 || d.Exponent != 1 {
		t.Errorf("%d digits, exponent %d", d.Digits(), d.Exponent)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// Against math/big, over numbers of all spellings.
func TestDecimal(t *testing.T) {
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		s, u := number.Draw(t, "a"), number.Draw(t, "b")
		if rapid.Bool().Draw(t, "equal") {
			u = s
			if !strings.ContainsAny(s, ".eE") {
				u = s + ".000e+0"
			}
		}
		x, _ := new(big.Rat).SetString(s)
		y, _ := new(big.Rat).SetString(u)
		a, b := ParseDecimal([]byte(s)), ParseDecimal([]byte(u))
		if got, want := a.Compare(&b), x.Cmp(y); got != want {
			t.Errorf("%s against %s: %d, want %d", s, u, got, want)
		}
		if got := a.IsInteger(); got != x.IsInt() || got != IsInteger([]byte(s)) {
			t.Errorf("%s: integer %v", s, got)
		}
		if got := a.Sign(); got != x.Sign() {
			t.Errorf("%s: sign %d", s, got)
		}
		n, ok := a.Int64()
		if want := x.IsInt() && x.Num().IsInt64(); ok != want || ok && n != x.Num().Int64() {
			t.Errorf("%s: %d, %v", s, n, ok)
		}
	})
}
