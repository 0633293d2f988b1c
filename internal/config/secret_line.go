package config

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Source lines are shown with what is wrong in them. This file takes the secrets
// out: by the names of keys and not by the tree, since a file that is wrong may
// have none. Where it cannot tell how far a value goes it takes all of it.

// secretName finds the keys whose values are secrets: of the configuration, and of
// header rules. A key that is not quoted ends in a colon and white space.
var secretName = regexp.MustCompile(
	`(?i)(secret|password|passwd|passphrase|token|authorization|cookie|credential|hash_key|api[_-]?key)(["']\s*:|\s*:(?:\s|$))`)

// urlPassword finds a password in a URL.
var urlPassword = regexp.MustCompile(`://[^/?#@\s]*:([^/?#@\s]+)@`)

// reference matches a value that shows no more than where the secret is.
var references = regexp.MustCompile(`^(["']?)(\$\{[^}]*\})+["']?$`)

// properties matches what may stand before a value: an anchor and a tag.
var properties = regexp.MustCompile(`^((&\S+|!\S*)\s+)*`)

// maskSecrets replaces the secrets in a source line by asterisks and keeps its
// length, so that the caret stays where it belongs.
func maskSecrets(line string) string {
	for at := 0; ; {
		v, ok := nextSecret(line, at)
		if !ok {
			break
		}
		line, at = stars(line, v.from, v.to), v.to
	}
	for _, m := range urlPassword.FindAllStringSubmatchIndex(line, -1) {
		if !strings.Contains(line[m[2]:m[3]], "${") {
			line = stars(line, m[2], m[3])
		}
	}
	return line
}

// stars masks the bytes from the one place to the other, a star for each
// character. After wide characters places would move: the line is cut there.
func stars(line string, from, to int) string {
	n := utf8.RuneCountInString(line[from:to])
	if n != to-from {
		return line[:from] + "***" + strings.Repeat(" ", len(line)-from-3)
	}
	return line[:from] + strings.Repeat("*", n) + line[to:]
}

// A secretValue is the part of a line that holds a secret.
type secretValue struct {
	from, to int
	// column is where a value that goes on below is indented more than.
	column int
	// open says that it may go on in the lines below.
	open bool
}

// nextSecret finds the value of the first secret key at or behind a place. A
// reference, an alias and the head of a block are no secrets; from and to are then
// the same.
func nextSecret(line string, at int) (v secretValue, ok bool) {
	m := secretName.FindStringSubmatchIndex(line[at:])
	if m == nil {
		return v, false
	}
	name, from := strings.ToLower(line[at+m[2]:at+m[3]]), at+m[1]
	from += len(line[from:]) - len(strings.TrimLeft(line[from:], " \t"))
	from += len(properties.FindString(line[from:]))
	before := line[:at+m[2]]
	flow := strings.Count(before, "{")+strings.Count(before, "[") > strings.Count(before, "}")+strings.Count(before, "]")
	v = secretValue{from: from, to: from, column: keyColumn(line, flow)}
	rest := line[from:]
	switch {
	case rest == "" || rest[0] == '#' || rest[0] == '|' || rest[0] == '>':
		v.open = true
	case rest[0] == '*':
	case (rest[0] == '{' || rest[0] == '[') && (name == "cookie" || strings.HasPrefix(name, "api")):
		// a section of that name, not a value
	default:
		n, closed := valueLength(rest, flow)
		v.open = !closed
		if !references.MatchString(strings.TrimSpace(rest[:n])) {
			v.to = from + n
		}
	}
	return v, true
}

// valueLength returns how much of the text is the value that it begins with, and
// whether the value surely ends there.
func valueLength(s string, flow bool) (n int, closed bool) {
	switch s[0] {
	case '"':
		for n = 1; n < len(s); n++ {
			switch s[n] {
			case '\\':
				n++
			case '"':
				return n + 1, true
			}
		}
		return len(s), false
	case '\'':
		for n = 1; n < len(s); n++ {
			if s[n] != '\'' {
				continue
			}
			if n+1 < len(s) && s[n+1] == '\'' {
				n++
				continue
			}
			return n + 1, true
		}
		return len(s), false
	case '{', '[':
		return len(s), false
	}
	for n = 0; n < len(s); n++ {
		switch {
		case flow && strings.HasPrefix(s[n:], "${"):
			end := strings.IndexByte(s[n:], '}')
			if end < 0 {
				return len(s), false
			}
			n += end
		case flow && strings.IndexByte(",}]", s[n]) >= 0:
			return n, true
		case s[n] == '#' && n > 0 && (s[n-1] == ' ' || s[n-1] == '\t'):
			return len(strings.TrimRight(s[:n], " \t")), false
		}
	}
	return len(s), false
}

// keyColumn is the number of bytes before the line's first key; within a flow
// collection, before anything.
func keyColumn(line string, flow bool) int {
	n := indent(line)
	for !flow && (strings.HasPrefix(line[n:], "- ") || strings.HasPrefix(line[n:], "? ")) {
		n += 2
		n += indent(line[n:])
	}
	return n
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// secretLine reports whether the n-th line, from 0 on, belongs to a secret that
// begins in one above it.
func secretLine(lines []string, n int) bool {
	depth := indent(lines[n])
	if depth == len(lines[n]) {
		return false
	}
	for i := n - 1; i >= 0; i-- {
		at := indent(lines[i])
		if at == len(lines[i]) || at >= depth || len(lines[i]) > maxShownLine {
			continue
		}
		for place := 0; ; {
			v, ok := nextSecret(lines[i], place)
			if !ok {
				break
			}
			if v.open && v.column < indent(lines[n]) {
				return true
			}
			place = max(v.to, v.from)
		}
		depth = at // what is deeper than a line of the secret belongs to it, too
	}
	return false
}
