// Package document reads OpenAPI documents into a thin tree that knows where each
// line stands: OpenAPI 3.0.x, 3.1.x and 3.2.x in YAML 1.2 or JSON, split over files
// by $ref, and Swagger 2.0 by conversion. Every problem is reported with file, line
// and column, all of them at once.
//
// References lead only where the [Source] allows: to files below listed folders,
// and to listed URLs. Cycles are fine, loops of nothing but references are not.
//
// YAML is read by the core schema of YAML 1.2: yes, on, 010 and dates are no
// booleans, octals and timestamps. Keys that are no strings (200:) become their
// text. Of YAML 1.1 the merge key << is kept. Aliases are copied where they stand,
// up to [Limits].Aliased values. A key that stands twice is an error, as is a second
// document in the file.
//
// Swagger 2.0 is converted in the tree, so that everything keeps its place: a
// collectionFormat that is not given is csv, and consumes and produces are those of
// the operation or else of the document. Its references into other files may lead to
// schemas only.
//
// A JSON document of n MB takes about 10 n MB to load and 5 n MB while it is held
// (GitHub's of 13 MB: 0.4 s, 69 MB), one in YAML about three times the time.
//
// Codes of problems, errors unless said otherwise:
//
//	contract.document_unreadable           a file or URL cannot be read
//	contract.document_not_allowed          a reference leads where the Source does not allow
//	contract.document_size                 bytes, values, files or aliases beyond the Limits
//	contract.document_depth                nested too deeply
//	contract.document_encoding             not UTF-8
//	contract.document_empty                no value at all
//	contract.document_many                 more than one YAML document
//	contract.document_syntax               neither YAML nor JSON
//	contract.document_number               a number that JSON does not have
//	contract.document_duplicate_key        a key stands twice
//	contract.document_cycle                a reference, alias or schema that leads to itself only
//	contract.document_version              an unknown version of OpenAPI or of its schemas
//	contract.document_type                 a value of the wrong kind
//	contract.document_missing              a required field is missing
//	contract.document_field                a warning: nobody knows the field, or it is ignored
//	contract.document_reference            a reference leads nowhere
//	contract.document_duplicate_id         a $id stands twice
//	contract.document_path                 a path that is no template
//	contract.document_duplicate_path       two templates are the same path: a warning, an
//	                                       error where one method stands in both
//	contract.document_path_parameter       the path and its parameters do not fit
//	contract.document_parameter            a parameter or header is not as it must be
//	contract.document_duplicate_parameter  a parameter stands twice
//	contract.document_style                a style that is not for this place
//	contract.document_duplicate_operation  an operationId stands twice
//	contract.document_method               no name of an additional operation
//	contract.document_status               no key of responses
//	contract.document_media_type           no media type, or it stands twice
//	contract.document_url                  no URL of a server, or of $self
//	contract.document_security             no security scheme; an unknown scope is a warning
package document
