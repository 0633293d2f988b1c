// Package screen proves that no rule of a set of SecLang rules can match a
// request, so that the engine of the rules need not run.
//
// It never says that a rule matches. What it cannot prove is left to the reference
// engine, whose verdict stands; a proof that is wrong is therefore the one mistake
// that must not happen, and whatever is not fully understood is "unproven".
//
// # Compiling
//
// Under the hypothesis that no rule that looks at the request has matched, the
// collection TX has one known content at every point of the program: [Compile]
// walks the rules in the engine's order (phase by phase), evaluates those that read
// nothing but TX once and for all (initialisation, the gates of paranoia levels
// with their skipAfter, the final scores), and keeps those that read the request.
// What differs between APIs (paranoia levels, thresholds, exclusions) are TX
// variables that are set before phase 1, a [Profile]; expressions, literals and
// pipelines are shared by all profiles of an [Index].
//
// # Proving
//
// [Screen.Prove] takes the variables of a transaction of the engine that has parsed
// the request without these rules. Each value goes through the pipelines of
// transformations that its rules ask for, which change few values. Each distinct
// text is read once by an automaton over the literals of all expressions; an
// expression none of whose literals occur, or that needs a byte that does not
// occur, cannot match. What is left, that one expression decides on that one text.
//
// Rules that match without consequence (they set variables for later rules of the
// program) are evaluated, in order, into an overlay of TX. A rule that matches with
// any other consequence ends the proof.
package screen
