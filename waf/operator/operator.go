package operator

import (
	"net"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/expression"
)

// Func reports whether a value matches. The negation of "!@" is the caller's.
type Func func(value string) bool

// Lookup is Compile for those who need no reason.
func Lookup(name, argument string) (Func, bool) {
	f, err := Compile(name, argument)
	return f, err == nil
}

// Compile returns the operator of a name, in any case and without "@", with its argument
// as Coraza hands it on (trimmed, macros expanded). The error is a *gatehouse.Error of
// code "waf.operator".
func Compile(name, argument string) (Func, error) {
	name = strings.ToLower(name)
	if f := textual(name, argument); f != nil {
		if strings.Contains(argument, "%{") {
			return nil, refuse(name, "the macro in %q is not expanded", argument)
		}
		return f, nil
	}
	switch name {
	case "unconditionalmatch", "geolookup": // Coraza has no database: always found
		return always, nil
	case "nomatch":
		return func(string) bool { return false }, nil
	case "pm":
		return Phrases(strings.Split(argument, " "))
	case "ipmatch":
		return ipMatch(argument), nil
	case "validatebyterange":
		return byteRange(argument)
	case "validateurlencoding":
		return brokenURLEncoding, nil
	case "validateutf8encoding":
		return func(value string) bool { return !utf8.ValidString(value) }, nil
	case "detectsqli":
		return detectSQLi, nil
	case "detectxss":
		return detectXSS, nil
	}
	return nil, refuse(name, "this operator is not modelled", "")
}

// textual are the operators whose argument Coraza expands anew for every value.
func textual(name, argument string) Func {
	switch name {
	case "beginswith":
		return func(value string) bool { return strings.HasPrefix(value, argument) }
	case "endswith":
		return func(value string) bool { return strings.HasSuffix(value, argument) }
	case "contains", "strmatch":
		return func(value string) bool { return strings.Contains(value, argument) }
	case "within":
		return func(value string) bool { return strings.Contains(argument, value) }
	case "streq":
		return func(value string) bool { return value == argument }
	}
	number := integer(argument)
	switch name {
	case "eq":
		return func(value string) bool { return integer(value) == number }
	case "ge":
		return func(value string) bool { return integer(value) >= number }
	case "gt":
		return func(value string) bool { return integer(value) > number }
	case "le":
		return func(value string) bool { return integer(value) <= number }
	case "lt":
		return func(value string) bool { return integer(value) < number }
	}
	return nil
}

func always(string) bool { return true }

// integer is the number strconv.Atoi returns beside its error: 0 for what is no number,
// the nearest integer for one too large. Most texts get no error made for them.
func integer(s string) int {
	if s == "" || s[0] != '-' && s[0] != '+' && (s[0] < '0' || s[0] > '9') {
		return 0
	}
	if len(s) > 9 { // 999999999 fits into 32 bits
		n, _ := strconv.Atoi(s)
		return n
	}
	digits := s
	if s[0] == '-' || s[0] == '+' {
		digits = s[1:]
	}
	n := 0
	for i := 0; i < len(digits); i++ {
		c := digits[i] - '0'
		if c > 9 {
			return 0
		}
		n = 10*n + int(c)
	}
	if s[0] == '-' {
		return -n
	}
	return n
}

// ipMatch takes addresses and networks separated by commas, and passes over what is
// neither.
func ipMatch(argument string) Func {
	var networks []*net.IPNet
	for part := range strings.SplitSeq(argument, ",") {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, "/") {
			switch {
			case strings.Contains(part, ":"):
				part += "/128"
			case strings.Contains(part, "."):
				part += "/32"
			}
		}
		if _, network, err := net.ParseCIDR(part); err == nil {
			networks = append(networks, network)
		}
	}
	return func(value string) bool {
		ip := net.ParseIP(value)
		if ip == nil {
			return false
		}
		for _, network := range networks {
			if network.Contains(ip) {
				return true
			}
		}
		return false
	}
}

func byteRange(argument string) (Func, error) {
	if argument == "" {
		return always, nil
	}
	valid, err := ByteRange(argument)
	if err != nil {
		return nil, err
	}
	return func(value string) bool {
		for i := 0; i < len(value); i++ {
			if !valid.Has(value[i]) {
				return true
			}
		}
		return false
	}, nil
}

// ByteRange returns the bytes that @validateByteRange accepts: it matches a value exactly
// if some byte of it is not in this set. The argument, such as "9,10,32-126", is not
// empty: @validateByteRange without one matches every value.
func ByteRange(argument string) (*expression.Bytes, error) {
	var valid expression.Bytes
	for part := range strings.SplitSeq(argument, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		lo, err := strconv.Atoi(first)
		hi, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || lo < 0 || lo > 255 || hi < 0 || hi > 255 {
			return nil, refuse("validatebyterange", "%q is no range of bytes", part)
		}
		for b := lo; b <= hi; b++ {
			valid.Add(byte(b))
		}
	}
	return &valid, nil
}

// brokenURLEncoding reports whether a "%" is not followed by two hexadecimal digits.
func brokenURLEncoding(value string) bool {
	for {
		i := strings.IndexByte(value, '%')
		if i < 0 {
			return false
		}
		if i+2 >= len(value) || !isHex(value[i+1]) || !isHex(value[i+2]) {
			return true
		}
		value = value[i+3:]
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func refuse(name, format, text string) error {
	message := format
	if text != "" {
		message = strings.Replace(format, "%q", strconv.Quote(text), 1)
	}
	return &gatehouse.Error{Code: "waf.operator", Message: "@" + name + ": " + message}
}
