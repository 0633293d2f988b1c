package config

import (
	"fmt"
	"slices"
	"strings"
)

// templateProblem says what is wrong with a path template, or "". A template is
// made of literal segments, {name}, and as the last {name...} for the rest.
func templateProblem(template string) (problem, hint string) {
	const example = "such as /orders/{id}, or /files/{path...} for the rest"
	if !strings.HasPrefix(template, "/") {
		return "a path begins with /", "/" + template
	}
	segments := strings.Split(template[1:], "/")
	var names []string
	for i, s := range segments {
		if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
			name, rest := strings.CutSuffix(s[1:len(s)-1], "...")
			switch {
			case !isParameter(name):
				return fmt.Sprintf("%q is not a parameter", s), "a letter, then letters, digits and _: {order_id}"
			case rest && i != len(segments)-1:
				return fmt.Sprintf("%s takes the rest of the path and comes last", s), example
			case slices.Contains(names, name):
				return fmt.Sprintf("the parameter %q stands twice", name), ""
			}
			names = append(names, name)
			continue
		}
		switch {
		case strings.ContainsAny(s, "{}"):
			return fmt.Sprintf("%q: a parameter is a whole segment", s), example
		case strings.ContainsAny(s, "?#"):
			return "a path has no query and no fragment", ""
		case s == "" && i != len(segments)-1:
			return "the path has an empty segment", ""
		case s == "." || s == "..":
			return "the path has a dot segment", ""
		case !isSegment(s):
			return fmt.Sprintf("%q cannot stand in a path", s), "write other characters as %XX"
		}
	}
	return "", ""
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
	segments := strings.Split(template, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "{}"
			if strings.HasSuffix(s, "...}") {
				segments[i] = "{...}"
			}
		}
	}
	return strings.Join(segments, "/")
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
