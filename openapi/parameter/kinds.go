package parameter

import (
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// kinds is the set of JSON types that a schema can accept.
type kinds = schema.Types

// AppendText writes the decoded text of one primitive value as JSON, by the types
// its schema accepts, the narrowest that the text spells first: null, boolean,
// number, string. With wide, what may be a string is one. It reports whether a
// string was possible and not taken, and whether any type was.
//
//	boolean   true, false
//	integer   plain decimal digits with an optional minus sign
//	number    as RFC 8259 spells it
//	null      "null"; where no string is accepted, the empty text too
func AppendText(dst, v []byte, types schema.Types, wide bool) (out []byte, narrowed, ok bool) {
	text := types.Has(schema.String)
	if !text || !wide {
		if spells(v, types, text) {
			if len(v) == 0 {
				return append(dst, "null"...), text, true
			}
			return append(dst, v...), text, true
		}
	}
	if !text {
		return dst, false, false
	}
	return strictjson.AppendQuoted(dst, v), false, true
}

// spells reports whether v is the spelling of something narrower than a string.
func spells(v []byte, types kinds, text bool) bool {
	if len(v) == 0 {
		return types.Has(schema.Null) && !text
	}
	switch c := v[0]; {
	case c == '-' || '0' <= c && c <= '9':
		return types.Has(schema.Number) && isNumber(v) || types.Has(schema.Integer) && isInteger(v)
	case c == 't':
		return types.Has(schema.Boolean) && string(v) == "true"
	case c == 'f':
		return types.Has(schema.Boolean) && string(v) == "false"
	case c == 'n':
		return types.Has(schema.Null) && string(v) == "null"
	}
	return false
}
