// Package gatehouse is the vocabulary of a security layer for HTTP APIs: the
// words every room of the house shares, and nothing else.
//
// An [Exchange] is one request and its answer. It comes in through a door
// (HTTP/1.1, HTTP/2, a wrapped [net/http] handler, Envoy), is matched to an
// [Operation] of an [API], gets a [Principal] from an [Authenticator], and is
// judged by a fixed list of [Control] values, each of which returns a
// [Verdict]. What all of them said is the [Decision]; a [Recorder] keeps it.
//
// The path an Exchange walks is package gateway. This package imports only the
// standard library, holds no state and makes no decision.
//
// # Three promises the types keep
//
//   - The zero [Verdict] is no opinion at all and counts as "could not judge",
//     so a Control that forgets to answer denies.
//   - A Control sees the Exchange and changes nothing: what it would change it
//     returns as [Edits], applied only where its [Mode] is Enforce.
//   - Nothing keeps an Exchange: after Finish it is reused. What outlives it is
//     copied.
package gatehouse
