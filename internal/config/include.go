package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// maxIncludes bounds the number of files one configuration is made of.
const maxIncludes = 1000

// include merges the files that root names into it. Lists are appended to,
// mappings merged, and a value that two files give is an error: nothing
// overrides anything.
func (l *loader) include(root *node) {
	patterns := root.get("include")
	for _, p := range patterns.each() {
		if p.kind != scalar || p.text == "" {
			continue // the decoder says so
		}
		pattern := p.text
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(p.file.dir, pattern)
		}
		names, err := l.env.glob(pattern)
		if err != nil {
			l.report.node(p, Error, "config.include", "not a file pattern", "* and ? stand for characters, [a-z] for one of a set")
			continue
		}
		if len(names) == 0 {
			l.noMatch(p, pattern)
			continue
		}
		slices.Sort(names)
		for _, name := range names {
			l.includeFile(root, p, name)
		}
	}
}

// noMatch reports a pattern without files: a file that was named and is not
// there is an error, a pattern may wait for its first file.
func (l *loader) noMatch(p *node, pattern string) {
	if strings.ContainsAny(p.text, "*?[") {
		l.report.node(p, Warning, "config.include", "no file matches", "")
		return
	}
	l.report.node(p, Error, "config.include", fmt.Sprintf("file %q does not exist", p.text), l.similarFile(p.text, pattern))
}

// similarFile suggests a file of the same folder.
func (l *loader) similarFile(name, path string) string {
	siblings, err := l.env.glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil {
		return ""
	}
	names := make([]string, 0, len(siblings))
	for _, s := range siblings {
		names = append(names, filepath.Join(filepath.Dir(name), filepath.Base(s)))
	}
	if best := nearest(name, names); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return ""
}

func (l *loader) includeFile(root, at *node, name string) {
	if slices.Contains(l.source.read, name) {
		if name == l.source.main.name {
			l.report.node(at, Error, "config.include", "the file includes itself", "")
		}
		return // two patterns may match one file
	}
	if len(l.source.read) >= maxIncludes {
		l.report.node(at, Error, "config.include", fmt.Sprintf("more than %d files", maxIncludes), "")
		return
	}
	src, err := l.env.readRegular(name, maxFileBytes)
	if err != nil {
		l.report.node(at, Error, "config.include", "cannot read "+name, cause(err))
		return
	}
	l.remember(name)
	l.report.order[name] = len(l.report.order)
	f := newFile(name, filepath.Dir(name), src)
	tree := parse(f, l.report, &l.nodes)
	if tree == nil {
		return
	}
	if tree.kind != mapping {
		l.report.node(tree, Error, "config.type", "an included file holds sections, not "+tree.kind.String(), "")
		return
	}
	for _, m := range tree.members {
		switch m.key.text {
		case "include":
			l.report.node(m.key, Error, "config.include", "an included file may not include others", "name them in "+l.source.main.name)
		case "version":
			if m.value.value() != root.get("version").value() {
				l.report.node(m.value, Error, "config.version", "another version than the main file's", "")
			}
		default:
			l.mergeMember(root, m, m.key.text)
		}
	}
}

func (l *loader) mergeMember(into *node, m member, path string) {
	have := into.member(m.key.text)
	switch {
	case have == nil:
		into.members = append(into.members, m)
	case have.value.kind == null:
		have.value = m.value
	case m.value.kind == null:
	case have.value.kind == sequence && m.value.kind == sequence:
		// A new node: the old may be an alias' target that stands elsewhere too.
		merged := *have.value
		merged.items = append(slices.Clone(have.value.items), m.value.items...)
		have.value = &merged
	case have.value.kind == mapping && m.value.kind == mapping:
		merged := *have.value
		merged.members = slices.Clone(have.value.members)
		for _, inner := range m.value.members {
			l.mergeMember(&merged, inner, join(path, inner.key.text))
		}
		have.value = &merged
	default:
		first := have.key.position()
		l.report.nodeAt(m.key, path, Error, "config.duplicate_key", fmt.Sprintf("%s stands in two files", path),
			"the first is at "+first.String())
	}
}
