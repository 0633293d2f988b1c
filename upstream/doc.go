// Package upstream carries judged requests to the services behind the gateway.
//
// A [Pool] is one upstream: some endpoints, the balancing between them, their
// health, and the rules for trying again. It implements gatehouse.Forwarder, and
// so does a [Split], which divides traffic between pools by weight. A [State]
// keeps health and connections across a reload of the configuration. A [Guard]
// refuses addresses that nobody configured and that must not be reached (SSRF).
//
// What it promises:
//
//   - The message written is the message judged. Everything in x.Outbound is
//     checked again before a byte leaves (RFC 9110 section 5, RFC 9112 section
//     3); framing comes from the body held, never from the client's fields
//     (RFC 9112 section 6), and no hop-by-hop field passes, in either direction
//     (RFC 9110 section 7.6.1).
//   - A request that is not idempotent is never sent twice: it is tried again
//     only where no connection was had at all. Retries stay within a budget,
//     prefer another endpoint, and never happen once the answer has begun.
//   - An answer that broke off is returned as an error, never as a complete one.
//   - HTTP/1.1 is spoken by package http1's client, HTTP/2 by net/http's. Over TLS
//     each handshake decides which (ALPN, RFC 7301) where the protocol is auto.
//   - A body of up to 16 KiB whose length is known is read before a connection is
//     taken, and goes out in one write with its head. A larger one streams.
//   - A kept connection is looked at before it is used again: one that was closed,
//     or on which the upstream spoke unasked, is given up, and nothing is lost to
//     it. An HTTP/1.1 answer that two readers could take differently is refused.
//   - Time limits, and the end of the exchange's context, may be noticed a tenth of
//     a second late: no timer is set per request.
//   - Nobody reads the client's body after Forward has returned. A wait for the
//     client's next bytes is cut short where the body's Source has a method
//     SetReadDeadline(time.Time) error; else it lasts as long as the door lets it.
//   - The address checked is the address dialled. A configured name that turns
//     from a public address to an inner one is refused and keeps its last good
//     addresses (DNS rebinding). Of a third party (Options.Foreign) even the first
//     address must be public, or listed. Redirects are never followed, and no proxy is
//     taken from the environment.
//   - Everything is bounded: the head of an answer, interim answers, time to
//     connect, to the head and between two reads, addresses per name.
//
// Reason codes: upstream.unwritable (400), upstream.unreachable, upstream.tls,
// upstream.pin, upstream.refused, upstream.malformed, upstream.aborted (502), upstream.upgrade
// (501 or 502), upstream.unavailable (503), upstream.timeout (504),
// client.timeout (408), body.too_large (413), client.gone (499: nobody is there
// to be answered).
package upstream
