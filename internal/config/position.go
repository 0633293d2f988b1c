package config

import (
	"strconv"
	"strings"
)

// A source is the tree of all files together, and which files were read for it.
type source struct {
	root *node
	main *file
	read []string
}

// locate returns the node at a configuration path, or the nearest place around
// it: a value, else the key of the mapping that lacks it.
func (s *source) locate(path string) *node {
	n, whole := s.follow(path)
	if n != nil && !whole {
		return n
	}
	if n == nil {
		return &node{file: s.main, line: 1, column: 1, width: 1}
	}
	return n
}

// exact returns the node at path, or nil.
func (s *source) exact(path string) *node {
	n := s.root
	for path != "" && n != nil {
		m, rest := step(n, path)
		if m == nil {
			return nil
		}
		n, path = m.value, rest
	}
	return n
}

// follow walks as far along path as the tree goes. It returns the place to
// point at: of a scalar the value, of a collection the key it stands under.
func (s *source) follow(path string) (at *node, whole bool) {
	n := s.root
	if n == nil {
		return nil, false
	}
	at = n
	for path != "" {
		m, rest := step(n, path)
		if m == nil {
			return at, false
		}
		n, path, at = m.value, rest, m.value
		if m.key != nil && m.value.kind != scalar {
			at = m.key
		}
	}
	return at, true
}

// step takes the first part of path: a key (which may itself hold dots), [3] of
// a list, [name] of a list of named things or of a mapping.
func step(n *node, path string) (*member, string) {
	if rest, ok := strings.CutPrefix(path, "["); ok {
		index, after, ok := strings.Cut(rest, "]")
		if !ok {
			return nil, ""
		}
		index, after = strings.Trim(index, `"`), strings.TrimPrefix(after, ".")
		if i, err := strconv.Atoi(index); err == nil && n.kind == sequence {
			if i < 0 || i >= len(n.items) {
				return nil, ""
			}
			return &member{value: n.items[i]}, after
		}
		for _, item := range n.items {
			if item.get("name").value() == index || item.get("id").value() == index {
				return &member{value: item}, after
			}
		}
		return n.member(index), after
	}
	var best *member
	for i := range n.members {
		key := n.members[i].key.text
		rest, ok := strings.CutPrefix(path, key)
		if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') && (best == nil || len(key) > len(best.key.text)) {
			best = &n.members[i]
		}
	}
	if best == nil {
		return nil, ""
	}
	return best, strings.TrimPrefix(path[len(best.key.text):], ".")
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// item appends an index to a path.
func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// within reports whether path is prefix or lies below it.
func within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || prefix == "" || rest[0] == '.' || rest[0] == '[')
}
