// Package parameter takes the parameters of a request apart as OpenAPI describes
// them: every style and explode of path, query, header and cookie parameters,
// deepObject, content, allowReserved, and 3.2's querystring; and with the same means
// the fields of forms and the header fields of answers. Values are turned into JSON
// as their schema's types ask for ("17" is a number where the schema says integer)
// and judged by package schema.
//
// What could be read in two ways is refused. In particular:
//
//   - A value is decoded once. In queries and forms "+" is a space, whatever the
//     style: so do the readers behind. Header fields are not percent-decoded; cookies
//     are, but in the style "cookie".
//   - What is decoded is UTF-8 without NUL.
//   - Delimiters count in the raw spelling: "a%2Cb,c" are two elements. Only
//     spaceDelimited and pipeDelimited take the encoded delimiter as well, since the
//     raw one may not stand in a query.
//   - A parameter of one value stands once, in whatever spelling ("a", "%61"). A name
//     that some readers take for a declared one ("A", "a[]", "a ") is refused, and so
//     is a raw ";" unless the parameter allows reserved characters.
//   - An integer is written in plain digits: not +1, 01, 0x1, 1.0 or 1e3. A number is
//     written as JSON has it, a boolean is true or false, null is "null" or, where no
//     string is accepted, empty.
//   - Where a schema accepts several types, the narrowest that the text spells is
//     tried first (object, array, null, boolean, number), and string last.
//   - An empty value of an array is one empty element. With allowEmptyValue an empty
//     value is accepted as it is.
//   - Labels and matrices are as RFC 6570 has them: ".a,b" without explode, ".a.b"
//     with it.
//   - Names of a deepObject may have more than one level of brackets, and "[]" or
//     "[0]", only where the schema has an object or array there; "__proto__" is no
//     name.
//   - An exploded object takes the names its schema declares, also by
//     patternProperties and additionalProperties; others are unknown.
//
// Unknown query parameters and cookies are reported, stripped or refused
// ([Options]); header fields are open by nature.
package parameter
