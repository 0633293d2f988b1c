package config

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// Format returns src in its canonical layout: two spaces a level, lists indented
// below their key, one space after a colon and a dash, trailing comments of
// neighbouring lines aligned, no more than one empty line. It changes neither
// values nor quotes nor order, and keeps every comment. Formatting twice changes
// nothing more.
//
// It works on lines, as a person would. What it makes is read again and compared
// with the original; where they differ (a layout it does not know), src comes
// back as it was.
func Format(src []byte) ([]byte, error) {
	before, err := parseForFormat(src)
	if err != nil {
		return nil, err
	}
	out, comments, ok := layout(src)
	if !ok {
		return src, nil
	}
	after, err := parseForFormat(out)
	if err != nil || !sameTree(before, after) {
		return src, nil
	}
	again, commentsAgain, ok := layout(out)
	if !ok || !bytes.Equal(out, again) || !slices.Equal(comments, commentsAgain) {
		return src, nil
	}
	return out, nil
}

func parseForFormat(src []byte) (*node, error) {
	f := newFile("", "", src)
	rep := &reporter{source: &source{main: f}}
	nodes := 0
	root := parse(f, rep, &nodes)
	for _, d := range rep.list {
		return nil, &gatehouse.Error{Code: d.Code, Message: d.Message, Hint: d.Hint, At: d.At}
	}
	return root, nil
}

func sameTree(a, b *node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.kind != b.kind || a.text != b.text || a.quoted != b.quoted || len(a.items) != len(b.items) || len(a.members) != len(b.members) {
		return false
	}
	for i := range a.items {
		if !sameTree(a.items[i], b.items[i]) {
			return false
		}
	}
	for i := range a.members {
		if a.members[i].key.text != b.members[i].key.text || !sameTree(a.members[i].value, b.members[i].value) {
			return false
		}
	}
	return true
}

type lineKind uint8

const (
	blankLine   lineKind = iota
	commentLine          // nothing but a comment
	contentLine          // begins a value, key or item
	innerLine            // goes on with a flow collection or a quoted text
	rawLine              // of a block scalar, and what must stay as it is
)

type formatLine struct {
	kind    lineKind
	column  int    // of its first character, in the source
	indent  int    // in the result
	text    string // without indentation and comment
	comment string
	open    []level // after a content line: the collections open there
}

// A level is a block collection: the column of its keys or dashes.
type level struct {
	column, indent int
	list           bool
}

// A layouter holds what is open at the end of a line.
type layouter struct {
	lines  []formatLine
	levels []level

	scan  lineScanner
	shift int // of the lines inside of a flow collection or quoted text

	block       bool // inside of a block scalar
	blockParent int  // column its lines are right of
	blockColumn int  // of its text, -1 before the first line
	blockIndent int  // what that becomes
	blockFixed  int  // the shift where the header gives the indentation, else noShift
	blockKeep   bool // trailing empty lines count
}

const noShift = -1 << 30

// layout lays the lines out. It returns the comments it saw, and false where it
// met something it does not know.
func layout(src []byte) (out []byte, comments []string, ok bool) {
	text := strings.ReplaceAll(strings.TrimPrefix(string(src), "\ufeff"), "\r\n", "\n")
	l := &layouter{}
	for line := range strings.SplitSeq(text, "\n") {
		if !l.line(line) {
			return nil, nil, false
		}
	}
	if l.scan.quote != 0 || l.scan.depth > 0 {
		return nil, nil, false
	}
	if l.block {
		l.endBlock()
	}
	l.placeComments()
	l.alignComments()
	return l.print()
}

func (l *layouter) line(s string) bool {
	trimmed := strings.TrimLeft(s, " ")
	column := len(s) - len(trimmed)
	empty := strings.TrimSpace(s) == ""
	if l.block {
		if empty || column > l.blockParent && (l.blockColumn < 0 || column >= l.blockColumn) {
			l.blockLine(s, column, empty)
			return true
		}
		l.endBlock()
	}
	switch {
	case l.scan.quote != 0 || l.scan.depth > 0:
		return l.inner(s)
	case empty:
		l.lines = append(l.lines, formatLine{kind: blankLine})
	case trimmed[0] == '#':
		l.lines = append(l.lines, formatLine{kind: commentLine, column: column, comment: strings.TrimRight(trimmed, " \t")})
	case s == "---" && len(l.levels) == 0:
		l.lines = append(l.lines, formatLine{kind: rawLine, text: s})
	case trimmed[0] == '\t' || trimmed[0] == '%' || strings.HasPrefix(s, "---") || strings.HasPrefix(s, "..."):
		return false
	default:
		return l.content(trimmed, column)
	}
	return true
}

// content places a line that begins something: any number of dashes, then a key
// or a value.
func (l *layouter) content(s string, column int) bool {
	at, dashes := column, 0
	for s == "-" || strings.HasPrefix(s, "- ") {
		l.place(at, true)
		dashes++
		rest := strings.TrimLeft(s[1:], " ")
		at += len(s) - len(rest)
		s = rest
	}
	if strings.HasPrefix(s, "? ") || s == "?" || strings.HasPrefix(s, ": ") || strings.HasPrefix(s, "\t") {
		return false
	}
	first := len(l.levels) - dashes // the level of the first dash
	l.scan = lineScanner{}
	text, comment := l.scan.line(s)
	var indent int
	switch {
	case l.scan.key:
		if strings.HasPrefix(s, "#") {
			return false
		}
		l.place(at, false)
		indent = l.levels[len(l.levels)-1].indent
		if dashes > 0 {
			indent = l.levels[first].indent
		}
	case dashes > 0:
		indent = l.levels[first].indent
	default: // a value on a line of its own
		for len(l.levels) > 0 && l.levels[len(l.levels)-1].column >= column {
			l.levels = l.levels[:len(l.levels)-1]
		}
		if len(l.levels) > 0 {
			indent = l.levels[len(l.levels)-1].indent + 2
		}
	}
	text = strings.TrimRight(strings.Repeat("- ", dashes)+text, " ")
	l.shift = indent - column
	l.lines = append(l.lines, formatLine{kind: contentLine, column: column, indent: indent, text: text, comment: comment,
		open: slices.Clone(l.levels)})
	if l.scan.block != "" {
		return l.beginBlock()
	}
	return true
}

// place opens, or goes on with, the collection whose keys or dashes stand at
// column.
func (l *layouter) place(column int, list bool) {
	for len(l.levels) > 0 && l.levels[len(l.levels)-1].column > column {
		l.levels = l.levels[:len(l.levels)-1]
	}
	n := len(l.levels)
	if n > 0 && l.levels[n-1].column == column {
		if l.levels[n-1].list == list {
			return
		}
		if !list { // the end of a list that was not indented below its key
			l.levels = l.levels[:n-1]
			if n > 1 && l.levels[n-2].column == column {
				return
			}
			n--
		}
	}
	indent := 0
	if n > 0 {
		indent = l.levels[n-1].indent + 2
	}
	l.levels = append(l.levels, level{column, indent, list})
}

// inner goes on with a flow collection or a quoted text.
func (l *layouter) inner(s string) bool {
	trimmed := strings.TrimLeft(s, " \t")
	column := len(s) - len(trimmed)
	if trimmed == "" {
		if l.scan.quote != 0 {
			l.lines = append(l.lines, formatLine{kind: innerLine}) // a line break of the text
		} else {
			l.lines = append(l.lines, formatLine{kind: blankLine})
		}
		return true
	}
	if strings.Contains(s[:column], "\t") {
		return false
	}
	text, comment := l.scan.line(trimmed)
	if l.scan.block != "" {
		return false
	}
	l.lines = append(l.lines, formatLine{kind: innerLine, column: column, indent: max(column+l.shift, 0), text: text, comment: comment})
	return true
}

func (l *layouter) beginBlock() bool {
	if len(l.levels) == 0 {
		return false
	}
	parent := l.levels[len(l.levels)-1]
	l.block, l.blockColumn = true, -1
	l.blockParent, l.blockIndent = parent.column, parent.indent+2
	l.blockKeep = strings.Contains(l.scan.block, "+")
	l.blockFixed = noShift
	if strings.ContainsAny(l.scan.block, "123456789") {
		l.blockFixed = parent.indent - parent.column
	}
	return true
}

func (l *layouter) blockLine(s string, column int, empty bool) {
	if empty && (l.blockColumn < 0 || len(s) <= l.blockColumn) && l.blockFixed == noShift {
		l.lines = append(l.lines, formatLine{kind: rawLine})
		return
	}
	if l.blockColumn < 0 && l.blockFixed == noShift {
		l.blockColumn = column
	}
	shift := l.blockFixed
	if shift == noShift {
		shift = l.blockIndent - l.blockColumn
	}
	l.lines = append(l.lines, formatLine{kind: rawLine, indent: max(column+shift, 0), text: s[column:]})
}

// endBlock turns the empty lines behind a block scalar into ordinary ones, unless
// they count.
func (l *layouter) endBlock() {
	l.block = false
	if l.blockKeep {
		return
	}
	for i := len(l.lines) - 1; i >= 0 && l.lines[i].kind == rawLine && strings.TrimSpace(l.lines[i].text) == ""; i-- {
		l.lines[i] = formatLine{kind: blankLine}
	}
}

// placeComments indents the lines that hold nothing but a comment: like the line
// they precede, or, where they stand right of it, like the collection they end.
func (l *layouter) placeComments() {
	next := -1
	for i := len(l.lines) - 1; i >= 0; i-- {
		switch c := &l.lines[i]; c.kind {
		case contentLine:
			next = i
		case commentLine:
			if next >= 0 && c.column <= l.lines[next].column {
				c.indent = l.lines[next].indent
				continue
			}
			for j := i - 1; j >= 0; j-- {
				if l.lines[j].kind == contentLine {
					c.indent = indentAt(l.lines[j].open, c.column)
					break
				}
			}
		}
	}
}

// indentAt returns the indentation of the collection that stands at column or
// left of it; of two at one column (a list not indented below its key) the outer.
func indentAt(open []level, column int) int {
	for i := len(open) - 1; i >= 0; i-- {
		if open[i].column <= column && (i == 0 || open[i-1].column < open[i].column) {
			return open[i].indent
		}
	}
	return 0
}

// alignComments moves the trailing comments of neighbouring lines to one column.
// It leaves them two spaces behind the longest line.
func (l *layouter) alignComments() {
	hasTail := func(i int) bool {
		return i < len(l.lines) && (l.lines[i].kind == contentLine || l.lines[i].kind == innerLine) && l.lines[i].comment != "" && l.lines[i].text != ""
	}
	for i := 0; i < len(l.lines); i++ {
		end, widest := i, 0
		for ; hasTail(end); end++ {
			widest = max(widest, l.lines[end].indent+utf8.RuneCountInString(l.lines[end].text))
		}
		for ; i < end; i++ {
			f := &l.lines[i]
			f.text += strings.Repeat(" ", widest+2-f.indent-utf8.RuneCountInString(f.text))
		}
	}
}

func (l *layouter) print() (out []byte, comments []string, ok bool) {
	var b strings.Builder
	blank := true // so that none stands at the beginning
	pending := false
	for _, f := range l.lines {
		if f.kind == blankLine {
			pending = !blank
			continue
		}
		if pending {
			b.WriteByte('\n')
		}
		blank, pending = false, false
		if f.comment != "" {
			comments = append(comments, f.comment)
		}
		if f.text != "" || f.comment != "" {
			b.WriteString(strings.Repeat(" ", f.indent))
		}
		b.WriteString(f.text)
		b.WriteString(f.comment)
		b.WriteByte('\n')
	}
	return []byte(b.String()), comments, true
}
