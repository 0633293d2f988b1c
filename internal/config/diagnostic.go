package config

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse"
)

// Severity says whether a Diagnostic stops the configuration from being used.
type Severity uint8

const (
	// Error stops it.
	Error Severity = iota
	// Warning does not: it is allowed, and probably not meant.
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText lets a Severity stand in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Diagnostic is one thing that is wrong with a configuration.
type Diagnostic struct {
	Severity Severity
	// Code is stable and dotted: "config.unknown_key".
	Code string
	// Message and Hint are lower-case and hold no secret.
	Message, Hint string
	// At is the place; columns count characters.
	At gatehouse.Position
	// Path is the configuration path: "apis[0].cors.origins".
	Path string
	// Source is the line at At, and Width how many characters of it are meant.
	Source string
	Width  int
}

// Diagnostics are sorted by file, line and column.
type Diagnostics []Diagnostic

// HasErrors reports whether the configuration must not be used.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Count returns the number of errors and warnings.
func (ds Diagnostics) Count() (errors, warnings int) {
	for _, d := range ds {
		if d.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

// Within returns those about the value at path and what is below it, and those
// about the text at large.
func (ds Diagnostics) Within(path string) Diagnostics {
	var out Diagnostics
	for _, d := range ds {
		if d.Path == "" || within(d.Path, path) {
			out = append(out, d)
		}
	}
	return out
}

// Digest returns ds, for people, with no more than most warnings that say the same;
// the last of them tells how many more there are.
func (ds Diagnostics) Digest(most int) Diagnostics {
	type what struct{ code, message string }
	all, shown := map[what]int{}, map[what]int{}
	for _, d := range ds {
		all[what{d.Code, d.Message}]++
	}
	out := make(Diagnostics, 0, len(ds))
	for _, d := range ds {
		w := what{d.Code, d.Message}
		if shown[w]++; d.Severity == Warning && shown[w] > most {
			continue
		}
		if more := all[w] - most; d.Severity == Warning && shown[w] == most && more > 0 {
			d.Hint = strings.TrimPrefix(fmt.Sprintf("%s; and %d more like this", d.Hint, more), "; ")
		}
		out = append(out, d)
	}
	return out
}

// Err returns ds as an error if there is one among them, else nil.
func (ds Diagnostics) Err() error {
	if ds.HasErrors() {
		return ds
	}
	return nil
}

// Error prints the first error, and how many more there are.
func (ds Diagnostics) Error() string {
	n, _ := ds.Count()
	for _, d := range ds {
		if d.Severity != Error {
			continue
		}
		text := d.err().Error()
		if n > 1 {
			text += fmt.Sprintf(" (and %d more)", n-1)
		}
		return inert(text)
	}
	return "no error"
}

// Unwrap returns the errors, each a *gatehouse.Error.
func (ds Diagnostics) Unwrap() []error {
	var errs []error
	for _, d := range ds {
		if d.Severity == Error {
			errs = append(errs, d.err())
		}
	}
	return errs
}

func (d Diagnostic) err() *gatehouse.Error {
	return &gatehouse.Error{Code: d.Code, Message: d.Message, Hint: d.Hint, At: d.At}
}

// WriteText writes every diagnostic for people:
//
//	gatehouse.yaml:12:5: error: unknown key "upstrem" [config.unknown_key]
//	    upstrem: orders
//	    ^^^^^^^
//	    did you mean "upstream"?
func (ds Diagnostics) WriteText(w io.Writer, colour bool) error {
	b := bufio.NewWriter(w)
	paint := func(code, s string) string {
		if !colour {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	for _, d := range ds {
		tint := "1;31"
		if d.Severity == Warning {
			tint = "1;33"
		}
		if at := d.At.String(); at != "" {
			fmt.Fprintf(b, "%s: ", paint("1", inert(at)))
		}
		fmt.Fprintf(b, "%s %s %s\n", paint(tint, d.Severity.String()+":"), inert(d.Message), paint("2", "["+d.Code+"]"))
		if d.Source != "" {
			line, caret := excerpt(d.Source, d.At.Column, d.Width)
			fmt.Fprintf(b, "    %s\n    %s\n", line, paint(tint, caret))
		}
		if d.Hint != "" {
			fmt.Fprintf(b, "    %s\n", paint("36", inert(d.Hint)))
		}
	}
	return b.Flush()
}

// String returns the text of WriteText without colour.
func (ds Diagnostics) String() string {
	var b strings.Builder
	_ = ds.WriteText(&b, false) // a Builder takes everything
	return b.String()
}

// WriteJSON writes an array with one object per diagnostic.
func (ds Diagnostics) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(ds.Objects())
}

// An Object is a Diagnostic as it stands in JSON.
type Object struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Path     string   `json:"path,omitempty"`
}

// Objects returns ds for JSON: never nil.
func (ds Diagnostics) Objects() []Object {
	list := make([]Object, 0, len(ds))
	for _, d := range ds {
		list = append(list, Object{d.Severity, d.Code, d.Message, d.Hint, d.At.File, d.At.Line, d.At.Column, d.Path})
	}
	return list
}

func (ds Diagnostics) sort(order map[string]int) {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(order[a.At.File], order[b.At.File]), cmp.Compare(a.At.Line, b.At.Line),
			cmp.Compare(a.At.Column, b.At.Column), cmp.Compare(a.Severity, b.Severity))
	})
}

// maxExcerpt bounds the characters of a source line that are shown.
const maxExcerpt = 120

// excerpt returns the part of line around column, and carets under width
// characters of it.
func excerpt(line string, column, width int) (text, caret string) {
	runes := []rune(line)
	column = min(max(column, 1), len(runes)+1)
	start := 0
	if column > maxExcerpt-20 {
		start = column - maxExcerpt/2
	}
	end := min(len(runes), start+maxExcerpt)
	width = min(max(width, 1), max(end-column+1, 1))
	var under strings.Builder
	for _, r := range runes[start : column-1] {
		if r == '\t' {
			under.WriteByte('\t')
		} else {
			under.WriteByte(' ')
		}
	}
	under.WriteString(strings.Repeat("^", width))
	return inert(string(runes[start:end])), under.String()
}

// inert replaces what could move a terminal's cursor or start a new line.
func inert(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
