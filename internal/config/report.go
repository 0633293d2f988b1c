package config

import (
	"errors"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// A reporter collects diagnostics.
type reporter struct {
	list   Diagnostics
	source *source
	// broken are the paths whose value could not be read. What an engine says
	// about them afterwards ("is missing") would only repeat it.
	broken []string
	order  map[string]int // of files
}

// maxDiagnostics bounds the list: a file of nonsense needs no million of them.
const maxDiagnostics = 200

func (r *reporter) add(d Diagnostic) {
	for _, have := range r.list {
		if have.At == d.At && have.Code == d.Code && have.Message == d.Message {
			return
		}
	}
	if len(r.list) >= maxDiagnostics {
		return
	}
	d.Message, d.Hint = maskUserinfo(d.Message), maskUserinfo(d.Hint)
	r.list = append(r.list, d)
}

// at reports an error at a place in a file.
func (r *reporter) at(f *file, line, column, width int, code, message, hint string) {
	line, column = f.clamp(line, column)
	r.add(Diagnostic{Severity: Error, Code: code, Message: message, Hint: hint,
		At: gatehouse.Position{File: f.name, Line: line, Column: column}, Source: f.line(line), Width: width})
}

// node reports something about a node.
func (r *reporter) node(n *node, sev Severity, code, message, hint string) {
	r.nodeAt(n, "", sev, code, message, hint)
}

func (r *reporter) nodeAt(n *node, path string, sev Severity, code, message, hint string) {
	if len(r.list) >= maxDiagnostics {
		return
	}
	at := n.position()
	width := n.width
	if n.file != nil {
		width = min(width, max(1, utf8.RuneCountInString(n.file.lines[at.Line-1])-at.Column+1))
	}
	r.add(Diagnostic{Severity: sev, Code: code, Message: message, Hint: hint, At: at, Path: path,
		Source: n.file.line(at.Line), Width: width})
}

// failed reports that the value at path could not be read.
func (r *reporter) failed(n *node, path, code, message, hint string) {
	r.broken = append(r.broken, path)
	r.nodeAt(n, path, Error, code, message, hint)
}

// errorAt and warnAt report something about the value at a path.
func (r *reporter) errorAt(path, code, message, hint string) {
	r.pathAt(path, Error, code, message, hint)
}

func (r *reporter) warnAt(path, code, message, hint string) {
	r.pathAt(path, Warning, code, message, hint)
}

func (r *reporter) pathAt(path string, sev Severity, code, message, hint string) {
	if r.isBroken(path) {
		return
	}
	n := r.source.locate(path)
	r.nodeAt(n, path, sev, code, n.conceal(message), n.conceal(hint))
}

// keyAt reports something about a key itself.
func (r *reporter) keyAt(path, key string, sev Severity, code, message, hint string) {
	at := join(path, key)
	n := r.source.locate(at)
	if m := r.source.exact(path).member(key); m != nil {
		n = m.key
	}
	r.nodeAt(n, at, sev, code, message, hint)
}

func (r *reporter) isBroken(path string) bool {
	for _, b := range r.broken {
		if within(path, b) || within(b, path) {
			return true
		}
	}
	return false
}

// room reports what the Validate of a section said. Its errors hold in At.File
// the path relative to the section.
func (r *reporter) room(section string, err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			r.room(section, e)
		}
		return
	}
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		r.errorAt(section, "config.invalid", err.Error(), "")
		return
	}
	if e.At.Line > 0 { // a place in a file of its own, as of a policy
		r.add(Diagnostic{Severity: Error, Code: e.Code, Message: e.Reason().Message, Hint: e.Hint, At: e.At})
		return
	}
	path := section
	switch {
	case e.At.File == "":
	case e.At.File[0] == '[' || section == "":
		path += e.At.File
	default:
		path = join(section, e.At.File)
	}
	r.errorAt(path, e.Code, e.Reason().Message, e.Hint)
}
