// Package expression says of a regular expression, without running it, that it cannot
// match a text.
//
// An [Expression] matches exactly as Coraza's operator @rx does: flags "(?sm)" before the
// pattern, Go's regexp over UTF-8 where a byte that is no UTF-8 counts as U+FFFD, and
// rsc.io/binaryregexp (one byte, one rune, no flags before the pattern) where the pattern
// names bytes that are no UTF-8. Beside MatchString it has two much cheaper tests, both
// sound: whatever they refuse, MatchString refuses too.
//
//   - [Expression.Gate] lists necessary conditions: a minimal length, literals of which one
//     must occur in the folded text, sets of which one byte must occur. A caller searches
//     the literals of hundreds of expressions in one pass over the text.
//   - [Expression.CanMatch] asks whether any text made only of the given bytes could match.
//     The syntax tree becomes a small formula of byte sets once; to evaluate it takes
//     some nanoseconds and allocates nothing.
//
// Neither is complete: passing both proves nothing, and MatchString then decides. Where the
// analysis meets something it does not model it demands less.
//
// [Alphabet] is for patterns of other languages that describe whole texts, such as those
// of a schema: which bytes may such a text consist of? CanMatch, given these bytes once,
// answers for all of the texts.
//
// [Expression.Generate] goes the other way and makes texts that match; tests use it to hold
// the two promises above against every expression of a rule set.
package expression
