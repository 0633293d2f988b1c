package config

import (
	"fmt"
	"slices"
	"strings"
)

// DidYouMean returns the hint that names the nearest of the known words, or,
// where none is near, the words if they are few.
func DidYouMean(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(known) == 0 || len(known) > 12 {
		return ""
	}
	return "one of " + strings.Join(known, ", ")
}

// nearest returns the known word with the least edit distance to word, if that
// is at most a third of its length.
func nearest(word string, known []string) string {
	if len(word) > 200 {
		return ""
	}
	best, least := "", max(1, len(word)/3)+1
	lower := strings.ToLower(word)
	for _, k := range known {
		if len(k) > 200 {
			continue
		}
		if d := distance(lower, strings.ToLower(k), least); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: Levenshtein's, with two
// swapped neighbours counted as one. Results of limit and more are not exact.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
