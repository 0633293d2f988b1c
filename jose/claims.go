package jose

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Claims are a JSON object's members: string, json.Number, bool, nil,
// map[string]any or []any. Read-only.
//
// The typed readers below return false where the claim is absent and an error
// with code token.claim_type where it has another type: a null is another type.
type Claims map[string]any

// Has reports whether there is a claim called name, whatever its type.
func (c Claims) Has(name string) bool {
	_, ok := c[name]
	return ok
}

// String reads a string.
func (c Claims) String(name string) (string, bool, error) {
	v, ok := c[name]
	if !ok {
		return "", false, nil
	}
	s, ok := v.(string)
	if !ok {
		return "", false, errClaimType
	}
	return s, true, nil
}

// Bool reads true or false.
func (c Claims) Bool(name string) (value, ok bool, err error) {
	v, ok := c[name]
	if !ok {
		return false, false, nil
	}
	b, ok := v.(bool)
	if !ok {
		return false, false, errClaimType
	}
	return b, true, nil
}

// Object reads a nested object.
func (c Claims) Object(name string) (Claims, bool, error) {
	v, ok := c[name]
	if !ok {
		return nil, false, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, false, errClaimType
	}
	return m, true, nil
}

// Strings reads an array of strings.
func (c Claims) Strings(name string) ([]string, bool, error) {
	v, ok := c[name]
	if !ok {
		return nil, false, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, false, errClaimType
	}
	out, err := stringList(list)
	return out, err == nil, err
}

// StringOrStrings reads a string, as a list of one, or an array of strings: "aud"
// (RFC 7519, section 4.1.3) and its like.
func (c Claims) StringOrStrings(name string) ([]string, bool, error) {
	if s, ok := c[name].(string); ok {
		return []string{s}, true, nil
	}
	return c.Strings(name)
}

// Audience reads "aud".
func (c Claims) Audience() ([]string, bool, error) { return c.StringOrStrings("aud") }

// Words reads a space-separated list such as "scope" (RFC 6749, section 3.3), or
// an array of strings. No other white space separates: whoever made the list may
// have let it stand within a word.
func (c Claims) Words(name string) ([]string, bool, error) {
	if s, ok := c[name].(string); ok {
		return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), true, nil
	}
	return c.Strings(name)
}

// Time reads a NumericDate (RFC 7519, section 2): a finite number of seconds
// since 1970, with or without a fraction, up to the year 9999.
func (c Claims) Time(name string) (time.Time, bool, error) {
	v, ok := c[name]
	if !ok {
		return time.Time{}, false, nil
	}
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false, errClaimType
	}
	t, ok := numericDate(string(n))
	if !ok {
		return time.Time{}, false, errClaimType
	}
	return t, true, nil
}

const lastSecond = 253402300799 // 9999-12-31T23:59:59Z

func numericDate(n string) (time.Time, bool) {
	if sec, err := strconv.ParseInt(n, 10, 64); err == nil {
		if sec < 0 || sec > lastSecond {
			return time.Time{}, false
		}
		return time.Unix(sec, 0), true
	}
	f, err := strconv.ParseFloat(n, 64)
	if err != nil || !(f >= 0 && f <= lastSecond) {
		return time.Time{}, false
	}
	sec, frac := math.Modf(f)
	return time.Unix(int64(sec), int64(frac*1e9)), true
}

func stringList(list []any) ([]string, error) {
	out := make([]string, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, errClaimType
		}
		out[i] = s
	}
	return out, nil
}
