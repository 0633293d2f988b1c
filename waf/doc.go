// Package waf judges requests and answers by the OWASP Core Rule Set, by SecLang
// files of the operator's own, and by rules of its own (package payload).
//
// The verdict is always that of Coraza, the maintained engine of these rules. But
// Coraza looks at every value with every rule, which costs milliseconds; so a screen
// (package screen) first tries to prove, in microseconds, that no rule of the active
// set can match. A request that is proven passes with the reference's score, 0. Any
// other goes through all rules in a fresh transaction, and what that says stands.
// The screen never blocks and never scores; nothing is approximated.
//
//	Exchange -> Message -> bare transaction -> screen.Proof -> proven: pass
//	                       (parses only)                    -> else: the reference
//
// # What it promises
//
//   - Rules that the screen does not understand are left to the reference, and so
//     are all requests that could reach them.
//   - A request that cannot be judged is refused: where the engine fails (503), where
//     too many requests have to go through all rules (503), and where a caller's or an
//     address's requests have used up their processor time (429).
//   - One set of rules serves all APIs. What differs between them (paranoia levels,
//     thresholds, exclusions) are variables set before the rules run.
//   - A share of the proven requests goes through all rules as well, off the path; a
//     difference is a defect of the screen, and is told loudly.
//   - Neither verdicts nor logs hold values, only the form of what matched.
package waf
