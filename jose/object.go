package jose

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of one JSON object.
const (
	maxDepth  = 16   // nested arrays and objects
	maxValues = 4096 // members and elements in all
	maxNumber = 64   // bytes of one number
	maxHint   = 32   // members for which room is made in advance
)

// ParseClaims reads one JSON object (RFC 8259) strictly: valid UTF-8 without lone
// surrogates, no member twice in any object, no name that differs from a
// registered claim's in case only, nothing after the object, and within bounds of
// depth and number. Strings are substrings of data where they hold no escape.
func ParseClaims(data string) (Claims, error) {
	m, twins, err := readObject(data)
	if err != nil || !twins {
		return m, err
	}
	if folded(m, registeredClaims) {
		return nil, errCaseFolded
	}
	if cnf, ok := m["cnf"].(map[string]any); ok && folded(cnf, registeredConfirmations) {
		return nil, errCaseFolded
	}
	return m, nil
}

// readObject reads data as one object, and nothing else. It tells whether any
// name in it could be the twin of another in case only.
func readObject(data string) (m map[string]any, twins bool, err error) {
	if !utf8.ValidString(data) {
		return nil, false, errUTF8
	}
	members, err := look(data)
	if err != nil {
		return nil, false, err
	}
	r := reader{s: data}
	r.space()
	if m, err = r.object(1, min(members, maxHint)); err != nil {
		return nil, false, err
	}
	return m, r.twins, nil
}

// A reader walks over a document once, from left to right. Methods that read a
// value stand on its first byte and leave i after its last.
type reader struct {
	s      string // valid UTF-8
	i      int
	values int
	twins  bool // some name is suspect
}

func (r *reader) space() {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return
		}
	}
}

// next skips white space and returns the byte after it, 0 at the end. It does not
// consume the byte.
func (r *reader) next() byte {
	r.space()
	if r.i < len(r.s) {
		return r.s[r.i]
	}
	return 0
}

func (r *reader) value(depth int) (any, error) {
	if r.values++; r.values > maxValues {
		return nil, errBounds
	}
	switch c := r.next(); c {
	case '"':
		s, err := r.string()
		if err != nil {
			return nil, err
		}
		return s, nil
	case '{':
		m, err := r.object(depth+1, 0)
		if err != nil {
			return nil, err
		}
		return m, nil
	case '[':
		return r.array(depth + 1)
	case 't':
		return true, r.literal("true")
	case 'f':
		return false, r.literal("false")
	case 'n':
		return nil, r.literal("null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return nil, errJSON
		}
		n, err := r.number()
		if err != nil {
			return nil, err
		}
		return n, nil
	}
}

func (r *reader) object(depth, hint int) (map[string]any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	r.i++ // {
	m := make(map[string]any, hint)
	if r.next() == '}' {
		r.i++
		return m, nil
	}
	for {
		if r.next() != '"' {
			return nil, errJSON
		}
		name, err := r.string()
		if err != nil {
			return nil, err
		}
		if r.next() != ':' {
			return nil, errJSON
		}
		r.i++
		r.twins = r.twins || suspect(name)
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		before := len(m)
		m[name] = v
		if len(m) == before {
			return nil, errDuplicate
		}
		switch r.next() {
		case ',':
			r.i++
		case '}':
			r.i++
			return m, nil
		default:
			return nil, errJSON
		}
	}
}

func (r *reader) array(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	r.i++ // [
	list := []any{}
	if r.next() == ']' {
		r.i++
		return list, nil
	}
	for {
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch r.next() {
		case ',':
			r.i++
		case ']':
			r.i++
			return list, nil
		default:
			return nil, errJSON
		}
	}
}

func (r *reader) literal(word string) error {
	if !strings.HasPrefix(r.s[r.i:], word) {
		return errJSON
	}
	r.i += len(word)
	return nil
}

// number reads the grammar of RFC 8259, section 6.
func (r *reader) number() (json.Number, error) {
	start := r.i
	if r.s[r.i] == '-' {
		r.i++
	}
	if r.i < len(r.s) && r.s[r.i] == '0' {
		r.i++
	} else if !r.digits() {
		return "", errJSON
	}
	if r.i < len(r.s) && r.s[r.i] == '.' {
		r.i++
		if !r.digits() {
			return "", errJSON
		}
	}
	if r.i < len(r.s) && r.s[r.i]|0x20 == 'e' {
		r.i++
		if r.i < len(r.s) && (r.s[r.i] == '+' || r.s[r.i] == '-') {
			r.i++
		}
		if !r.digits() {
			return "", errJSON
		}
	}
	if r.i-start > maxNumber {
		return "", errBounds
	}
	return json.Number(r.s[start:r.i]), nil
}

// digits consumes digits and reports whether there was one.
func (r *reader) digits() bool {
	start := r.i
	for r.i < len(r.s) && r.s[r.i] >= '0' && r.s[r.i] <= '9' {
		r.i++
	}
	return r.i > start
}

// string returns a substring of the document where it can.
func (r *reader) string() (string, error) {
	r.i++ // "
	start := r.i
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '"':
			s := r.s[start:r.i]
			r.i++
			return s, nil
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			return "", errJSON
		}
		r.i++
	}
	return "", errJSON
}

// escaped goes on with a string that holds an escape at i.
func (r *reader) escaped(start int) (string, error) {
	buf := make([]byte, 0, 2*(r.i-start)+16)
	buf = append(buf, r.s[start:r.i]...)
	for r.i < len(r.s) {
		c := r.s[r.i]
		switch {
		case c == '"':
			r.i++
			return string(buf), nil
		case c < 0x20:
			return "", errJSON
		case c != '\\':
			buf = append(buf, c)
			r.i++
			continue
		}
		ch, err := r.escape()
		if err != nil {
			return "", err
		}
		buf = utf8.AppendRune(buf, ch)
	}
	return "", errJSON
}

// escape reads one escape sequence, a surrogate pair as one.
func (r *reader) escape() (rune, error) {
	if r.i+1 >= len(r.s) {
		return 0, errJSON
	}
	c := r.s[r.i+1]
	r.i += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
	default:
		return 0, errJSON
	}
	first, ok := r.hex4()
	if !ok {
		return 0, errJSON
	}
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	if !strings.HasPrefix(r.s[r.i:], `\u`) {
		return 0, errUTF8
	}
	r.i += 2
	second, ok := r.hex4()
	if !ok {
		return 0, errJSON
	}
	if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
		return pair, nil
	}
	return 0, errUTF8
}

func (r *reader) hex4() (rune, bool) {
	if r.i+4 > len(r.s) {
		return 0, false
	}
	var n rune
	for _, c := range []byte(r.s[r.i : r.i+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | rune(c)
	}
	r.i += 4
	return n, true
}

// skip walks over one value by its brackets and strings only, so that a key set
// survives a key that [readObject] refuses. It proves nothing of the value.
func (r *reader) skip() bool {
	depth := 0
	for {
		switch r.next() {
		case 0:
			return false
		case '{', '[':
			depth++
			r.i++
		case '}', ']':
			depth--
			r.i++
		case '"':
			for r.i++; r.i < len(r.s) && r.s[r.i] != '"'; r.i++ {
				if r.s[r.i] == '\\' {
					r.i++
				}
			}
			r.i++
		case ',', ':':
			if depth == 0 {
				return false
			}
			r.i++
			continue
		default:
			for r.i < len(r.s) && !strings.ContainsRune(",:]}[{\" \t\r\n", rune(r.s[r.i])) {
				r.i++
			}
		}
		if depth < 0 || r.i > len(r.s) {
			return false
		}
		if depth == 0 {
			return true
		}
	}
}

// Registered names, of RFC 7515, 7516, 7797 for headers; of RFC 7519, OpenID
// Connect Core, RFC 8693, 9068, 9449 and 7662 for claims; of RFC 7800 for cnf.
var (
	registeredHeaders = []string{"alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256",
		"typ", "cty", "crit", "b64", "zip", "enc", "epk", "apu", "apv", "iss", "sub", "aud", "nonce"}
	registeredClaims = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp",
		"scope", "scp", "cnf", "acr", "amr", "auth_time", "nonce", "sid", "typ", "events", "token_use",
		"at_hash", "c_hash", "s_hash", "roles", "groups", "entitlements", "act", "may_act",
		"htm", "htu", "ath", "active", "token_type"}
	registeredConfirmations = []string{"jkt", "x5t#S256", "jwk", "jwe", "jku", "kid"}
)

// folded reports whether a name in m is a twin of a registered one. Readers that
// match names without case, encoding/json among them, would take it for that.
func folded(m map[string]any, registered []string) bool {
	for name := range m {
		if twin(name, registered) {
			return true
		}
	}
	return false
}

// twin reports whether name is one of the registered in another case.
func twin(name string, registered []string) bool {
	if !suspect(name) {
		return false
	}
	for _, reg := range registered {
		if name != reg && strings.EqualFold(name, reg) {
			return true
		}
	}
	return false
}

// suspect says that a name could be somebody's twin: only a name with a capital,
// a "#" (x5t#S256) or a non-ASCII letter (the long s folds to "s") can be.
func suspect(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c >= 0x80 || c == '#' || (c >= 'A' && c <= 'Z') {
			return true
		}
	}
	return false
}
