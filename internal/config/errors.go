package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Explain turns an error, or several joined, into Diagnostics, so that what a
// room finds in a file of its own (a policy, say) is shown as what Load finds:
// with its source line. Relative file names start from dir.
func Explain(err error, dir string) Diagnostics {
	if err == nil {
		return nil
	}
	if ds, ok := err.(Diagnostics); ok {
		return ds
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out Diagnostics
		for _, e := range many.Unwrap() {
			out = append(out, Explain(e, dir)...)
		}
		return out
	}
	e := gatehouse.AsError(err, "config.invalid", 0)
	d := Diagnostic{Severity: Error, Code: e.Code, Message: maskUserinfo(e.Reason().Message), Hint: maskUserinfo(e.Hint), At: e.At}
	if e.Message == "" {
		d.Message = strings.TrimPrefix(d.Message, ": ")
	}
	if d.At.Line > 0 {
		src, err := Env{}.readFile(d.At.File, maxPolicyBytes)
		if err != nil && !filepath.IsAbs(d.At.File) {
			src, err = Env{}.readFile(filepath.Join(dir, d.At.File), maxPolicyBytes)
		}
		if err == nil {
			d.Source, d.Width = newFile(d.At.File, dir, src).line(d.At.Line), 1
		}
	}
	return Diagnostics{d}
}

// maxDocumentLine bounds the lines of a document that are shown.
const maxDocumentLine = 256 << 10

// InDocument makes Diagnostics of what is wrong, or only strange, with the files of
// a document. Unlike the configuration it holds no secrets, so that its lines are
// shown as they are. text returns what stands in a file; the order of the files is
// that in which they are first named. Errors at no line keep their message only.
func InDocument(severity Severity, list []*gatehouse.Error, text func(file string) (string, bool)) Diagnostics {
	lines, order := map[string][]string{}, map[string]int{}
	type told struct {
		at            gatehouse.Position
		code, message string
	}
	seen := map[told]bool{}
	var out Diagnostics
	for _, e := range list {
		d := Diagnostic{Severity: severity, Code: e.Code, Message: e.Reason().Message, Hint: e.Hint, At: e.At}
		if _, known := order[e.At.File]; !known {
			order[e.At.File] = len(order)
			if src, ok := text(e.At.File); ok {
				lines[e.At.File] = strings.Split(src, "\n")
			}
		}
		if in := lines[e.At.File]; e.At.Line > 0 && e.At.Line <= len(in) && len(in[e.At.Line-1]) <= maxDocumentLine {
			d.Source, d.Width = strings.ToValidUTF8(strings.TrimSuffix(in[e.At.Line-1], "\r"), "\uFFFD"), 1
		}
		if t := (told{d.At, d.Code, d.Message}); !seen[t] {
			seen[t] = true
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(order[a.At.File], order[b.At.File]), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return out
}
