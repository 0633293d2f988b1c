// Package openapi holds an API to its OpenAPI document, in both directions: what
// the document does not promise is not accepted and not sent.
//
// [Load] reads a document (OpenAPI 3.0, 3.1, 3.2, in YAML or JSON, over several
// files), [Compile] turns it into a [Contract]: operations with their parameters,
// bodies, answers, security requirements and dates, everything that can be decided
// before the first request decided then. A Contract gives the controls of each
// operation:
//
//	openapi.lifecycle  tells of its end (RFC 9745, RFC 8594), and answers 410 after it
//	openapi.security   the alternatives of its security requirement, and the caller's view
//	openapi.request    parameters and body
//	openapi.response   status, header and body of answers: checked, or cut and masked
//
// A security requirement is a condition. It permits nothing by itself, unless
// [Config.Access] says so: then whoever meets it needs no policy besides.
//
// Answers are judged before anything of them is sent, but for arrays that a filter
// streams: what it finds late breaks the answer off. Bodies of type
// text/event-stream are judged by their head alone.
//
// Before the first request, [Contract.Bounds] lists which texts the values of those that
// pass may have: for who looks at the same values for other reasons.
//
// The work is done by the rooms below:
//
//	document   files -> a thin tree with positions, references resolved
//	schema     JSON Schema 2020-12, judged in one pass over the bytes
//	parameter  path, query, header and cookie values, every style
//	body       media types, content codings, forms, multipart, XML, text
//	filter     answers cut down to what was promised, masked for who asks
//
// A client that the API trusts ([ErrorsConfig]) learns where its request breaks the
// contract (a JSON pointer, a parameter's name), and never a value; others learn that
// it does. The log has every place, with the line of the document that decided.
package openapi
