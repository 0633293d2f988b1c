package strictjson

import "strconv"

// An Error says why a text is refused. It never holds a part of the text.
type Error struct {
	Code   string // one of Codes
	Offset int    // of the byte at fault, from 0; in a stream, from the stream's start
}

func (e *Error) Error() string {
	return e.Message() + " at offset " + strconv.Itoa(e.Offset)
}

// Message says what Code means, without the offset.
func (e *Error) Message() string {
	for i := range Codes {
		if Codes[i].Code == e.Code {
			return Codes[i].Message
		}
	}
	return "not a JSON text"
}

// TooLarge reports whether a limit, not the grammar, refused the text: 413 rather
// than 400.
func (e *Error) TooLarge() bool {
	switch e.Code {
	case CodeDepth, CodeValues, CodeMembers, CodeItems, CodeString, CodeNumberLength, CodeSize:
		return true
	}
	return false
}

// The codes of refusals. They are stable.
const (
	CodeEmpty         = "json.empty"
	CodeSyntax        = "json.syntax"
	CodeTruncated     = "json.truncated"
	CodeBOM           = "json.byte_order_mark"
	CodeTrailing      = "json.trailing_data"
	CodeUTF8          = "json.utf8"
	CodeSurrogate     = "json.lone_surrogate"
	CodeControl       = "json.control_character"
	CodeEscape        = "json.escape"
	CodeNumber        = "json.number"
	CodeDuplicateName = "json.duplicate_name"
	CodeDepth         = "json.depth"
	CodeValues        = "json.values"
	CodeMembers       = "json.members"
	CodeItems         = "json.items"
	CodeString        = "json.string_length"
	CodeNumberLength  = "json.number_length"
	CodeNumberRange   = "json.number_range"
	CodeSize          = "json.size"
)

// Codes lists every code of an Error with its message.
var Codes = []struct{ Code, Message string }{
	{CodeEmpty, "no JSON text: nothing but white space"},
	{CodeSyntax, "unexpected byte in a JSON text"},
	{CodeTruncated, "the JSON text ends too early"},
	{CodeBOM, "a byte order mark before the JSON text (RFC 8259, section 8.1)"},
	{CodeTrailing, "data after the JSON text"},
	{CodeUTF8, "invalid UTF-8 in a JSON text"},
	{CodeSurrogate, "a surrogate without its other half in a JSON string"},
	{CodeControl, "a control character in a JSON string"},
	{CodeEscape, "an unknown escape sequence in a JSON string"},
	{CodeNumber, "a malformed JSON number"},
	{CodeDuplicateName, "a JSON object has two members of the same name"},
	{CodeDepth, "JSON nested too deeply"},
	{CodeValues, "too many JSON values"},
	{CodeMembers, "a JSON object has too many members"},
	{CodeItems, "a JSON array has too many elements"},
	{CodeString, "a JSON string is too long"},
	{CodeNumberLength, "a JSON number is too long"},
	{CodeNumberRange, "a JSON number is too great for a double (RFC 7493, section 2.2)"},
	{CodeSize, "the JSON text is too large"},
}
