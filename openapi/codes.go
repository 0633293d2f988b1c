package openapi

import (
	"fmt"

	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/filter"
	"github.com/gatehouse/gatehouse/openapi/parameter"
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
	CodeAnswerUnjudged    = "contract.answer_unjudged"
	CodeAnswerUnmasked    = "contract.answer_unmasked"
)

// filterCodes are those of package filter.
var filterCodes = []Code{
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
		{CodeAnswerUnjudged, "in monitor: a part of an answer, or a coded one, which enforce would not have asked for"},
		{CodeAnswerUnmasked, "an answer of a media type that cannot be masked, for a caller who may not see all of it"},
		{CodeAnswerPartial, "a part of an answer (206), which cannot be judged"},
	}
	out = append(out, filterCodes...)
	for _, c := range parameter.Codes {
		out = append(out, Code{c.Code, c.Means})
	}
	for _, c := range body.Codes {
		out = append(out, Code{c.Code, fmt.Sprintf("%s (%d)", c.Means, c.Status)})
	}
	for _, c := range schema.Codes {
		out = append(out, Code{c.Code, c.Means})
	}
	for _, c := range strictjson.Codes {
		out = append(out, Code{c.Code, c.Message})
	}
	return out
}
