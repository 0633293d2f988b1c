package filter

import "unicode/utf8"

// detectors is a set of detectors, by their place in Detectors.
type detectors uint16

const (
	detectEmail = iota
	detectPhone
	detectCard
	detectIBAN
	detectSSN
	detectNINO
	detectSteuerID
	detectNIR
	detectorCount
)

var detectorNames = []string{"email", "phone", "card", "iban", "us_ssn", "uk_nino", "de_steuer_id", "fr_nir"}

// Detectors returns the names of what can be detected:
//
//	email         an address with a domain of two labels or more
//	phone         + and 8 to 15 digits (E.164), with the usual punctuation
//	card          13 to 19 digits, in groups or not, that begin as the networks' numbers
//	              do and pass the Luhn check (ISO/IEC 7812)
//	iban          of a country in the registry, in its length, that passes ISO 7064 MOD 97-10
//	us_ssn        three, two and four digits with - or a space between, none of the
//	              ranges that are not given out
//	uk_nino       a National Insurance number with a prefix that is in use
//	de_steuer_id  eleven digits, one of the first ten of them twice or thrice, that
//	              pass ISO 7064 MOD 11,10
//	fr_nir        fifteen digits (or 2A, 2B for Corsica) with a possible month, that
//	              pass the key of 97
//
// Numbers of JSON are looked at as they are spelled; there, what needs punctuation
// is not found.
func Detectors() []string { return detectorNames }

func (d detectors) has(n int) bool { return d>>n&1 != 0 }

// plausible leaves out what s cannot hold, by its length and digits alone.
func (d detectors) plausible(s []byte) detectors {
	digits, at := 0, false
	for _, c := range s {
		if c-'0' <= 9 {
			digits++
		} else if c == '@' {
			at = true
		}
	}
	if !at {
		d &^= 1 << detectEmail
	}
	for n, least := range [detectorCount]int{detectPhone: 8, detectCard: 13, detectIBAN: 2, detectSSN: 9, detectNINO: 6, detectSteuerID: 11, detectNIR: 14} {
		if digits < least {
			d &^= 1 << n
		}
	}
	if len(s) < 15 {
		d &^= 1 << detectIBAN
	}
	return d
}

// A span is a part of a text that a detector knows.
type span struct{ start, end, detector int }

// next returns the first span from offset from on. The work for each offset is
// bounded, so the whole is linear.
func (d detectors) next(s []byte, from int) (span, bool) {
	for i := from; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '@':
			if d.has(detectEmail) {
				if start, end := emailAround(s, i, from); end > 0 {
					return span{start, end, detectEmail}, true
				}
			}
		case c > 'z', i > 0 && alnum(s[i-1]):
		case c == '+':
			if d.has(detectPhone) {
				if end := phoneAt(s, i); end > 0 {
					return span{i, end, detectPhone}, true
				}
			}
		case c-'0' <= 9:
			if found, ok := d.digitsAt(s, i); ok {
				return found, true
			}
		case c|0x20 >= 'a':
			if d.has(detectIBAN) {
				if end := ibanAt(s, i); end > 0 {
					return span{i, end, detectIBAN}, true
				}
			}
			if d.has(detectNINO) {
				if end := ninoAt(s, i); end > 0 {
					return span{i, end, detectNINO}, true
				}
			}
		}
	}
	return span{}, false
}

func (d detectors) digitsAt(s []byte, i int) (span, bool) {
	if i >= 2 && s[i-1] == '.' && s[i-2]-'0' <= 9 {
		return span{}, false // the fraction of a number
	}
	for _, try := range [...]struct {
		detector int
		end      func([]byte, int) int
	}{{detectCard, cardAt}, {detectNIR, nirAt}, {detectSteuerID, steuerIDAt}, {detectSSN, ssnAt}} {
		if d.has(try.detector) {
			if end := try.end(s, i); end > 0 {
				return span{i, end, try.detector}, true
			}
		}
	}
	return span{}, false
}

func alnum(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// ends reports whether what stands before s[i] may end there: it does not go on
// with a letter, a digit or a fraction.
func ends(s []byte, i int) bool {
	if i >= len(s) {
		return true
	}
	return !alnum(s[i]) && !(s[i] == '.' && i+1 < len(s) && s[i+1]-'0' <= 9)
}

// emailAround returns the address whose @ is s[at], not starting before from; end is
// 0 where there is none. The parts are as RFC 5321 sections 4.1.2 and 4.5.3.1 have
// them, without quotes.
func emailAround(s []byte, at, from int) (start, end int) {
	start = at
	for start > from && at-start < 64 && localPart(s[start-1]) {
		start--
	}
	for start < at && !utf8.RuneStart(s[start]) {
		start++
	}
	if start == at {
		return 0, 0
	}
	end = at + 1
	label, labels, letters := end, 0, false
	for ; end < len(s) && end-at <= 253; end++ {
		c := s[end]
		switch {
		case c == '.' && end > label && end+1 < len(s) && domainPart(s[end+1]):
			labels++
			label, letters = end+1, false
			continue
		case !domainPart(c):
		case c-'0' > 9 && c != '-':
			letters = true
			continue
		default:
			continue
		}
		break
	}
	for end > at && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	if labels == 0 || end-label < 2 || !letters {
		return 0, 0
	}
	return start, end
}

func localPart(c byte) bool {
	if alnum(c) || c >= utf8.RuneSelf {
		return true
	}
	switch c {
	case '.', '!', '#', '$', '%', '&', '\'', '*', '+', '/', '=', '?', '^', '_', '`', '{', '|', '}', '~', '-':
		return true
	}
	return false
}

func domainPart(c byte) bool { return alnum(c) || c == '-' || c >= utf8.RuneSelf }

// phoneAt returns the end of the international number that begins with the + at
// s[i], or 0.
func phoneAt(s []byte, i int) int {
	digits, end, marks := 0, 0, 0
	for j := i + 1; j < len(s); j++ {
		switch c := s[j]; c {
		case ' ', '-', '.', '/', '(', ')':
			if marks++; marks > 2 || digits == 0 && c != '(' {
				return end
			}
		default:
			if c-'0' > 9 || digits == 0 && c == '0' || digits == 15 {
				return end
			}
			digits++
			if marks = 0; digits >= 8 && ends(s, j+1) {
				end = j + 1
			}
		}
	}
	return end
}

// A run is digits with single marks between, from an offset on.
type run struct {
	digit [20]byte
	end   [20]int // behind each digit
	n     int
}

// runAt reads up to max digits with at most one of the marks between two.
func runAt(s []byte, i, max int, marks string) (r run) {
	marked := true
	for ; i < len(s) && r.n < max; i++ {
		c := s[i]
		if c-'0' > 9 {
			if marked || c != marks[0] && c != marks[len(marks)-1] {
				break
			}
			marked = true
			continue
		}
		r.digit[r.n], r.end[r.n] = c-'0', i+1
		r.n++
		marked = false
	}
	return r
}

// cardAt returns the end of the card number at s[i], or 0: the longest that passes.
func cardAt(s []byte, i int) int {
	r := runAt(s, i, 19, " -")
	for n := r.n; n >= 13; n-- {
		if ends(s, r.end[n-1]) && network(r.digit[:n]) && luhn(r.digit[:n]) {
			return r.end[n-1]
		}
	}
	return 0
}

// network reports whether d begins as a card number of its length does.
func network(d []byte) bool {
	n, two := len(d), int(d[0])*10+int(d[1])
	four := (two*10+int(d[2]))*10 + int(d[3])
	switch {
	case d[0] == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case 51 <= two && two <= 55, 2221 <= four && four <= 2720: // Mastercard
		return n == 16
	case two == 34, two == 37: // American Express
		return n == 15
	case four == 6011, two == 64, two == 65, two == 62, two == 81: // Discover, UnionPay, RuPay
		return n >= 16
	case 3528 <= four && four <= 3589: // JCB
		return n >= 16
	case two == 30, two == 36, two == 38, two == 39: // Diners Club
		return n >= 14
	case two == 50, 56 <= two && two <= 58, two == 60, two == 63, 66 <= two && two <= 69: // Maestro
		return true
	}
	return false
}

// luhn is the check of ISO/IEC 7812-1, annex B.
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i])
		if i&1 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
