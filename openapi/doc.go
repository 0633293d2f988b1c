// Package openapi holds an API to its OpenAPI document, in both directions: what
// the document does not promise is not accepted and not sent.
//
// [Load] reads a document (OpenAPI 3.0, 3.1, 3.2, in YAML or JSON, over several
// files), [Compile] turns it into a [Contract]: operations with their parameters,
// bodies, answers, security requirements and dates, everything that can be decided
// before the first request decided then. A Contract gives two controls:
// "openapi.request" (parameters, bodies) and "openapi.response" (status, header,
// body; filter and mask).
//
// The work is done by the rooms below:
//
//	document   files -> a thin tree with positions, references resolved
//	schema     JSON Schema 2020-12, judged in one pass over the bytes where that
//	           can be, by santhosh-tekuri/jsonschema where not
//	parameter  path, query, header and cookie values, every style
//	body       media types, content codings, forms, multipart, XML, text
//	filter     answers cut down to what was promised, masked for who asks
//
// A client learns where its request breaks the contract (a JSON pointer, a
// parameter's name), never a value.
package openapi
