package gatehouse

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is a size in bytes that reads and prints as "64KiB" or "10MiB".
type Bytes int64

// Units of Bytes, powers of 1024 as IEC 80000-13 names them.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

// UnmarshalText reads a whole number with an optional unit B, KiB, MiB or GiB.
func (b *Bytes) UnmarshalText(text []byte) error {
	s, unit := strings.TrimSpace(string(text)), Bytes(1)
	for _, u := range []struct {
		suffix string
		size   Bytes
	}{{"KiB", KiB}, {"MiB", MiB}, {"GiB", GiB}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > int64((1<<62)/unit) {
		return &Error{Code: "config.size", Message: fmt.Sprintf("%q is not a size", text),
			Hint: "a whole number with B, KiB, MiB or GiB"}
	}
	*b = Bytes(n) * unit
	return nil
}

// MarshalText prints the size with the largest unit that divides it.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

func (b Bytes) String() string {
	for _, u := range []struct {
		suffix string
		size   Bytes
	}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}} {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}
