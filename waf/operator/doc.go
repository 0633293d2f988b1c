// Package operator holds the operators of SecLang that are no regular expressions
// (@streq, @within, @pm, @ipMatch, @detectSQLi ...) with exactly the answers of Coraza
// v3.8.1, without a transaction: whether a value matches, not what is captured.
//
// Compile refuses what it cannot answer for, and what refuses to load in Coraza: other
// operators (@rx, @rbl, @validateSchema ...), arguments with a macro that nobody has
// expanded, a list of phrases with an empty one. Files are not read here: the phrases
// of @pmFromFile go to Phrases.
//
// A Func is safe for concurrent use and takes time linear in the value.
package operator
