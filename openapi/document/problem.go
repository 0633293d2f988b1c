package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse"
)

// maxProblems bounds how many errors, and how many warnings, are kept of one load.
const maxProblems = 500

// Problems is the error of a Load: everything that is wrong with a document, in
// the order of the files and lines.
type Problems struct {
	Errors   []*gatehouse.Error
	Warnings []*gatehouse.Error
	More     int // errors beyond those that are kept
	texts    map[string]string
}

// Error prints the first error, and how many more there are.
func (p *Problems) Error() string {
	if len(p.Errors) == 0 {
		return "no error"
	}
	text := p.Errors[0].Error()
	if n := len(p.Errors) - 1 + p.More; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return inert(text)
}

// Unwrap returns the errors, each a *gatehouse.Error.
func (p *Problems) Unwrap() []error {
	errs := make([]error, len(p.Errors))
	for i, e := range p.Errors {
		errs[i] = e
	}
	return errs
}

// Text returns the text of one of the files that were read, by the name that
// positions give it.
func (p *Problems) Text(file string) (text string, ok bool) {
	text, ok = p.texts[file]
	return text, ok
}

// Excerpt returns the line e is about with a caret below: see [Excerpt].
func (p *Problems) Excerpt(e *gatehouse.Error) string { return Excerpt(e, p.texts[e.At.File]) }

// Excerpt returns the line of source (the text of the file e.At.File) that e is
// about, and below it a caret under the column:
//
//	opertionId: listOrders
//	^
//
// It returns "" where e has no line or source is shorter.
func Excerpt(e *gatehouse.Error, source string) string {
	if e.At.Line <= 0 {
		return ""
	}
	for range e.At.Line - 1 {
		i := strings.IndexByte(source, '\n')
		if i < 0 {
			return ""
		}
		source = source[i+1:]
	}
	line, _, _ := strings.Cut(source, "\n")
	line = strings.TrimSuffix(line, "\r")
	return underline(line, e.At.Column)
}

// maxExcerpt bounds the characters of a source line that are shown.
const maxExcerpt = 120

func underline(line string, column int) string {
	if len(line) > 1<<16 && column < 1<<12 { // a document on one line
		line = line[:1<<16]
	}
	runes := []rune(line)
	column = min(max(column, 1), len(runes)+1)
	start := 0
	if column > maxExcerpt-20 {
		start = column - maxExcerpt/2
	}
	end := min(len(runes), start+maxExcerpt)
	var under strings.Builder
	for _, r := range runes[start : column-1] {
		if r == '\t' {
			under.WriteByte('\t')
		} else {
			under.WriteByte(' ')
		}
	}
	under.WriteByte('^')
	return inert(string(runes[start:end])) + "\n" + under.String()
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

// shown is a name or value of a document as it stands in a message: short, inert.
func shown(s string) string {
	if runes := []rune(s[:min(len(s), 400)]); len(runes) > 80 || len(s) > 400 {
		s = string(runes[:min(len(runes), 80)]) + "…"
	}
	return `"` + inert(s) + `"`
}

// add keeps an error; warn a warning.
func (p *Problems) add(e *gatehouse.Error) {
	if len(p.Errors) >= maxProblems {
		p.More++
		return
	}
	p.Errors = append(p.Errors, e)
}

func (p *Problems) warn(e *gatehouse.Error) {
	if len(p.Warnings) < maxProblems {
		p.Warnings = append(p.Warnings, e)
	}
}

// sort puts the entry file's problems first, then the other files', by place.
func (p *Problems) sort(entry string) {
	order := func(a, b *gatehouse.Error) int {
		if a.At.File != b.At.File {
			switch entry {
			case a.At.File:
				return -1
			case b.At.File:
				return 1
			}
		}
		return cmp.Or(cmp.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	}
	slices.SortStableFunc(p.Errors, order)
	slices.SortStableFunc(p.Warnings, order)
}

// nearest returns the candidate that name was probably meant to be, or "".
func nearest(name string, candidates []string) string {
	best, least := "", 1+len(name)/3
	if len(name) > 100 {
		return ""
	}
	for i, c := range candidates {
		if i == 2000 {
			break
		}
		if d := distance(strings.ToLower(name), strings.ToLower(c), least); d <= least && (d < least || best == "") {
			best, least = c, d
		}
	}
	return best
}

func didYouMean(name string, candidates []string) string {
	if c := nearest(name, candidates); c != "" {
		return "did you mean " + shown(c) + "?"
	}
	return ""
}

// distance is the edit distance of a and b (a swap of neighbours counts one), or
// anything greater than most.
func distance(a, b string, most int) int {
	if d := len(a) - len(b); d > most || -d > most {
		return most + 1
	}
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
