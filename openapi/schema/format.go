package schema

import (
	"bytes"
	"encoding/base64"
	"math"
	"net/http"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/strictjson"
)

// A format is what a value of the format keyword asserts, of strings, of numbers or
// of neither.
type format struct {
	text   func(s []byte) bool
	number func(t *strictjson.Tape, i int) bool
	// least and most say the same as number of integers, where whole is set.
	least, most int64
	whole       bool
	means       string
}

// formats are those that are known: JSON Schema's (validation, section 7.3), and
// those of OpenAPI's registry.
var formats = map[string]*format{
	"date-time":             {text: isDateTime, means: "RFC 3339, section 5.6; a leap second only where one can be"},
	"date":                  {text: isDate, means: "RFC 3339, full-date"},
	"time":                  {text: isTime, means: "RFC 3339, full-time"},
	"duration":              {text: isDuration, means: "RFC 3339, appendix A"},
	"email":                 {text: isEmail, means: "RFC 5321, Mailbox"},
	"idn-email":             {text: isIDNEmail, means: "RFC 6531, Mailbox"},
	"hostname":              {text: isHostname, means: "RFC 1123; an A-label is well-formed (RFC 5891)"},
	"idn-hostname":          {text: isIDNHostname, means: "RFC 5890"},
	"ipv4":                  {text: isIPv4, means: "RFC 2673, section 3.2"},
	"ipv6":                  {text: isIPv6, means: "RFC 4291, section 2.2"},
	"uri":                   {text: isURI, means: "RFC 3986, with a scheme"},
	"uri-reference":         {text: isURIReference, means: "RFC 3986"},
	"iri":                   {text: isIRI, means: "RFC 3987, with a scheme"},
	"iri-reference":         {text: isIRIReference, means: "RFC 3987"},
	"uri-template":          {text: isURITemplate, means: "RFC 6570"},
	"uuid":                  {text: isUUID, means: "RFC 9562"},
	"json-pointer":          {text: isPointer, means: "RFC 6901, section 5"},
	"relative-json-pointer": {text: isRelativePointer, means: "draft-bhutton-relative-json-pointer"},
	"regex":                 {text: isRegex, means: "ECMA-262"},

	"int8":            integers(math.MinInt8, math.MaxInt8, "an integer of 8 bits"),
	"int16":           integers(math.MinInt16, math.MaxInt16, "an integer of 16 bits"),
	"int32":           integers(math.MinInt32, math.MaxInt32, "an integer of 32 bits"),
	"int64":           integers(math.MinInt64, math.MaxInt64, "an integer of 64 bits"),
	"uint8":           integers(0, math.MaxUint8, "an integer of 8 bits without a sign"),
	"uint16":          integers(0, math.MaxUint16, "an integer of 16 bits without a sign"),
	"uint32":          integers(0, math.MaxUint32, "an integer of 32 bits without a sign"),
	"uint64":          {number: isUint64, means: "an integer of 64 bits without a sign"},
	"double-int":      integers(-1<<53+1, 1<<53-1, "an integer that a double holds exactly"),
	"float":           {number: magnitude("3.4028235677973366e38"), means: "a number within the range of IEEE 754 binary32"},
	"double":          {number: magnitude("1.7976931348623158e308"), means: "a number within the range of IEEE 754 binary64"},
	"decimal":         {text: isNumber, means: "a decimal number, also as a string"},
	"decimal128":      {text: isNumber, means: "a decimal number, also as a string"},
	"byte":            {text: isBase64, means: "RFC 4648, section 4"},
	"base64url":       {text: isBase64URL, means: "RFC 4648, section 5, with or without padding"},
	"char":            {text: isChar, means: "one character"},
	"media-range":     {text: isMediaRange, means: "RFC 9110, section 12.5.1"},
	"http-date":       {text: isHTTPDate, means: "RFC 9110, section 5.6.7"},
	"date-time-local": {text: isLocalDateTime, means: "RFC 3339, date-time without the offset"},
	"time-local":      {text: isLocalTime, means: "RFC 3339, partial-time"},

	"binary":     {means: "any bytes: nothing is asserted"},
	"password":   {means: "a hint for forms: nothing is asserted"},
	"html":       {means: "nothing is asserted"},
	"commonmark": {means: "nothing is asserted"},
}

// A KnownFormat is a format that is checked, or known to assert nothing.
type KnownFormat struct{ Name, Means string }

// Formats lists the formats that are known, by name. Others are warned of when a
// schema is compiled, and assert nothing.
func Formats() []KnownFormat {
	list := make([]KnownFormat, 0, len(formats))
	for name, f := range formats {
		list = append(list, KnownFormat{name, f.means})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// integers is the format of integers within bounds.
func integers(least, most int64, means string) *format {
	return &format{number: intRange(least, most), least: least, most: most, whole: true, means: means}
}

func intRange(low, high int64) func(*strictjson.Tape, int) bool {
	return func(t *strictjson.Tape, i int) bool {
		n, ok := t.Int64(i)
		return ok && n >= low && n <= high
	}
}

func isUint64(t *strictjson.Tape, i int) bool {
	if n, ok := t.Int64(i); ok {
		return n >= 0
	}
	d := strictjson.ParseDecimal(t.Raw(i))
	top := strictjson.ParseDecimal([]byte("18446744073709551615"))
	return d.IsInteger() && d.Sign() >= 0 && d.Compare(&top) <= 0
}

// magnitude accepts numbers that round to no more than the greatest finite one:
// what is between it and top.
func magnitude(top string) func(*strictjson.Tape, int) bool {
	greatest := strictjson.ParseDecimal([]byte(top))
	return func(t *strictjson.Tape, i int) bool {
		if _, ok := t.Int64(i); ok {
			return true
		}
		d := strictjson.ParseDecimal(t.Raw(i))
		d.Negative = false
		return d.Compare(&greatest) < 0
	}
}

func isNumber(s []byte) bool {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	digits, dot := 0, false
	for i, c := range s {
		switch {
		case isDigit(c):
			digits++
		case c == '.' && !dot && digits > 0:
			dot = true
		case (c == 'e' || c == 'E') && digits > 0 && i+1 < len(s):
			exp := s[i+1:]
			if len(exp) > 1 && (exp[0] == '-' || exp[0] == '+') {
				exp = exp[1:]
			}
			return allDigits(exp)
		default:
			return false
		}
	}
	return digits > 0 && s[len(s)-1] != '.'
}

func isBase64(s []byte) bool {
	if len(s)%4 != 0 {
		return false
	}
	return isBase64Text(s, '+', '/')
}

func isBase64URL(s []byte) bool {
	if n := len(bytes.TrimRight(s, "=")); n%4 == 1 || n < len(s) && len(s)%4 != 0 {
		return false
	}
	return isBase64Text(s, '-', '_')
}

// isBase64Text checks the alphabet, the padding, and that no bits are left over
// (RFC 4648, section 3.5).
func isBase64Text(s []byte, c62, c63 byte) bool {
	text := s
	for pad := 0; pad < 2 && len(text) > 0 && text[len(text)-1] == '='; pad++ {
		text = text[:len(text)-1]
	}
	for _, c := range text {
		if !isAlphanumeric(c) && c != c62 && c != c63 {
			return false
		}
	}
	if len(text)%4 < 2 {
		return len(text)%4 == 0 && len(text) == len(s)
	}
	encoding := base64.RawStdEncoding
	if c62 == '-' {
		encoding = base64.RawURLEncoding
	}
	var out [3]byte
	_, err := encoding.Strict().Decode(out[:], text[len(text)/4*4:])
	return err == nil
}

func isChar(s []byte) bool { return utf8.RuneCount(s) == 1 }

func isMediaRange(s []byte) bool {
	kind, rest, ok := bytes.Cut(s, []byte{'/'})
	sub, parameters, _ := bytes.Cut(rest, []byte{';'})
	sub = bytes.TrimRight(sub, " \t")
	if !ok || !isToken(kind) || !isToken(sub) || string(kind) == "*" && string(sub) != "*" {
		return false
	}
	for len(parameters) > 0 {
		var one []byte
		one, parameters, _ = bytes.Cut(parameters, []byte{';'})
		name, value, ok := bytes.Cut(bytes.Trim(one, " \t"), []byte{'='})
		if !ok || !isToken(name) || !isToken(value) && (len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"') {
			return false
		}
	}
	return true
}

func isToken(s []byte) bool {
	for _, c := range s {
		if !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return len(s) > 0
}

func isHTTPDate(s []byte) bool {
	_, err := http.ParseTime(string(s))
	return err == nil
}

func isRegex(s []byte) bool {
	if len(s) > maxPattern {
		return false
	}
	_, err := rewrite(string(s), false, false)
	return err == nil
}

func isUUID(s []byte) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range s {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isHex(c) {
				return false
			}
		}
	}
	return true
}

func isPointer(s []byte) bool {
	if len(s) > 0 && s[0] != '/' {
		return false
	}
	for i, c := range s {
		if c == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return true
}

func isRelativePointer(s []byte) bool {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n == 0 || n > 1 && s[0] == '0' {
		return false
	}
	if s = s[n:]; len(s) > 1 && (s[0] == '+' || s[0] == '-') { // index manipulation
		if s = s[1:]; s[0] == '0' {
			return false
		}
		n = 0
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return string(s) == "#" || isPointer(s)
}

func isDigit(c byte) bool { return c-'0' < 10 }

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isAlphanumeric(c byte) bool { return isDigit(c) || isAlpha(c) }

func allDigits(s []byte) bool {
	for _, c := range s {
		if !isDigit(c) {
			return false
		}
	}
	return len(s) > 0
}

// number returns the value of n digits at the front of s, or -1.
func number(s []byte, n int) int {
	if len(s) < n {
		return -1
	}
	v := 0
	for _, c := range s[:n] {
		if !isDigit(c) {
			return -1
		}
		v = v*10 + int(c-'0')
	}
	return v
}
