package transform

import (
	"path/filepath"
	"strings"
)

// normalisePath cleans a path lexically and keeps a slash at its end: "/" becomes "//",
// "." becomes "".
func normalisePath(s string) (string, bool) {
	if s == "" {
		return s, false
	}
	clean := filepath.Clean(s)
	switch {
	case clean == ".":
		return "", true
	case s[len(s)-1] != '/':
		return clean, clean != s
	case s[:len(s)-1] == clean: // only the slash was dropped
		return s, false
	}
	clean += "/"
	return clean, clean != s
}

// normalisePathWin takes backslashes for slashes, and drops what Windows ignores in the
// name of a file: a stream after ":", dots and spaces at the end of a component.
func normalisePathWin(s string) (string, bool) {
	if s == "" {
		return s, false
	}
	clean, _ := normalisePath(strings.ReplaceAll(s, `\`, "/"))
	out := trimComponents(dropStream(clean))
	return out, out != s
}

// dropStream cuts the last component of a path at its first colon; a drive's letter
// and a slash at the end stay.
func dropStream(path string) string {
	drive := 0
	if len(path) >= 2 && path[1] == ':' && ('a' <= path[0]|0x20 && path[0]|0x20 <= 'z') {
		drive = 2
	}
	end := len(path)
	if end > drive && path[end-1] == '/' {
		end--
	}
	last := drive + strings.LastIndexByte(path[drive:end], '/') + 1
	colon := strings.IndexByte(path[last:end], ':')
	if colon < 0 {
		return path
	}
	return path[:last+colon] + path[end:]
}

// trimComponents drops dots and spaces at the end of every component; one of dots alone
// (or empty) stays as it is, one of which nothing is left goes.
func trimComponents(path string) string {
	quiet := true
	for name := range strings.SplitSeq(path, "/") {
		quiet = quiet && !trims(name)
	}
	if quiet {
		return path
	}
	var kept []string
	for name := range strings.SplitSeq(path, "/") {
		if trims(name) {
			if name = strings.TrimRight(name, ". "); name == "" {
				continue
			}
		}
		kept = append(kept, name)
	}
	return strings.Join(kept, "/")
}

// trims reports whether Windows drops something at the end of a component.
func trims(name string) bool {
	return strings.Trim(name, ".") != "" && strings.TrimRight(name, ". ") != name
}
