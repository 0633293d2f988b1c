// Package parameter takes the parameters of a request apart as OpenAPI describes
// them: every style and explode of path, query, header and cookie parameters,
// deepObject, content, allowReserved, and 3.2's querystring. What could be read in
// two ways is refused: a single-valued parameter given twice, an object with a
// member twice, a percent-encoding that is not UTF-8.
//
// Values are turned into JSON as their schema's types ask for ("17" is a number
// where the schema says integer) and judged by package schema.
package parameter
