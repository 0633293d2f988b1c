// Package gateway is the one path a request walks: normalise, match, answer
// locally, admit, identify, judge, forward, judge the answer, decide, record.
//
// Every door (net/http's servers, [Wrap], later http1 and Envoy) fills a
// [gatehouse.Exchange] and hands it to [Gateway.Serve] with a
// [gatehouse.ResponseWriter]. The order of the controls is the [Snapshot]'s, made
// by whoever assembles it; this package contains no control of its own beyond
// what belongs to HTTP itself: the normaliser, CORS, CSRF and the default
// denial.
//
// # What it promises
//
//   - An ambiguous message is refused with 400 and a code, never guessed
//     (normalise.go; RFC 9110, 9112, 3986).
//   - A control that errs, panics or has no opinion denies, where its mode is
//     enforce.
//   - An operation that is not public needs a control that permits it.
//   - Every refusal is written in one place (problem.go; RFC 9457).
//   - A body is read at most once, bounded, and upstream gets what was judged.
//   - A reload swaps the Snapshot; an exchange keeps the one it began with.
package gateway
