// Package ratelimit bounds how often callers may call: per address, client,
// user, endpoint, API, upstream, all of them together, or any combination.
//
// A [Limiter] judges in two controls. [Limiter.Admit] ("limits.address") stands
// before identify: it holds the levels that need nothing but the address, and
// refuses addresses with too many failed sign-ins. [Limiter.Caller]
// ("limits.caller") knows who calls and judges all other levels at once.
// [Concurrency] ("limits.concurrency") bounds what is in flight to an upstream
// by the latency it shows. The counts live in a [Store], made once and kept
// through reloads: [Memory] here, a shared one later.
//
// # What it promises
//
//   - All levels of a control pass, or none is consumed. What a later control
//     refuses is given back to the shared levels (those whose key names no
//     client, user or address) when the exchange ends; the caller's own levels
//     keep it, since trying counts.
//   - A level is GCRA (ATM Forum TM 4.0, 4.4.2): a bucket of burst calls that
//     refills evenly. With exact set it is a sliding window that never passes more
//     than its rate in any window, and refuses no call that would not break that.
//   - Memory is bounded whatever the number of keys, and a decision allocates
//     nothing.
//   - Where the Store cannot judge, the controls return the error and the
//     gateway denies.
//
// # Keys
//
// The Store sees 128-bit SipHash-2-4 digests of keys under a secret of its own,
// no names. Two callers that collide would share a limit: with a million keys
// the chance is below 10^-26, and without the secret nobody can search for a
// pair. IPv6 addresses count by /64, the least a network hands out. A caller
// without client or user counts by address under those levels, so that being
// anonymous frees nobody and one stranger uses up only his own share.
//
// # Eviction
//
// When max_keys is reached, entries that have recovered go first. Then goes,
// among sixteen neighbours, the one with the smallest part of its limit used:
// forgetting it gives back the least. To have an exhausted limit forgotten an
// attacker must use up as many other keys as the store holds, which costs the
// calls those limits allow. Evictions are counted in [Stats].
//
// # Adaptive limits
//
// Who breaks a limit of its own client, user or address becomes suspicious, and
// that key has a quarter of its limits (at least 1) for an hour from then on,
// whatever it does meanwhile. A level of several owners (client and address)
// marks that combination. Shared levels mark nobody, nor does a key with a part
// that nobody verified, such as an anonymous caller's client.
//
// # Failed sign-ins
//
// They are known when the exchange is over and are charged to its address then:
// a credential that was refused (but not a missing or merely expired one), and
// an upstream's 401 or 403 on an operation tagged "login". Calls that were
// already on their way are charged beyond the limit, as a debt of up to ten
// times the limit, so that guessing in parallel gains nothing in the long run.
//
// # Answers
//
// A refusal is 429 (RFC 6585, section 4) with Retry-After (RFC 9110, section
// 10.2.3), RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).
// The tightest level's fields stand on passing answers too.
package ratelimit
