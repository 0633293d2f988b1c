package payload

// class is a set of the kinds of bytes that occur in a value. Most values hold
// nothing that any rule needs, and one pass over their bytes shows it.
type class uint16

const (
	isDot class = 1 << iota
	isSlash
	isPercent
	isColon
	isSpace
	isBreak
	isControl
	isNull
	isHigh
	isDigit
	isOpen
	isDollar
	isUnder
	isPlus
)

var classOf = func() (t [256]class) {
	for c := range t {
		switch {
		case c == 0:
			t[c] = isNull | isControl
		case c == '\t' || c == '\n' || c == '\r':
			t[c] = isBreak
		case c < ' ' || c == 0x7f:
			t[c] = isControl
		case c >= 0x80:
			t[c] = isHigh
		case '0' <= c && c <= '9':
			t[c] = isDigit
		}
	}
	t['.'], t['/'], t['\\'], t['%'], t[':'], t[' '] = isDot, isSlash, isSlash, isPercent, isColon, isSpace
	t['{'], t['['], t['$'], t['_'], t['+'] = isOpen, isOpen, isDollar, isUnder, isPlus
	return t
}()

func classify(s string) (c class) {
	for len(s) >= 4 {
		c |= classOf[s[0]] | classOf[s[1]] | classOf[s[2]] | classOf[s[3]]
		s = s[4:]
	}
	for i := range len(s) {
		c |= classOf[s[i]]
	}
	return c
}
