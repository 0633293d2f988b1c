// Package seclang reads SecLang, the language of ModSecurity and Coraza rules,
// into a [Program]: a plain description of the rules that are in force.
//
// It reads as Coraza v3.8.1 reads (in its default build, without plugins): the
// same lines, quotes and escapes, the same Include order, the same inheritance
// of SecDefaultAction, the same removals and updates, which apply to the rules
// that were read before them and to no later ones. It evaluates nothing.
//
// The package exists so that other code can reason about what Coraza will do,
// and an error in that reasoning lets attacks through. Hence three promises:
//
//   - What Coraza refuses to load for its text, [Read] refuses. It also refuses
//     what Coraza accepts by dropping part of a file without a word: a line of
//     more than 64 KiB, and a directive that the end of its file leaves
//     unfinished. (Folders that can't be written and the like are Coraza's to
//     find.)
//   - A rule whose meaning isn't fully described by its fields says so in
//     [Rule.Opaque]; a reader must take it as one that may match always. So are
//     those where Coraza's caches can make it see other values or phrases than
//     the rule names.
//   - [Program.Check] compares the Program with what Coraza itself reported
//     while it loaded the same directives.
//
// Reading is bounded: see [MaxFileBytes], [MaxTotalBytes] and [MaxFiles].
//
// Reference: ModSecurity Reference Manual (v3.x); Coraza's seclang syntax.
package seclang
