package config

import "strings"

// A Change is one value that differs between two configurations.
type Change struct {
	// Path names things by their name: "apis[shop].timeout".
	Path string `json:"path"`
	// Old and New are the values; "" means unset. Secrets show as ***.
	Old string `json:"old"`
	New string `json:"new"`
}

// String prints the change on one line.
func (c Change) String() string {
	show := func(s string) string {
		if s == "" {
			return "(unset)"
		}
		return inert(s)
	}
	return inert(c.Path) + ": " + show(c.Old) + " -> " + show(c.New)
}

const masked = "***"

// Diff returns what differs from a to b, in the order of b, what b lacks last. A
// nil Config is an empty one.
func Diff(a, b *Config) []Change {
	if a == nil {
		a = &Config{}
	}
	if b == nil {
		b = &Config{}
	}
	old := map[string]leaf{}
	leaves := a.flatten()
	for _, l := range leaves {
		old[l.named] = l
	}
	var changes []Change
	seen := map[string]bool{}
	for _, l := range b.flatten() {
		before, had := old[l.named]
		seen[l.named] = true
		if had && before.text == l.text {
			continue
		}
		changes = append(changes, change(l.named, before, l, had, true))
	}
	for _, l := range leaves {
		if !seen[l.named] {
			changes = append(changes, change(l.named, l, leaf{}, true, false))
		}
	}
	return changes
}

func change(path string, before, after leaf, had, has bool) Change {
	c := Change{Path: strings.TrimPrefix(path, ".")}
	secret := before.secret || after.secret
	if had {
		c.Old = before.text
		if secret {
			c.Old = masked
		}
	}
	if has {
		c.New = after.text
		if secret {
			c.New = masked
		}
	}
	return c
}
