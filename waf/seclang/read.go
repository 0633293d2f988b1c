package seclang

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// The bounds of what Read reads. Coraza's own are the 100 Include directives and
// the length of a line.
const (
	MaxFileBytes  = 16 << 20 // of one file, also of one that an operator names
	MaxTotalBytes = 64 << 20 // of all files together, each time they are read
	MaxFiles      = 2000     // read by Include

	maxIncludes = 100
	maxErrors   = 20
)

// Read reads directives as Coraza does when they are given to its
// WAFConfig.WithDirectives, with fsys as its root file system: Include and the
// operators that name files resolve there.
//
// The error joins several of type *gatehouse.Error, with file and line; with an
// error there is no Program.
//
// A Program describes one Coraza instance. Read has to be called for each, also
// for those built from the same text, and before it is built: Coraza shares sets
// of phrases (pmFromFile, pmFromDataset) among all instances of the process by
// their names, so that an instance may use those of an earlier one, even of one
// that failed to load. Read remembers all sets that it has met, and makes the
// rules opaque for which that could be so.
func Read(fsys fs.FS, directives string) (*Program, error) {
	r := &reader{
		fsys:     fsys,
		settings: map[string]string{},
		datasets: map[string][]string{},
		file:     inlineFile,
	}
	if otherBuild != "" {
		r.fail("seclang.build", "Coraza is built with the tag %s, which changes the meaning of rules", otherBuild)
	} else if len(directives) > MaxTotalBytes {
		r.fail("seclang.too_large", "the directives are larger than %d bytes", MaxTotalBytes)
	} else {
		r.total = len(directives)
		r.lines(directives)
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return r.program(), nil
}

// inlineFile is Coraza's name for directives that come from no file.
const inlineFile = "_inline_"

// reader is the state of one Read.
type reader struct {
	fsys     fs.FS
	rules    []*rule
	added    []added
	settings map[string]string
	datasets map[string][]string
	preamble []string

	defaults       []string                // SecDefaultAction, as written
	parsedDefaults map[int][]*parsedAction // the same by phase; nil if to be parsed again
	ignoreErrors   bool                    // SecIgnoreRuleCompilationErrors

	// Coraza's idea of the place: it counts lines on from file to file, and has
	// forgotten the file after an Include in it.
	line      int
	file, dir string

	at                     gatehouse.Position // the real place
	includes, files, total int
	errs                   []error
	stop                   bool
}

// fail notes an error at the current place; after too many, reading stops.
func (r *reader) fail(code, format string, args ...any) {
	r.failWith(&gatehouse.Error{Code: code, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) failWith(err *gatehouse.Error) {
	err.At = r.at
	r.errs = append(r.errs, err)
	if len(r.errs) >= maxErrors {
		r.stop = true
	}
}

// lines splits data into directives. A line that ends in a backslash goes on in
// the next; one that ends in a backtick opens a block, which ends at a line that
// begins with one. Comments and empty lines don't count anywhere.
func (r *reader) lines(data string) {
	scanner := bufio.NewScanner(strings.NewReader(data))
	var directive strings.Builder
	block := false
	number, first := 0, 0
	for scanner.Scan() && !r.stop {
		r.line++
		number++
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if directive.Len() == 0 {
			first = number
		}
		switch last := line[len(line)-1]; {
		case !block && last == '`':
			block = true
		case block && line[0] == '`':
			block = false
		}
		if block {
			directive.WriteString(line)
			directive.WriteByte('\n')
			continue
		}
		if line[len(line)-1] == '\\' {
			directive.WriteString(line[:len(line)-1])
			continue
		}
		directive.WriteString(line)
		text := directive.String()
		directive.Reset()
		r.at.Line = first
		r.directive(text)
	}
	if r.stop {
		return
	}
	r.at.Line = number + 1
	switch {
	case scanner.Err() != nil:
		r.fail("seclang.line", "the line is too long: Coraza would ignore it and all that follows in this file")
	case block:
		r.at.Line = first
		r.fail("seclang.line", "the block that this backtick opens has no end")
	case directive.Len() > 0:
		r.at.Line = first
		r.fail("seclang.line", "the directive goes on after the end of the file: Coraza would ignore it")
	}
}

// directive reads one directive, which is on one line except for blocks.
func (r *reader) directive(text string) {
	if text == "" || text[0] == '#' {
		r.fail("seclang.line", "a directive can't begin with %q", text)
		return
	}
	word, opts, _ := strings.Cut(text, " ")
	name := strings.ToLower(word)
	if len(opts) >= 3 && opts[0] == '"' && opts[len(opts)-1] == '"' {
		opts = strings.Trim(opts, `"`)
	}
	if name == "include" {
		r.include(opts)
		return
	}
	if err := r.dispatch(name, opts, text); err != nil {
		var known *gatehouse.Error
		if !errors.As(err, &known) {
			known = &gatehouse.Error{Code: "seclang.directive", Message: "in " + word, Err: err}
		}
		r.failWith(known)
	}
}

// include reads a file, or those that a pattern with "*" names, in the order of
// their names. A name without "*" is relative to the including file, a pattern
// to the root.
func (r *reader) include(name string) {
	if r.includes++; r.includes > maxIncludes {
		r.fail("seclang.include", "there are more than %d Include", maxIncludes)
		r.stop = true
		return
	}
	files := []string{name}
	pattern := strings.Contains(name, "*")
	if pattern {
		var err error
		if files, err = fs.Glob(r.fsys, name); err != nil {
			r.failWith(&gatehouse.Error{Code: "seclang.include", Message: "the pattern of Include is malformed", Err: err})
			return
		}
	}
	at, dir := r.at, r.dir
	for _, file := range files {
		file = strings.TrimSpace(file)
		if !pattern && !strings.HasPrefix(file, "/") {
			file = filepath.Join(dir, file)
		}
		if r.files++; r.files > MaxFiles {
			r.fail("seclang.too_large", "Include reads more than %d files", MaxFiles)
			r.stop = true
			break
		}
		data, err := r.readFile(file)
		if err != nil {
			r.failWith(&gatehouse.Error{Code: "seclang.include", Message: "can't include the file", Err: err})
			break
		}
		r.file, r.dir = file, filepath.Dir(file)
		r.at = gatehouse.Position{File: file}
		r.lines(string(data))
		r.at, r.dir = at, dir
		if r.stop {
			break
		}
	}
	r.at, r.dir, r.file = at, dir, ""
}

// readFile reads a file within the bounds.
func (r *reader) readFile(name string) ([]byte, error) {
	if r.fsys == nil {
		return nil, fmt.Errorf("open %s: there is no file system", name)
	}
	data, err := fs.ReadFile(r.fsys, name)
	if err != nil {
		return nil, err
	}
	r.total += len(data)
	if len(data) > MaxFileBytes || r.total > MaxTotalBytes {
		r.stop = true
		return nil, fmt.Errorf("%s: larger than %d bytes, or all files than %d", name, MaxFileBytes, MaxTotalBytes)
	}
	return data, nil
}
