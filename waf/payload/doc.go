// Package payload holds the WAF's own rules, those that the OWASP Core Rule Set
// does not have: limits of GraphQL and JSON, targets of server-side request
// forgery, NoSQL operators, prototype pollution, tampered tokens, path traversal
// in every encoding, and phrases of prompt injection.
//
// An [Inspector] is made from a [Config], is shared by all goroutines, and looks at
// one request at a time: [Inspector.Inspect] reports each [Finding] to a callback,
// which stops it by returning false. [Rules] is the catalogue: each [Rule] has a
// stable id, a severity, a class of the OWASP API Security Top 10 (2023) and a mode
// that Config.Rules overrides.
//
// # What is looked at
//
// The path, the query, the header fields and cookies, and the body where it is JSON
// (RFC 8259, or a sequence of lines), a form, a multipart form (RFC 7578) or a
// GraphQL document; what has another type, or none, and reads as JSON is taken for
// JSON. Strings that hold JSON are looked into once, no deeper.
//
// # Promises
//
//   - A Finding never holds the value: Place is made of names, bounded and inert,
//     and Hint is a fixed text or a number.
//   - Time and memory are linear in the request. GraphQL documents are read up to a
//     limit of tokens, and fragments are weighed once however often they are spread.
//   - Rules judge whole values. An address in a sentence, "..." in prose and a dollar
//     sign in a price are no findings. A value counts as the target of a request
//     where it is a URL, or a bare host in a field whose name says so.
//   - A host is read in every notation that some resolver or URL parser accepts
//     (inet_aton, RFC 4291, RFC 6052, RFC 3056, RFC 4380, the WHATWG URL standard);
//     where readings differ the worst counts.
//   - Rules of prompt injection only ever monitor: a list of phrases is a sign, not a
//     boundary.
//
// JSON that does not read is left to the rooms that refuse it; who has none of them
// turns on the rule payload.json.malformed. Signatures of tokens are not verified
// here, and the Authorization and DPoP fields are package authn's.
package payload
