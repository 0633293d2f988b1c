// Package body reads request and answer bodies by their media type and judges them by
// the schemas of an OpenAPI document.
//
//	application/json, +json       package strictjson, RFC 8259 without a second reading
//	application/x-www-form-…      package parameter, with the encoding's styles
//	multipart/form-data           RFC 7578, each part by its encoding and property
//	application/xml, text/xml     XML 1.0 without document types and entities
//	application/x-ndjson, jsonl   an item a line
//	application/json-seq          RFC 7464
//	text/event-stream             an object per event: data, event, id, retry
//	text/*                        a string, or what it spells
//	everything else               bytes, of which minLength and maxLength count
//
// The most particular declared range that the Content-Type falls into decides: one
// with parameters, then the exact type, then "type/*", then "*/*". Text is UTF-8 or
// it is refused.
//
// Content codings are undone for the reading (package coding), within bounds on the size and
// on its ratio; the bytes themselves are never changed, so what was judged goes on.
//
// Where readers are known to differ, the stricter reading is the only one: two
// members of one name, a preamble of a multipart body, a second gzip member, a
// comment within XML text are refused, each with its own code.
package body
