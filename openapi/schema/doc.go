// Package schema judges JSON values by the schemas of an OpenAPI document: JSON
// Schema 2020-12 (OpenAPI 3.1, 3.2) and the dialect of OpenAPI 3.0.
//
// A schema is compiled twice, once for each [Direction]: a readOnly property is
// refused in a request and not required there, a writeOnly one likewise in an
// answer, through $ref, allOf, anyOf and oneOf. What can be judged in one pass over
// a [strictjson.Tape] is; a subschema that needs more (dynamic references,
// unevaluated members …) is handed, with the value decoded, to
// santhosh-tekuri/jsonschema, which also compiles every schema. Both agree on the
// whole JSON-Schema-Test-Suite.
//
// Formats are asserted. Patterns are ECMA-262: run by RE2 where it means the same,
// else by a backtracking engine with a time limit.
package schema
