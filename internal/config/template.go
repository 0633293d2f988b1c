package config

import (
	"fmt"
	"slices"
	"strings"
)

// templateProblem says what is wrong with a path template, or "". A segment is made
// of literals and parameters; the last may be {name...} for the rest.
func templateProblem(template string) (problem, hint string) {
	if !strings.HasPrefix(template, "/") {
		return "a path begins with /", "/" + template
	}
	segments := strings.Split(template[1:], "/")
	var names []string
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == "" && !last:
			return "the path has an empty segment", ""
		case s == "." || s == "..":
			return "the path has a dot segment", ""
		}
		if problem, hint = segmentProblem(s, last, &names); problem != "" {
			return problem, hint
		}
	}
	return "", ""
}

// segmentProblem checks one segment and adds its parameters to names.
func segmentProblem(s string, last bool, names *[]string) (problem, hint string) {
	const example = "such as /orders/{id}, /jobs/{id}:cancel, or /files/{path...} for the rest"
	whole := s
	for first := true; ; first = false {
		literal, rest, more := strings.Cut(s, "{")
		switch {
		case strings.Contains(literal, "}"):
			return fmt.Sprintf("%q has a brace that opens nothing", whole), example
		case strings.ContainsAny(literal, "?#"):
			return "a path has no query and no fragment", ""
		case !isSegment(literal):
			return fmt.Sprintf("%q cannot stand in a path", whole), "write other characters as %XX"
		case more && literal == "" && !first:
			return fmt.Sprintf("two parameters of %q touch each other: nobody could tell them apart", whole), "put a literal between them"
		case !more:
			return "", ""
		}
		name, after, closed := strings.Cut(rest, "}")
		name, takesRest := strings.CutSuffix(name, "...")
		switch {
		case !closed || !isParameter(name):
			return fmt.Sprintf("%q is not a parameter", "{"+rest), "a letter, then letters, digits and _: {order_id}"
		case takesRest && (!last || !first || literal != "" || after != ""):
			return fmt.Sprintf("{%s...} takes the rest of the path: it is a segment of its own and comes last", name), example
		case slices.Contains(*names, name):
			return fmt.Sprintf("the parameter %q stands twice", name), ""
		}
		*names = append(*names, name)
		s = after
	}
}

func isParameter(s string) bool {
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') && (i == 0 || c != '-') {
			return false
		}
	}
	return s != ""
}

// isSegment reports whether s is made of pchar (RFC 3986, section 3.3), without
// the semicolon that some servers cut at.
func isSegment(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~!$&'()*+,=:@", c) >= 0:
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// templateShape is equal for templates that match the same paths.
func templateShape(template string) string {
	var b strings.Builder
	for {
		literal, rest, more := strings.Cut(template, "{")
		b.WriteString(literal)
		if !more {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		if strings.HasSuffix(name, "...") {
			b.WriteString("{...}")
		} else {
			b.WriteString("{}")
		}
		template = after
	}
}

// prefix checks a base path or a prefix of a rewrite: clean, in one spelling.
func (k *checker) prefix(path, s string) {
	clean := "/" + strings.Trim(s, "/")
	switch {
	case s == "/":
	case !strings.HasPrefix(s, "/"):
		k.errorAt(path, "config.base_path", "a path begins with /", clean)
	case strings.HasSuffix(s, "/"):
		k.errorAt(path, "config.base_path", "no / at the end", clean)
	case strings.ContainsAny(s, "{}"):
		k.errorAt(path, "config.base_path", "no parameters here", "put them into the operations")
	default:
		if problem, hint := templateProblem(s); problem != "" {
			k.errorAt(path, "config.base_path", problem, hint)
		}
	}
}
