// Package filter cuts answers down to what a contract promises: properties nobody
// declared and writeOnly ones are removed, sensitive values masked for who asks, and
// of the rest only what the caller selected is kept. Everything else stays as it
// was, byte for byte: the spelling of numbers, the order of members.
//
// Arrays of objects are filtered as they stream, one element in memory at a time.
package filter
