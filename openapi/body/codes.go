package body

// The reason codes of bodies, besides "json.…" of package strictjson,
// "contract.form_…" of package parameter and what the schemas say.
const (
	CodeUnexpected     = "contract.body_unexpected"
	CodeMissing        = "contract.body_missing"
	CodeContentType    = "contract.content_type"
	CodeMediaType      = "contract.media_type"
	CodeCharset        = "contract.charset"
	CodeCoding         = "contract.content_coding"
	CodeCodingInvalid  = "contract.content_coding_invalid"
	CodeDecompression  = "contract.decompression_limit"
	CodeText           = "contract.text_encoding"
	CodeSequence       = "contract.sequence"
	CodeSequenceItems  = "contract.sequence_items"
	CodeMultipart      = "contract.multipart_syntax"
	CodeBoundary       = "contract.multipart_boundary"
	CodeUnterminated   = "contract.multipart_unterminated"
	CodePartHeader     = "contract.multipart_header"
	CodePartName       = "contract.multipart_name"
	CodeFilename       = "contract.multipart_filename"
	CodeNested         = "contract.multipart_nested"
	CodeParts          = "contract.multipart_parts"
	CodePartRepeated   = "contract.multipart_repeated"
	CodePartType       = "contract.multipart_content_type"
	CodePartValue      = "contract.multipart_value"
	CodeXML            = "contract.xml_syntax"
	CodeXMLDoctype     = "contract.xml_doctype"
	CodeXMLEntity      = "contract.xml_entity"
	CodeXMLInstruction = "contract.xml_instruction"
	CodeXMLDepth       = "contract.xml_depth"
	CodeXMLSize        = "contract.xml_size"
	CodeXMLDuplicate   = "contract.xml_duplicate_attribute"
	CodeXMLNamespace   = "contract.xml_namespace"
	CodeXMLElement     = "contract.xml_element"
	CodeXMLValue       = "contract.xml_value"
)

// Codes are the codes above with the status and meaning of each.
var Codes = []struct {
	Code   string
	Status int
	Means  string
}{
	{CodeUnexpected, 400, "a body where none is declared"},
	{CodeMissing, 400, "no body where one is required"},
	{CodeContentType, 415, "missing or malformed"},
	{CodeMediaType, 415, "not one of those declared"},
	{CodeCharset, 415, "not UTF-8"},
	{CodeCoding, 415, "unknown, or too many"},
	{CodeCodingInvalid, 400, "the bytes are not what the coding says"},
	{CodeDecompression, 413, "a bomb"},
	{CodeText, 400, "text that is no UTF-8"},
	{CodeSequence, 400, "no sequence of this media type"},
	{CodeSequenceItems, 413, "too many items"},
	{CodeMultipart, 400, "not as RFC 2046 and 7578 have it"},
	{CodeBoundary, 400, "no boundary, or one that is none"},
	{CodeUnterminated, 400, "no closing delimiter"},
	{CodePartHeader, 400, "a part's header"},
	{CodePartName, 400, "a part without a name, or with two"},
	{CodeFilename, 400, "a file name that is a path"},
	{CodeNested, 400, "a multipart in a part"},
	{CodeParts, 413, "too many parts"},
	{CodePartRepeated, 400, "a name twice that is no array"},
	{CodePartType, 415, "not what the part's encoding says"},
	{CodePartValue, 400, "the text spells no value of the property's types"},
	{CodeXML, 400, "not well-formed"},
	{CodeXMLDoctype, 400, "a document type declaration"},
	{CodeXMLEntity, 400, "an entity beyond the five of XML"},
	{CodeXMLInstruction, 400, "a processing instruction"},
	{CodeXMLDepth, 413, "nested too deeply"},
	{CodeXMLSize, 413, "too many elements and attributes"},
	{CodeXMLDuplicate, 400, "an attribute twice"},
	{CodeXMLNamespace, 400, "a prefix nobody declared, or not the schema's namespace"},
	{CodeXMLElement, 400, "an element or text where the schema has none"},
	{CodeXMLValue, 400, "the text spells no value of the types"},
}
