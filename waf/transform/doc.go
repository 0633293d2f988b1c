// Package transform holds the transformations of SecLang (t:lowercase,
// t:urlDecodeUni ...) with exactly the results of Coraza v3.8.1: what the rule's
// operator would be given there is what Apply returns here, byte for byte, also for
// text that is no UTF-8, for truncated escapes and where Coraza's result surprises.
//
// Where a transformation of Coraza fails (t:hexDecode of what is not hexadecimal,
// t:md5 in FIPS 140-3 mode), the rule goes on with the value it had; so does Apply.
//
// Most values of real requests are not changed by most transformations. Every
// transformation therefore says which bytes can make it change anything (Triggers):
// who has the set of bytes of a value can leave out the call. Apply itself returns its
// argument, without allocating, wherever nothing changes, save where a value that holds
// a trigger has to be written anew before that is known (entities, case of non-ASCII text).
//
// All functions are safe for concurrent use and take time linear in the value.
package transform
