package config

import "strings"

// A lineScanner reads one line after another as far as the layout must know it:
// quotes, flow collections, keys, comments and the headers of block scalars.
type lineScanner struct {
	quote byte   // ' or " while inside of a quoted text
	depth int    // of flow collections
	key   bool   // the line has a key outside of flow collections
	block string // header of the block scalar that begins here: "|-"

	out   strings.Builder
	begin bool // a value may begin here
}

// line reads a line without its indentation. It returns the text with its spaces
// set right, and the comment behind it.
func (s *lineScanner) line(line string) (text, comment string) {
	s.out.Reset()
	s.begin, s.key, s.block = s.quote == 0, false, ""
	continued := s.quote != 0
	for i := 0; i < len(line); {
		c := line[i]
		switch {
		case s.quote != 0:
			i = s.quoted(line, i)
		case c == ' ' || c == '\t':
			i = s.space(line, i)
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return strings.TrimRight(s.out.String(), " "), strings.TrimRight(line[i:], " \t")
		case s.begin:
			i = s.value(line, i)
		default:
			i = s.plain(line, i)
		}
		if s.block != "" {
			break
		}
	}
	if s.block != "" {
		return s.header()
	}
	if s.quote != 0 || continued && s.out.Len() == len(line) {
		return s.out.String(), ""
	}
	return strings.TrimRight(s.out.String(), " "), ""
}

// quoted copies up to the end of a quoted text.
func (s *lineScanner) quoted(line string, i int) int {
	for ; i < len(line); i++ {
		c := line[i]
		s.out.WriteByte(c)
		switch {
		case s.quote == '"' && c == '\\' && i+1 < len(line):
			i++
			s.out.WriteByte(line[i])
		case c == s.quote && c == '\'' && i+1 < len(line) && line[i+1] == '\'':
			i++
			s.out.WriteByte('\'')
		case c == s.quote:
			s.quote = 0
			return i + 1
		}
	}
	return i
}

// space sets the space at i right by what stands before and behind it.
func (s *lineScanner) space(line string, i int) int {
	end := i
	for end < len(line) && (line[end] == ' ' || line[end] == '\t') {
		end++
	}
	before := s.last()
	switch {
	case end == len(line) || line[end] == '#':
	case before == 0:
	case s.depth > 0 && s.begin && (before == '[' || before == '{'):
	case s.depth > 0 && (line[end] == ']' || line[end] == '}' || line[end] == ','):
	case s.begin && before == ':':
		s.out.WriteByte(' ')
	default: // within a plain text, or a column of a table
		s.out.WriteString(strings.ReplaceAll(line[i:end], "\t", " "))
	}
	return end
}

func (s *lineScanner) last() byte {
	if s.out.Len() == 0 {
		return 0
	}
	return s.out.String()[s.out.Len()-1]
}

// value reads the beginning of a value.
func (s *lineScanner) value(line string, i int) int {
	switch c := line[i]; {
	case c == '"' || c == '\'':
		s.quote, s.begin = c, false
		s.out.WriteByte(c)
		return i + 1
	case c == '[' || c == '{':
		s.depth++
		s.out.WriteByte(c)
		return i + 1
	case (c == '|' || c == '>') && s.depth == 0:
		s.block = line[i:]
		return i
	case c == '&' || c == '!' || c == '*':
		for i < len(line) && line[i] != ' ' && line[i] != '\t' && (s.depth == 0 || !strings.ContainsRune(",[]{}", rune(line[i]))) {
			s.out.WriteByte(line[i])
			i++
		}
		s.begin = c != '*'
		return i
	}
	s.begin = false
	return s.plain(line, i)
}

// plain copies one character outside of quotes and sees what it ends.
func (s *lineScanner) plain(line string, i int) int {
	c := line[i]
	next := byte(' ')
	if i+1 < len(line) {
		next = line[i+1]
	}
	s.out.WriteByte(c)
	switch {
	case c == ':' && (next == ' ' || next == '\t'), s.depth > 0 && c == ':' && strings.IndexByte(",[]{}", next) >= 0:
		s.begin = true
		if s.depth == 0 {
			s.key = true
		}
	case s.depth > 0 && c == ',':
		s.begin = true
		if next != ' ' && next != '\t' {
			s.out.WriteByte(' ')
		}
	case s.depth > 0 && (c == ']' || c == '}'):
		s.depth--
		s.begin = false
	case s.depth > 0 && (c == '[' || c == '{'):
		s.depth++
		s.begin = true
	}
	return i + 1
}

// header ends a line with the header of a block scalar, and its comment.
func (s *lineScanner) header() (text, comment string) {
	header, after, found := strings.Cut(s.block, "#")
	s.block = strings.TrimSpace(header)
	text = s.out.String() + s.block
	if found {
		comment = "#" + strings.TrimRight(after, " \t")
	}
	return text, comment
}
