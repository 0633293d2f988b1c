package body

// The reason codes of bodies, besides "json.…" of package strictjson,
// "contract.form_…" of package parameter and what the schemas say.
const (
	CodeUnexpected     = "contract.body_unexpected"         // 400: a body where none is declared
	CodeMissing        = "contract.body_missing"            // 400: no body where one is required
	CodeContentType    = "contract.content_type"            // 415: missing or malformed
	CodeMediaType      = "contract.media_type"              // 415: not one of those declared
	CodeCharset        = "contract.charset"                 // 415: not UTF-8
	CodeCoding         = "contract.content_coding"          // 415: unknown, or too many
	CodeCodingInvalid  = "contract.content_coding_invalid"  // 400: the bytes are not what the coding says
	CodeDecompression  = "contract.decompression_limit"     // 413: a bomb
	CodeText           = "contract.text_encoding"           // 400: text that is no UTF-8
	CodeSequence       = "contract.sequence"                // 400: no sequence of this media type
	CodeSequenceItems  = "contract.sequence_items"          // 413: too many items
	CodeMultipart      = "contract.multipart_syntax"        // 400: not as RFC 2046 and 7578 have it
	CodeBoundary       = "contract.multipart_boundary"      // 400: no boundary, or one that is none
	CodeUnterminated   = "contract.multipart_unterminated"  // 400: no closing delimiter
	CodePartHeader     = "contract.multipart_header"        // 400: a part's header
	CodePartName       = "contract.multipart_name"          // 400: a part without a name, or with two
	CodeFilename       = "contract.multipart_filename"      // 400: a file name that is a path
	CodeNested         = "contract.multipart_nested"        // 400: a multipart in a part
	CodeParts          = "contract.multipart_parts"         // 413: too many parts
	CodePartRepeated   = "contract.multipart_repeated"      // 400: a name twice that is no array
	CodePartType       = "contract.multipart_content_type"  // 415: not what the part's encoding says
	CodePartValue      = "contract.multipart_value"         // 400: the text spells no value of the property's types
	CodeXML            = "contract.xml_syntax"              // 400: not well-formed
	CodeXMLDoctype     = "contract.xml_doctype"             // 400: a document type declaration
	CodeXMLEntity      = "contract.xml_entity"              // 400: an entity beyond the five of XML
	CodeXMLInstruction = "contract.xml_instruction"         // 400: a processing instruction
	CodeXMLDepth       = "contract.xml_depth"               // 413: nested too deeply
	CodeXMLSize        = "contract.xml_size"                // 413: too many elements and attributes
	CodeXMLDuplicate   = "contract.xml_duplicate_attribute" // 400: an attribute twice
	CodeXMLNamespace   = "contract.xml_namespace"           // 400: a prefix nobody declared, or not the schema's namespace
	CodeXMLElement     = "contract.xml_element"             // 400: an element or text where the schema has none
	CodeXMLValue       = "contract.xml_value"               // 400: the text spells no value of the types
)
