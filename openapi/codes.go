package openapi

import (
	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/filter"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Names of the controls.
const (
	LifecycleName = "openapi.lifecycle"
	SecurityName  = "openapi.security"
	RequestName   = "openapi.request"
	ResponseName  = "openapi.response"
)

// Codes of the contract's own verdicts. What a schema, a parameter or a body breaks
// has codes of its own: see [Codes].
const (
	CodeView       = "contract.view"
	CodeCredential = "contract.credential"
	CodeScheme     = "contract.security_scheme"
	CodeScope      = "token.insufficient_scope"
	CodeGranted    = "contract.granted"
	CodeSunset     = "contract.sunset"

	CodeReported            = "contract.reported"
	CodeContentTypeRepeated = "contract.content_type_repeated"

	CodeAnswerStatus      = "contract.answer_status"
	CodeAnswerContentType = "contract.answer_content_type"
	CodeAnswerHeader      = "contract.answer_header"
	CodeAnswerBody        = "contract.answer_body"
	CodeAnswerUnexpected  = "contract.answer_unexpected_body"
	CodeAnswerLength      = "contract.answer_length"
	CodeAnswerCoding      = "contract.answer_coding"
	CodeAnswerPartial     = "contract.answer_partial"
)

// parameterCodes are those of package parameter. What a schema says of a value is
// "contract.parameter_" and the schema's word. Fields of forms have the same with
// "form_".
var parameterCodes = []Code{
	{"contract.parameter_type", "the text spells no value of the types the schema takes"},
	{"contract.parameter_encoding", "an escape is broken, or hides what is not UTF-8"},
	{"contract.parameter_syntax", "the text is not what the style makes of an array or object"},
	{"contract.parameter_repeated", "what has one value has two, or one name has two spellings"},
	{"contract.parameter_member_repeated", "an object has a member twice"},
	{"contract.parameter_separator", "a raw semicolon, which some readers take for an ampersand"},
	{"contract.parameter_ambiguous", "a name that some readers take for a declared one"},
	{"contract.parameter_count", "more names than the limit"},
	{"contract.parameter_json", "the content is not strict JSON"},
	{"contract.parameter_missing", "a required parameter is not there"},
	{"contract.parameter_unknown", "nothing declares the name"},
	{"contract.parameter_empty", "an object or array where none can be written"},
	{"contract.parameter_invalid", "the value breaks its schema"},
}

// bodyCodes are those of packages body and filter.
var bodyCodes = []Code{
	{body.CodeUnexpected, "a body where none is declared"},
	{body.CodeMissing, "no body where one is required"},
	{body.CodeContentType, "the Content-Type is missing or malformed (415)"},
	{body.CodeMediaType, "the media type is not one of those declared (415)"},
	{body.CodeCharset, "the charset is not UTF-8 (415)"},
	{body.CodeCoding, "an unknown content coding, or too many (415)"},
	{body.CodeCodingInvalid, "the bytes are not what the content coding says"},
	{body.CodeDecompression, "the body grows beyond the limit when its coding is undone (413)"},
	{body.CodeText, "text that is not UTF-8"},
	{body.CodeSequence, "no sequence of this media type"},
	{body.CodeSequenceItems, "too many items (413)"},
	{body.CodeMultipart, "a multipart body that is not as RFC 2046 and RFC 7578 have it"},
	{body.CodeBoundary, "a multipart body without a valid boundary"},
	{body.CodeUnterminated, "a multipart body without its closing delimiter"},
	{body.CodePartHeader, "a malformed header of a part"},
	{body.CodePartName, "a part without a name, or with two"},
	{body.CodeFilename, "a file name that is a path"},
	{body.CodeNested, "a multipart in a part"},
	{body.CodeParts, "too many parts (413)"},
	{body.CodePartRepeated, "a part's name twice that is no array"},
	{body.CodePartType, "a part of another media type than its encoding says (415)"},
	{body.CodePartValue, "a part that spells no value of the property's types"},
	{body.CodeXML, "XML that is not well-formed"},
	{body.CodeXMLDoctype, "XML with a document type declaration"},
	{body.CodeXMLEntity, "XML with an entity beyond the five it defines"},
	{body.CodeXMLInstruction, "XML with a processing instruction"},
	{body.CodeXMLDepth, "XML nested too deeply (413)"},
	{body.CodeXMLSize, "too many XML elements and attributes (413)"},
	{body.CodeXMLDuplicate, "an XML attribute twice"},
	{body.CodeXMLNamespace, "an XML prefix nobody declared, or another namespace"},
	{body.CodeXMLElement, "an XML element or text where the schema has none"},
	{body.CodeXMLValue, "XML text that spells no value of the types"},
	{filter.CodeFiltered, "the answer was cut or masked"},
	{filter.CodeUndeclared, "a property nobody declared was removed from an answer"},
	{filter.CodeWriteOnly, "a writeOnly property was removed from an answer"},
	{filter.CodeMasked, "a value of an answer was masked"},
	{filter.CodeUnsettled, "the answer breaks its schema however often it is cut"},
	{filter.CodeSelection, "the parameter that selects properties is malformed"},
}

// A Code is a reason code with its meaning.
type Code struct{ Code, Means string }

// Codes lists every code that a contract gives as a reason or a detail.
func Codes() []Code {
	out := []Code{
		{CodeView, "the caller's view does not hold the operation (404)"},
		{CodeCredential, "the security requirement asks for a credential (401)"},
		{CodeScheme, "the caller was identified in another way than the security requirement asks for (403)"},
		{CodeScope, "the credential lacks a scope or role of the security requirement (403)"},
		{CodeGranted, "the security requirement is met, and access lets that suffice"},
		{CodeSunset, "the operation is gone (410)"},
		{CodeContentTypeRepeated, "the message has several Content-Type fields (415)"},
		{CodeReported, "something undeclared was passed on, or taken out"},
		{CodeAnswerStatus, "the document has no answer of this status"},
		{CodeAnswerContentType, "the document has no answer of this media type"},
		{CodeAnswerHeader, "a header field of the answer is missing or breaks its schema"},
		{CodeAnswerBody, "the body of the answer breaks its schema"},
		{CodeAnswerUnexpected, "a body where the document promises none"},
		{CodeAnswerLength, "the answer is too large to be judged"},
		{CodeAnswerCoding, "the answer has a content coding that was not asked for"},
		{CodeAnswerPartial, "a part of an answer (206), which cannot be judged"},
	}
	out = append(out, parameterCodes...)
	out = append(out, bodyCodes...)
	for _, c := range schema.Codes {
		out = append(out, Code{c.Code, c.Means})
	}
	for _, c := range strictjson.Codes {
		out = append(out, Code{c.Code, c.Message})
	}
	return out
}
