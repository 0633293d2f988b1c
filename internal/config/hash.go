package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"path/filepath"
	"slices"
	"strings"
)

// Hash identifies the effective configuration: 16 hexadecimal characters of a
// SHA-256 over every value (defaults included, secrets left out) and over the
// content of the policy files. Order of keys, comments and the folder it lies in
// do not matter. Secrets stay out because the hash stands in the decision log,
// where a weak one could be guessed from it.
func (c *Config) Hash() string { return c.hash }

// maxPolicyBytes bounds each policy file that is hashed.
const maxPolicyBytes = 16 << 20

func (l *loader) hash(c *Config) string {
	h := sha256.New()
	for _, leaf := range c.flatten() {
		if strings.HasPrefix(leaf.path, "include[") {
			continue // how the text was cut into files
		}
		text := leaf.text
		if leaf.secret {
			text = ""
		}
		field(h, leaf.path, text)
	}
	for _, name := range l.policyFiles() {
		b, err := l.env.readRegular(name.path, maxPolicyBytes)
		if err != nil {
			continue // the check reports it
		}
		l.remember(name.path)
		field(h, name.shown, string(b))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// field writes two strings so that no two pairs read alike.
func field(h hash.Hash, a, b string) {
	fmt.Fprintf(h, "%d:%s%d:%s", len(a), a, len(b), b)
}

type policyFile struct{ path, shown string }

// policyFiles lists the files that the patterns of policies.files and the
// entities name, sorted.
func (l *loader) policyFiles() []policyFile {
	var files []policyFile
	section := l.source.root.get("policies")
	for _, n := range append(slices.Clone(section.find("files").each()), section.find("entities")) {
		if n.value() == "" {
			continue
		}
		pattern := n.text
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(n.file.dir, pattern)
		}
		names, err := l.env.glob(pattern)
		if err != nil {
			continue
		}
		for _, name := range names {
			shown := name
			if rel, err := filepath.Rel(n.file.dir, name); err == nil {
				shown = filepath.ToSlash(rel)
			}
			files = append(files, policyFile{name, shown})
		}
	}
	slices.SortFunc(files, func(a, b policyFile) int { return strings.Compare(a.shown, b.shown) })
	return slices.Compact(files)
}
