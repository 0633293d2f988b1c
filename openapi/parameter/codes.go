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
	// faultEmpty: an object or array stands where none can be written.
	faultEmpty
)

// parameterCodes are the reason codes of parameters. What a schema says of a value
// keeps its word: "contract.range" becomes "contract.parameter_range".
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
	faultEmpty:     "contract.parameter_empty",
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
	faultEmpty:     "contract.form_empty",
}
