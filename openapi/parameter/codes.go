package parameter

// A fault is what is wrong with the spelling of a value, before its schema is asked.
type fault uint8

const (
	fine fault = iota
	// faultType: the text spells no value of the types the schema takes.
	faultType
	// faultEncoding: an escape is broken, or what it hides is NUL or no UTF-8.
	faultEncoding
	// faultSyntax: the text is not what the style makes of an array or object.
	faultSyntax
	// faultRepeated: what has one value has two, or one name has two spellings.
	faultRepeated
	// faultMember: an object has a member twice.
	faultMember
	// faultSeparator: a raw ";", which some readers take for "&".
	faultSeparator
	// faultAmbiguous: a name that some readers take for a declared one: "a[]", "A".
	faultAmbiguous
	// faultCount: more names than the limit.
	faultCount
	// faultJSON: the content is not strict JSON.
	faultJSON
	// faultMissing: a required parameter is not there.
	faultMissing
	// faultUnknown: nothing declares the name.
	faultUnknown
)

// codeInvalid stands for what a schema found where the report had no room to say it.
const codeInvalid = "contract.parameter_invalid"

// Codes are the codes of parameters with what each says. What a schema says of a
// value keeps its word: "contract.range" becomes "contract.parameter_range".
var Codes = []struct{ Code, Means string }{
	{"contract.parameter_missing", "a required parameter is not there"},
	{"contract.parameter_type", "the text spells no value of the types that the schema takes"},
	{"contract.parameter_encoding", "an escape is broken, or what it stands for is NUL or no UTF-8"},
	{"contract.parameter_syntax", "the text is not what the style makes of an array or object"},
	{"contract.parameter_repeated", "what has one value is given twice"},
	{"contract.parameter_member_repeated", "an object has a member twice"},
	{"contract.parameter_separator", "a raw semicolon, which some readers take for an ampersand"},
	{"contract.parameter_ambiguous", "a name that some readers take for a declared one: another case, brackets, white space, an underscore"},
	{"contract.parameter_count", "more parameters than the limit"},
	{"contract.parameter_json", "the content is not strict JSON; the keyword says why"},
	{"contract.parameter_unknown", "nothing declares the parameter"},
	{codeInvalid, "the schema refuses the value"},
	{"contract.form_type", "a form's field spells no value of the types that the schema takes"},
	{"contract.form_encoding", "a form's field has a broken escape, or one for NUL or no UTF-8"},
	{"contract.form_syntax", "a form's field is not what its style makes of an array or object"},
	{"contract.form_repeated", "a form's field stands twice and is no array"},
	{"contract.form_member_repeated", "an object in a form has a member twice"},
	{"contract.form_separator", "a raw semicolon in a form, which some readers take for an ampersand"},
	{"contract.form_ambiguous", "a form's field that some readers take for a declared one: \"tags[]\""},
	{"contract.form_count", "more fields than the limit"},
	{"contract.form_json", "a form's field is not strict JSON; the keyword says why"},
}

// parameterCodes are the reason codes of parameters.
var parameterCodes = [...]string{
	faultType:      "contract.parameter_type",
	faultEncoding:  "contract.parameter_encoding",
	faultSyntax:    "contract.parameter_syntax",
	faultRepeated:  "contract.parameter_repeated",
	faultMember:    "contract.parameter_member_repeated",
	faultSeparator: "contract.parameter_separator",
	faultAmbiguous: "contract.parameter_ambiguous",
	faultCount:     "contract.parameter_count",
	faultJSON:      "contract.parameter_json",
	faultMissing:   "contract.parameter_missing",
	faultUnknown:   "contract.parameter_unknown",
}

// formCodes are the same of the fields of a form.
var formCodes = [...]string{
	faultType:      "contract.form_type",
	faultEncoding:  "contract.form_encoding",
	faultSyntax:    "contract.form_syntax",
	faultRepeated:  "contract.form_repeated",
	faultMember:    "contract.form_member_repeated",
	faultSeparator: "contract.form_separator",
	faultAmbiguous: "contract.form_ambiguous",
	faultCount:     "contract.form_count",
	faultJSON:      "contract.form_json",
	faultMissing:   "contract.required",
	faultUnknown:   "contract.unknown_property",
}
