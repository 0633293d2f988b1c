package config

import (
	"path/filepath"
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
