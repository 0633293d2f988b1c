package payload

import (
	"bytes"
	"strings"
)

// rounds of percent-decoding: %25252e%25252e%25252f is met in the wild.
const rounds = 4

// traversal looks for a path that leads out of its folder, or hides a null byte.
func (w *walk) traversal(s string, c class) {
	raw := leadsOut(s)
	if raw {
		w.find(ruleTraversalPath, "")
	}
	null := c&isNull != 0
	if c&(isPercent|isHigh) != 0 {
		if plain := w.plainPath(s, c); plain != s {
			null = null || strings.IndexByte(plain, 0) >= 0
			// A whole path in disguise, or the dots and slashes themselves anywhere: nobody
			// writes those in prose.
			if !raw && (leadsOut(plain) || steps(plain) > steps(s)) {
				w.find(ruleTraversalEncoded, "")
			}
		}
	}
	if null && c&(isDot|isSlash|isPercent|isHigh) != 0 && c&(isSpace|isBreak) == 0 {
		w.find(ruleTraversalNull, "")
	}
}

// plainPath decodes s until nothing changes: percent signs, overlong and
// compatibility forms.
func (w *walk) plainPath(s string, c class) string {
	if c&isPercent == 0 && !foldable(s) {
		return s
	}
	a, b := w.paths[0][:0], w.paths[1][:0]
	a = append(a, s...)
	for range rounds {
		b = appendUnpercented(b[:0], a)
		same := bytes.Equal(a, b)
		a, b = b, a
		if same {
			break
		}
	}
	a = appendASCII(a[:0], a)
	w.paths[0], w.paths[1] = a, b
	return view(a)
}

// foldable reports whether s holds a byte sequence that asciiOf reads as a dot or a
// slash in a path. The full stop of Chinese and Japanese is none: only hosts know it.
func foldable(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		switch s[i] {
		case 0xC0, 0xC1:
			return true
		case 0xE0, 0xF0: // overlong
			if s[i+1] <= 0x81 {
				return true
			}
		case 0xE2, 0xEF: // ․ ‥ ∕ and their like, full width
			if text, _, ok := asciiOf(s, i); ok && text != "" && strings.IndexByte(`./\`, text[0]) >= 0 {
				return true
			}
		}
	}
	return false
}

// dotted reports whether a path's segment is "..", perhaps with parameters
// (RFC 3986, section 3.3), a null byte or a space behind it, as some servers drop.
func dotted(segment string) bool {
	if len(segment) < 2 || segment[0] != '.' || segment[1] != '.' {
		return false
	}
	return len(segment) == 2 || segment[2] == ';' || segment[2] == 0 || strings.TrimRight(segment[2:], " \t") == ""
}

// steps counts the segments of s that lead upwards and have a slash behind them.
func steps(s string) (n int) {
	for i := 0; i+2 < len(s); i++ {
		if s[i] != '.' || s[i+1] != '.' {
			continue
		}
		first := i == 0 || !letter(s[i-1]) && s[i-1] != '.' && (s[i-1] < '0' || s[i-1] > '9')
		if first && (slash(s[i+2]) || s[i+2] == ';' && i+3 < len(s) && slash(s[i+3])) {
			n++
		}
	}
	return n
}

// leadsOut reports whether s as a whole is a path or URL that leaves its folder: it
// climbs above where it began, or two steps in a row.
func leadsOut(s string) bool {
	if !strings.Contains(s, "..") || strings.IndexByte(s, '/') < 0 && strings.IndexByte(s, '\\') < 0 {
		return false
	}
	if !pathLike(s) {
		return proseTarget(s)
	}
	if i := strings.Index(s, "://"); i >= 0 && i < 20 {
		s = s[i+3:]
		if i = strings.IndexAny(s, `/\`); i < 0 {
			return false
		}
		s = s[i:]
	}
	if stripped(s) {
		return true
	}
	depth, row := 0, 0
	for from, i := 0, 0; i <= len(s); i++ {
		if i < len(s) && !slash(s[i]) && strings.IndexByte("?&=#,", s[i]) < 0 {
			continue
		}
		segment := s[from:i]
		from = i + 1
		end := i == len(s)
		switch {
		case dotted(segment):
			depth--
			row++
			if depth < 0 && (!end || i > len(segment)) || row >= 2 {
				return true
			}
		case segment != "" && segment != ".":
			depth++
			row = 0
		}
		if !end && !slash(s[i]) { // a new value, as in file=../x
			depth, row = 0, 0
		}
	}
	return false
}

// stripped reports the spellings from which a filter that deletes "../" once makes
// "../": ....// and ..././.
func stripped(s string) bool {
	return strings.Contains(s, "....//") || strings.Contains(s, `....\\`) || strings.Contains(s, `....\/`) ||
		strings.Contains(s, "..././") || strings.Contains(s, `...\.\`)
}

// pathLike tells a path from prose and code: it has no quotes, brackets or line
// breaks, and spaces only where it begins like a path.
func pathLike(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case '\n', '\t', '\r', '"', '\'', '`', '<', '>', '(', ')', '{', '}', '|', '*':
			return false
		}
	}
	space := strings.IndexByte(s, ' ')
	if space < 0 {
		return true
	}
	if space >= 1 && slash(s[space-1]) {
		return false // "../ is the folder above"
	}
	return slash(s[0]) || strings.HasPrefix(s, "../") || strings.HasPrefix(s, `..\`) || strings.HasPrefix(s, "./") ||
		len(s) > 2 && s[1] == ':' && slash(s[2])
}

// proseTarget reports three steps or more that lead to a file that attackers want,
// whatever stands around them.
func proseTarget(s string) bool {
	for {
		i := strings.Index(s, "..")
		if i < 0 {
			return false
		}
		n := 0
		for s = s[i:]; strings.HasPrefix(s, "../") || strings.HasPrefix(s, `..\`); n++ {
			s = strings.TrimLeft(s[3:], `/\`)
		}
		if n == 0 {
			s = s[1:]
		}
		if n < 3 {
			continue
		}
		for _, file := range [...]string{"etc/passwd", "etc/shadow", "etc/hosts", "proc/self", "root/", ".ssh/", ".aws/", "WEB-INF", "web-inf", "windows", "Windows", "winnt", "boot.ini", "win.ini", ".env", "var/run/secrets"} {
			if strings.HasPrefix(s, file) {
				return true
			}
		}
	}
}
