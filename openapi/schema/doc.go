// Package schema judges JSON values by the schemas of an OpenAPI document: JSON
// Schema 2020-12 (OpenAPI 3.1, 3.2) and the dialect of OpenAPI 3.0.
//
// A schema is compiled from the nodes of the document, so that every error and every
// [Violation] has its line, into a program that judges a value in one walk over a
// [strictjson.Tape], without memory of its own: all keywords, references in a
// circle, $dynamicRef with its dynamic scope, unevaluated members and items. The
// walk passes the whole JSON-Schema-Test-Suite, and agrees with
// santhosh-tekuri/jsonschema on it and on random schemas and values.
//
// # Directions
//
// A schema with readOnly accepts nothing in a [Request], one with writeOnly nothing
// in a [Response], wherever it stands: behind $ref, in allOf, as a branch of anyOf
// or oneOf. A required member that may not be sent need not be: where the schema that
// requires it, or one that applies to the same object for certain ($ref and allOf
// from there on, and around it), declares it so. Within not, if and contains schemas
// are taken as they are written.
//
// # OpenAPI
//
// OpenAPI 3.0: nullable accepts null whatever stands beside it, exclusiveMinimum and
// exclusiveMaximum are booleans, siblings of $ref are ignored, and so are keywords
// that it lacks, with a warning.
//
// A discriminator neither accepts nor refuses: the schema rules. It says which
// branch of oneOf or anyOf is tried first, and which one's violations are reported.
//
// # Before the first value
//
// [Schema.Types] and [Schema.Meant] say which types a schema accepts, [Schema.Texts]
// where its values are confined to lists, ranges or anchored patterns.
//
// # What is bounded
//
// Formats are asserted: see [Formats]. Patterns are ECMA-262: those that are a mere
// row of character classes are matched directly, others by RE2 where it means the
// same, and those with look-around or back-references by a backtracking engine with
// a time limit. Numbers are compared exactly, whatever their exponents. A check has
// a budget of steps; a value that needs more is refused. Schemas that lead back to
// themselves without a step into the value are refused when they are compiled.
//
// # Codes
//
// Violations have one of [Codes]. Compiling fails with "contract.schema" (what is
// written is no schema, or a reference leads nowhere) or "contract.dialect" (a
// dialect or vocabulary other than JSON Schema 2020-12's and OpenAPI's), and warns
// with "contract.not_enforced". [NewPointers] fails with "contract.pointer".
package schema
