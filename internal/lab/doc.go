// Package lab is the demo shop: many small services with switchable flaws, the
// token issuer they believe in, and the good and bad clients that call them.
// It is the demo, the integration fixture and the scanner's open test.
//
// A [Shop] is eleven services, each an HTTP server of its own on a loopback port
// with seeded data and an OpenAPI document that describes it truthfully, plus
// what stands outside: a cloud metadata endpoint, a rates provider and an
// attacker's collector. [Flaws] switches a weakness of every OWASP API Security
// Top 10 (2023) class; with a class switched on the services leave that class to
// whoever stands in front of them.
//
// [Run] drives good clients at a steady rate, mixed with [Attack] cases, against
// a [Target]: a gateway, or the services themselves. What it promises:
//
//   - An attack counts as missed when its effect was observed: data of the victim
//     reached the attacker, a service acted, a service received what it never
//     should. A status code alone proves nothing, and an attack that got no
//     answer at all is an error and not a success.
//   - Every attempt has an attacker, an address and a victim of its own, so that
//     no attack is stopped by the suspicion another one raised.
//   - The same seed gives the same data, the same order of cases and the same
//     payloads. Keys and signatures are always fresh.
//   - Nothing here is reachable from a configuration file.
package lab
