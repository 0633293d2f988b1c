// Package config reads gatehouse.yaml, the one file (and the files it includes)
// that says what a gateway does.
//
// [Load] reads strictly and reports everything at once: every [Diagnostic] names
// file, line and column, shows the source line with a caret, has a stable code
// and, where a name was misspelt, says which one was meant. It expands
// ${env:NAME} and ${file:PATH}, merges included files, fills in defaults and
// checks that what is named exists. A configuration with errors is never
// returned as usable: test [Diagnostics.HasErrors] first.
//
// The sections of the engines (authn, policies, limits, upstreams …) are the
// Config structs of their packages; they know nothing of YAML. Their Validate
// names a path such as "issuers[0].audience", which this package turns into a
// line and a column.
//
// Promises: reading is bounded (file size, nesting, aliases, number of values),
// arbitrary bytes never panic, and no message holds the value of a secret.
//
// A relative path is relative to the file that names it. YAML is 1.2 (core
// schema); the JSON Schema of [Schema] is draft 2020-12.
package config
