package audit

import (
	"strings"
	"unicode/utf8"
)

// What stands in the record in place of personal data and secrets.
const (
	maskedValue  = "[masked]" // the value of a sensitive field
	maskedEmail  = "[email]"
	maskedNumber = "[number]"
	maskedToken  = "[token]"
)

// A Masker hides personal data and secrets in what goes into the record. It is
// immutable.
type Masker struct {
	names map[string]bool
}

// NewMasker returns a Masker with the built-in list and extra names.
func NewMasker(extra []string) *Masker {
	m := &Masker{names: make(map[string]bool, len(sensitiveNames)+len(extra))}
	for _, n := range sensitiveNames {
		m.names[n] = true
	}
	for _, n := range extra {
		if n = foldName(n); n != "" {
			m.names[n] = true
		}
	}
	return m
}

// foldName returns name in lower case without anything but letters and digits, so
// that birthDate, birth_date and Birth-Date are one.
func foldName(name string) string {
	b := make([]byte, 0, 32)
	for i := 0; i < len(name) && len(b) < 64; i++ {
		switch class := classes[name[i]]; {
		case class&(isLower|isDigit) != 0, name[i] >= utf8.RuneSelf:
			b = append(b, name[i])
		case class&isUpper != 0:
			b = append(b, name[i]|0x20)
		}
	}
	return string(b)
}

// Sensitive reports whether the values of a field called name are masked: the
// words of name, split at case changes and punctuation, hold a listed name
// ("customerEmail", "card_number", "X-Session-Token").
func (m *Masker) Sensitive(name string) bool {
	if len(name) > 256 {
		return true // nobody names a field so
	}
	if m.names[foldName(name)] {
		return true
	}
	words := splitName(name)
	for i := range words {
		joined := ""
		for _, w := range words[i:min(i+4, len(words))] {
			joined += w
			if m.names[joined] || m.names[strings.TrimSuffix(joined, "s")] {
				return true
			}
		}
	}
	return false
}

// splitName splits "customerEMail_address2" into customer, e, mail, address, 2.
func splitName(name string) (words []string) {
	start := -1
	flush := func(end int) {
		if start >= 0 {
			words = append(words, strings.ToLower(name[start:end]))
		}
		start = -1
	}
	for i := 0; i < len(name); i++ {
		class := classes[name[i]]
		if class&(isLower|isUpper|isDigit) == 0 && name[i] < utf8.RuneSelf {
			flush(i)
			continue
		}
		if start >= 0 {
			prev := classes[name[i-1]]
			switch {
			case class&isUpper != 0 && prev&isUpper == 0, // aB
				class&isDigit != 0 && prev&isDigit == 0,
				class&isDigit == 0 && prev&isDigit != 0,
				// "HTTPToken": the T belongs to what follows.
				class&isUpper != 0 && i+1 < len(name) && classes[name[i+1]]&isLower != 0:
				flush(i)
			}
		}
		if start < 0 {
			start = i
		}
	}
	flush(len(name))
	return words
}

// Byte classes of the detectors.
const (
	isDigit = 1 << iota
	isUpper
	isLower
	isWord // belongs to a word: letters, digits, _ . + - % @ ~ and all beyond ASCII
	isSign // makes a text worth a closer look: @ % = and the quotes
)

var classes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = isDigit | isWord
		case 'A' <= c && c <= 'Z':
			t[c] = isUpper | isWord
		case 'a' <= c && c <= 'z':
			t[c] = isLower | isWord
		case c >= utf8.RuneSelf:
			t[c] = isWord
		}
	}
	for _, c := range "_.+-~" {
		t[c] |= isWord
	}
	for _, c := range "@%" {
		t[c] |= isWord | isSign
	}
	for _, c := range "=\"'" {
		t[c] |= isSign
	}
	return t
}()

// Thresholds of the detectors.
const (
	numberDigits = 9  // a US social security number; dates, amounts and ports have fewer
	opaqueChars  = 20 // letters of both cases and digits in one run: 119 bits if random
)

// suspicious reports in one pass whether text may hold anything to mask. On the
// allow path nearly every text ends here.
func suspicious(s string) bool {
	digits, run := 0, 0
	for i := 0; i < len(s); i++ {
		class := classes[s[i]]
		switch {
		case class&(isUpper|isLower) != 0:
			run++
			if s[i] == 'J' && i >= 2 && s[i-1] == 'y' {
				return true
			}
		case class&isDigit != 0:
			run++
			digits++
		case class&isSign != 0, s[i] == ' ' && i >= 4 && scheme(s[:i]):
			return true
		default:
			run = 0
		}
		if run >= opaqueChars || digits >= numberDigits {
			return true
		}
	}
	return false
}

// scheme reports whether s ends in the name of an authentication scheme, behind
// which a credential stands.
func scheme(s string) bool {
	for _, name := range [...]string{"bearer", "basic", "dpop"} {
		if n := len(s) - len(name); n >= 0 && s[len(s)-1]|0x20 == name[len(name)-1] && strings.EqualFold(s[n:], name) {
			return true
		}
	}
	return false
}

// Text returns s with e-mail addresses, long digit runs, tokens and the values of
// sensitive fields (password=…, "ssn":"…") replaced. UUIDs, dates, addresses of
// machines and lower-case hex stay.
func (m *Masker) Text(s string) string {
	if !suspicious(s) {
		return s
	}
	return string(m.appendText(nil, s))
}

func (m *Masker) appendText(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		if s[i] == '+' && i+1 < len(s) && classes[s[i+1]]&isDigit != 0 || s[i] == '(' {
			if end := number(s, i+1); end > 0 { // +49 170…, (555) 123…
				dst, i = append(dst, maskedNumber...), end
				continue
			}
		}
		if classes[s[i]]&isWord == 0 {
			dst = append(dst, s[i])
			i++
			if s[i-1] == ' ' && i >= 2 && scheme(s[:i-1]) {
				dst, i = appendCredential(dst, s, i)
			}
			continue
		}
		end := i
		for end < len(s) && classes[s[end]]&isWord != 0 {
			end++
		}
		word := s[i:end]
		if stop := m.fieldValue(s, end, word); stop > 0 {
			// The name stays, with what stands between it and the value.
			value := valueStart(s, end)
			dst = append(dst, s[i:value]...)
			dst, i = append(dst, maskedValue...), stop
			continue
		}
		dst, i = appendWord(dst, s, i, end)
	}
	return dst
}

// appendWord appends the word s[i:end], masked, and returns where to go on: a
// number may reach beyond the word ("555 123 4567").
func appendWord(dst []byte, s string, i, end int) ([]byte, int) {
	word := s[i:end]
	switch {
	case hasEmail(word):
		return append(dst, maskedEmail...), i + len(strings.TrimRight(word, "."))
	case uuid(word) || hexHash(word):
		return append(dst, word...), end
	case opaque(word):
		return append(dst, maskedToken...), end
	}
	at := jwt(word)
	if at < 0 {
		at = apiKey(word)
	}
	if at >= 0 {
		dst, _ = appendNumbers(dst, s, i, i+at)
		return append(dst, maskedToken...), end
	}
	return appendNumbers(dst, s, i, end)
}

// appendNumbers appends s[i:end] with the numbers in it masked.
func appendNumbers(dst []byte, s string, i, end int) ([]byte, int) {
	for i < end {
		if classes[s[i]]&isDigit == 0 {
			dst = append(dst, s[i])
			i++
			continue
		}
		if date(s[i:]) {
			dst = append(dst, s[i:i+10]...)
			i += 10
			continue
		}
		if stop := number(s, i); stop > 0 {
			dst, i = append(dst, maskedNumber...), stop
			continue
		}
		for i < end && classes[s[i]]&isDigit != 0 {
			dst = append(dst, s[i])
			i++
		}
	}
	return dst, i
}

// number returns the end of the number that begins at s[i], or 0: at least
// numberDigits digits, in groups with up to two separators between.
func number(s string, i int) int {
	digits, end := 0, 0
	for i < len(s) {
		if classes[s[i]]&isDigit != 0 {
			digits++
			i++
			end = i
			continue
		}
		n := separators(s[i:])
		if digits == 0 || n == 0 || i+n >= len(s) || classes[s[i+n]]&isDigit == 0 || date(s[i+n:]) {
			break
		}
		i += n
	}
	if digits < numberDigits {
		return 0
	}
	return end
}

// separators returns the length of what may stand between two groups of a number.
func separators(s string) int {
	n := 0
	for range 2 {
		switch {
		case n < len(s) && (s[n] == ' ' || s[n] == '-' || s[n] == '(' || s[n] == ')'):
			n++
		case strings.HasPrefix(s[n:], "%20"):
			n += 3
		}
	}
	return n
}

// date reports whether s begins with a date such as 2026-11-21 (RFC 3339) of a
// year 19xx or 20xx.
func date(s string) bool {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' || (s[:2] != "19" && s[:2] != "20") ||
		len(s) > 10 && (classes[s[10]]&isDigit != 0 || s[10] == '-') {
		return false
	}
	for _, i := range [...]int{2, 3, 5, 6, 8, 9} {
		if classes[s[i]]&isDigit == 0 {
			return false
		}
	}
	return s[5] <= '1' && s[8] <= '3'
}

// hasEmail reports whether word holds an addr-spec (RFC 5322, section 3.4.1) as
// far as people write them: an @ and behind it a dot that a letter follows. In a
// path the @ may stand as %40.
func hasEmail(word string) bool {
	at := strings.IndexByte(word, '@')
	if enc := strings.Index(word, "%40"); at < 0 || enc >= 0 && enc < at {
		at = enc
	}
	if at < 0 {
		return false
	}
	for i := at + 1; i+1 < len(word); i++ {
		if c := word[i+1]; word[i] == '.' && (classes[c]&(isLower|isUpper) != 0 || c >= utf8.RuneSelf) {
			return true
		}
	}
	return false
}

// uuid reports whether word is one (RFC 9562, section 4).
func uuid(word string) bool {
	if len(word) != 36 {
		return false
	}
	for i := 0; i < len(word); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if word[i] != '-' {
				return false
			}
		} else if !hexDigit(word[i]) {
			return false
		}
	}
	return true
}

// hexHash reports whether word is a hash or trace id in lower-case hex.
func hexHash(word string) bool {
	if len(word) != 32 && len(word) != 40 && len(word) != 64 {
		return false
	}
	letters := 0
	for i := 0; i < len(word); i++ {
		if !hexDigit(word[i]) || classes[word[i]]&isUpper != 0 {
			return false
		}
		if classes[word[i]]&isLower != 0 {
			letters++
		}
	}
	return letters >= 4 // a card number has none
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// opaque reports whether word holds what looks random: a run of letters of both
// cases and digits.
func opaque(word string) bool {
	run, digits, seen := 0, 0, uint8(0)
	for i := 0; i < len(word); i++ {
		class := classes[word[i]]
		if class&(isLower|isUpper|isDigit) == 0 {
			run, digits, seen = 0, 0, 0
			continue
		}
		run++
		seen |= class
		if class&isDigit != 0 {
			digits++
		}
		if run >= opaqueChars && digits >= 2 && seen&isUpper != 0 && seen&isLower != 0 {
			return true
		}
	}
	return false
}

// jwt returns where in word a JOSE header begins: base64url of `{"`, then seven
// characters more. It returns -1 where there is none.
func jwt(word string) int {
	at := strings.Index(word, "eyJ")
	if at < 0 || len(word)-at < 10 {
		return -1
	}
	return at
}

// apiKey returns where in word an API key of the gateway's begins ("gk_", and more
// than its public prefix), -1 where there is none. It is in lower case, and so not
// opaque.
func apiKey(word string) int {
	at := strings.Index(word, "gk_")
	if at < 0 || len(word)-at < 24 {
		return -1
	}
	return at
}

// appendCredential masks what stands behind the name of an authentication scheme,
// unless it is an ordinary word ("bearer token required").
func appendCredential(dst []byte, s string, i int) ([]byte, int) {
	end, ordinary := i, true
	for end < len(s) && (classes[s[end]]&isWord != 0 || s[end] == '/' || s[end] == '=') {
		ordinary = ordinary && classes[s[end]]&isLower != 0
		end++
	}
	if ordinary || end == i {
		return dst, i
	}
	return append(dst, maskedToken...), end
}

// fieldValue returns the end of the value that follows the sensitive name word,
// which ends at s[end], or 0.
func (m *Masker) fieldValue(s string, end int, word string) int {
	start := valueStart(s, end)
	if start == 0 || start >= len(s) || !m.Sensitive(word) {
		return 0
	}
	if quote := s[start-1]; quote == '"' || quote == '\'' {
		if n := strings.IndexByte(s[start:], quote); n >= 0 {
			return start + n
		}
		return len(s)
	}
	stop := start
	for stop < len(s) && !strings.ContainsRune(" ,;&\"'<>)}]", rune(s[stop])) {
		stop++
	}
	if stop == start || s[start:stop] == maskedValue[:len(maskedValue)-1] {
		return 0 // empty, or masked already
	}
	return stop
}

// valueStart returns where the value begins of a field whose name ends at s[i]:
// behind name=, name=", "name":" and name: "; or 0.
func valueStart(s string, i int) int {
	quoted := i < len(s) && (s[i] == '"' || s[i] == '\'')
	if quoted {
		i++
	}
	if i >= len(s) || (s[i] != '=' && s[i] != ':') {
		return 0
	}
	sign := s[i]
	i++
	if sign == ':' {
		for i < len(s) && s[i] == ' ' {
			i++
		}
	}
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		return i + 1
	}
	if sign == ':' && !quoted {
		return 0 // "token: expired" is prose
	}
	return i
}
