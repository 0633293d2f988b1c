package schema

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// isEmail reports whether s is a Mailbox (RFC 5321, section 4.1.2).
func isEmail(s []byte) bool { return isMailbox(s, false) }

// isIDNEmail also takes UTF-8 (RFC 6531, section 3.3).
func isIDNEmail(s []byte) bool { return isMailbox(s, true) }

func isMailbox(s []byte, international bool) bool {
	at := bytes.LastIndexByte(s, '@')
	if at < 1 || len(s) > 254 || at > 64 {
		return false
	}
	local, domain := s[:at], s[at+1:]
	if local[0] == '"' {
		if !isQuoted(local, international) {
			return false
		}
	} else if !isDotString(local, international) {
		return false
	}
	if len(domain) > 2 && domain[0] == '[' && domain[len(domain)-1] == ']' {
		literal := domain[1 : len(domain)-1]
		if len(literal) > 5 && strings.EqualFold(string(literal[:5]), "IPv6:") {
			return isIPv6(literal[5:])
		}
		return isIPv4(literal)
	}
	if international {
		return isIDNHostname(domain)
	}
	return isHostname(domain)
}

func isDotString(s []byte, international bool) bool {
	dot := true // a dot may not stand here
	for _, c := range s {
		switch {
		case c == '.' && !dot:
			dot = true
			continue
		case isAlphanumeric(c) || c >= utf8.RuneSelf && international:
		case strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0:
		default:
			return false
		}
		dot = false
	}
	return !dot
}

func isQuoted(s []byte, international bool) bool {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return false
	}
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' {
			if i++; i == len(s) || s[i] < ' ' || s[i] > '~' {
				return false
			}
			continue
		}
		if c == '"' || c < ' ' || c == 0x7F || c >= utf8.RuneSelf && !international {
			return false
		}
	}
	return true
}

// isHostname reports whether s is a host name (RFC 1123, section 2.1).
func isHostname(s []byte) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	for len(s) > 0 {
		label := s
		if dot := bytes.IndexByte(s, '.'); dot >= 0 {
			if label, s = s[:dot], s[dot+1:]; len(s) == 0 {
				return false
			}
		} else {
			s = nil
		}
		if !isLabel(label) {
			return false
		}
	}
	return true
}

func isLabel(s []byte) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range s {
		if !isAlphanumeric(c) && c != '-' {
			return false
		}
	}
	if len(s) > 3 && s[2] == '-' && s[3] == '-' {
		return isALabel(s)
	}
	return true
}

// names checks labels by UTS 46, which isULabel then narrows to RFC 5892.
var names = idna.New(idna.ValidateLabels(true), idna.StrictDomainName(true), idna.CheckHyphens(true),
	idna.CheckJoiners(true), idna.BidiRule(), idna.Transitional(false))

// isALabel reports whether s is a U-label's ASCII form (RFC 5891, section 4.2).
func isALabel(s []byte) bool {
	if len(s) < 5 || !strings.EqualFold(string(s[:4]), "xn--") {
		return false
	}
	label, err := names.ToUnicode(strings.ToLower(string(s)))
	if err != nil || !isULabel(label) {
		return false
	}
	back, err := names.ToASCII(label)
	return err == nil && strings.EqualFold(back, string(s))
}

// isIDNHostname reports whether s is a host name whose labels may be U-labels
// (RFC 5890, section 2.3.2.3).
func isIDNHostname(s []byte) bool {
	if len(s) == 0 || len(s) > 4*253 {
		return false
	}
	length := -1
	for label := range strings.FieldsFuncSeq(string(s), isFullStop) {
		ascii := label
		if !isASCII(label) {
			if !isULabel(label) {
				return false
			}
			var err error
			if ascii, err = names.ToASCII(label); err != nil {
				return false
			}
		}
		if !isLabel([]byte(ascii)) {
			return false
		}
		length += len(ascii) + 1
	}
	if length > 253 || !fullStops(string(s)) {
		return false
	}
	_, err := names.ToASCII(string(s)) // the Bidi rule looks at all labels
	return err == nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isFullStop(r rune) bool { return r == '.' || r == 0x3002 || r == 0xFF0E || r == 0xFF61 }

// fullStops reports whether each full stop stands between two labels.
func fullStops(s string) bool {
	before := true
	for _, r := range s {
		stop := isFullStop(r)
		if stop && before {
			return false
		}
		before = stop
	}
	return !before
}

// isULabel reports whether the code points of a label are allowed where they stand
// (RFC 5892, section 3 and appendix A; RFC 5891, section 4.2.3).
func isULabel(label string) bool {
	runes := []rune(label)
	if len(runes) == 0 || unicode.Is(unicode.M, runes[0]) {
		return false
	}
	arabic, extended, kana := false, false, false
	for _, r := range runes {
		arabic = arabic || r >= 0x660 && r <= 0x669
		extended = extended || r >= 0x6F0 && r <= 0x6F9
		kana = kana || unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han)
	}
	for i, r := range runes {
		before, after := rune(-1), rune(-1)
		if i > 0 {
			before = runes[i-1]
		}
		if i+1 < len(runes) {
			after = runes[i+1]
		}
		switch r {
		case 0xB7: // middle dot
			if before != 'l' || after != 'l' {
				return false
			}
		case 0x375: // Greek keraia
			if !unicode.Is(unicode.Greek, after) {
				return false
			}
		case 0x5F3, 0x5F4: // Hebrew geresh, gershayim
			if !unicode.Is(unicode.Hebrew, before) {
				return false
			}
		case 0x30FB: // katakana middle dot
			if !kana {
				return false
			}
		case 0x640, 0x7FA, 0x302E, 0x302F, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303B:
			return false
		case '-', 0x6FD, 0x6FE, 0xF0B, 0x3007, 0x200C, 0x200D:
		default:
			if !unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd) {
				return false
			}
		}
	}
	if arabic && extended {
		return false
	}
	_, err := names.ToASCII(label)
	return err == nil
}

// isIPv4 reports whether s is a dotted quad without leading zeros.
func isIPv4(s []byte) bool {
	for part := range 4 {
		n, v := 0, 0
		for n < len(s) && n < 4 && isDigit(s[n]) {
			v = v*10 + int(s[n]-'0')
			n++
		}
		if n == 0 || v > 255 || n > 1 && s[0] == '0' {
			return false
		}
		if s = s[n:]; part < 3 {
			if len(s) == 0 || s[0] != '.' {
				return false
			}
			s = s[1:]
		}
	}
	return len(s) == 0
}

// isIPv6 reports whether s is an address without a zone.
func isIPv6(s []byte) bool {
	groups, gap := 0, false
	if len(s) >= 2 && s[0] == ':' {
		if s[1] != ':' {
			return false
		}
		gap, s = true, s[2:]
		if len(s) == 0 {
			return true
		}
	}
	for {
		n := 0
		for n < len(s) && isHex(s[n]) {
			n++
		}
		if n < len(s) && s[n] == '.' {
			return isIPv4(s) && (groups == 6 || gap && groups < 6)
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		if s = s[n:]; len(s) == 0 {
			return groups == 8 || gap && groups < 8
		}
		if s[0] != ':' || groups == 8 {
			return false
		}
		if s = s[1:]; len(s) > 0 && s[0] == ':' {
			if gap {
				return false
			}
			gap = true
			if s = s[1:]; len(s) == 0 {
				return groups < 8
			}
		}
	}
}
