package document

import "sync"

// A shape says what may stand at a place of a document.
type shape struct {
	scalar Kind    // of a scalar; any scalar where anyScalar
	list   *shape  // of each item
	each   *shape  // of each member of a map with free names
	object *object // an object with fixed fields
	kind   special
}

type special uint8

const (
	plainShape special = iota
	anyValue           // whatever
	schemaAt           // a schema
	scalarAny          // a scalar of any kind
)

// An object is one kind of object of the OpenAPI Specification.
type object struct {
	name   string
	ref    bool // a Reference Object may stand in its place
	fields map[string]field
	// each is the shape of members that are no fields; accept tells which names
	// those may have; nil: any.
	each   *shape
	accept func(name string) bool
}

// A field is a fixed field. It is there from one minor version of OpenAPI 3 on.
type field struct {
	shape
	required bool
	from     uint8
}

func text() shape                  { return shape{scalar: String} }
func flag() shape                  { return shape{scalar: Bool} }
func anything() shape              { return shape{kind: anyValue} }
func schema() shape                { return shape{kind: schemaAt} }
func listOf(s shape) shape         { return shape{list: &s} }
func mapOf(s shape) shape          { return shape{each: &s} }
func obj(o *object) shape          { return shape{object: o} }
func opt(s shape) field            { return field{shape: s} }
func must(s shape) field           { return field{shape: s, required: true} }
func since(v uint8, s shape) field { return field{shape: s, from: v} }

// specification is the tables of OpenAPI 3.0 to 3.2.
type specification struct {
	root, pathItem, operation, parameter, header, requestBody, response, mediaType, encoding,
	example, link, callback, securityScheme, server object
}

// objects are the fixed fields of all objects, by OpenAPI 3.0.4, 3.1.1 and 3.2.0,
// section 4 ("Schema").
var objects = sync.OnceValue(func() *specification {
	s := &specification{}
	external := &object{name: "external documentation", fields: map[string]field{"description": opt(text()), "url": must(text())}}
	s.server = object{name: "server", fields: map[string]field{
		"url": must(text()), "description": opt(text()), "name": since(2, text()),
		"variables": opt(mapOf(obj(&object{name: "server variable", fields: map[string]field{
			"enum": opt(listOf(text())), "default": must(text()), "description": opt(text())}}))),
	}}
	servers := opt(listOf(obj(&s.server)))
	security := opt(listOf(mapOf(listOf(text()))))
	s.example = object{name: "example", ref: true, fields: map[string]field{
		"summary": opt(text()), "description": opt(text()), "value": opt(anything()), "externalValue": opt(text()),
		"dataValue": since(2, anything()), "serializedValue": since(2, text())}}
	examples := opt(mapOf(obj(&s.example)))
	content := mapOf(obj(&s.mediaType))
	headers := opt(mapOf(obj(&s.header)))
	s.encoding = object{name: "encoding", fields: map[string]field{
		"contentType": opt(text()), "headers": headers, "style": opt(text()), "explode": opt(flag()), "allowReserved": opt(flag()),
		"encoding": since(2, mapOf(obj(&s.encoding))), "prefixEncoding": since(2, listOf(obj(&s.encoding))), "itemEncoding": since(2, obj(&s.encoding))}}
	s.mediaType = object{name: "media type", fields: map[string]field{
		"schema": opt(schema()), "example": opt(anything()), "examples": examples, "encoding": opt(mapOf(obj(&s.encoding))),
		"itemSchema": since(2, schema()), "prefixEncoding": since(2, listOf(obj(&s.encoding))), "itemEncoding": since(2, obj(&s.encoding)),
		"description": since(2, text())}}
	s.header = object{name: "header", ref: true, fields: map[string]field{
		"description": opt(text()), "required": opt(flag()), "deprecated": opt(flag()), "allowEmptyValue": opt(flag()),
		"style": opt(text()), "explode": opt(flag()), "allowReserved": opt(flag()), "schema": opt(schema()),
		"example": opt(anything()), "examples": examples, "content": opt(content)}}
	s.parameter = object{name: "parameter", ref: true, fields: map[string]field{"name": must(text()), "in": must(text())}}
	for name, f := range s.header.fields {
		s.parameter.fields[name] = f
	}
	s.requestBody = object{name: "request body", ref: true, fields: map[string]field{
		"description": opt(text()), "content": must(content), "required": opt(flag())}}
	s.link = object{name: "link", ref: true, fields: map[string]field{
		"operationRef": opt(text()), "operationId": opt(text()), "parameters": opt(anything()), "requestBody": opt(anything()),
		"description": opt(text()), "server": opt(obj(&s.server))}}
	s.response = object{name: "response", ref: true, fields: map[string]field{
		"summary": since(2, text()), "description": opt(text()), "headers": headers, "content": opt(content), "links": opt(mapOf(obj(&s.link)))}}
	s.callback = object{name: "callback", ref: true, each: &shape{object: &s.pathItem}}
	parameters := opt(listOf(obj(&s.parameter)))
	responses := &object{name: "responses", each: &shape{object: &s.response}, accept: responseKey}
	s.operation = object{name: "operation", fields: map[string]field{
		"tags": opt(listOf(text())), "summary": opt(text()), "description": opt(text()), "externalDocs": opt(obj(external)),
		"operationId": opt(text()), "parameters": parameters, "requestBody": opt(obj(&s.requestBody)),
		"responses": opt(obj(responses)), "callbacks": opt(mapOf(obj(&s.callback))), "deprecated": opt(flag()),
		"security": security, "servers": servers}}
	s.pathItem = object{name: "path item", ref: true, fields: map[string]field{
		"summary": opt(text()), "description": opt(text()), "servers": servers, "parameters": parameters,
		"query": since(2, obj(&s.operation)), "additionalOperations": since(2, mapOf(obj(&s.operation)))}}
	for _, m := range fixedMethods {
		s.pathItem.fields[m] = opt(obj(&s.operation))
	}
	flow := func(required ...string) field {
		o := &object{name: "oauth flow", fields: map[string]field{
			"authorizationUrl": opt(text()), "tokenUrl": opt(text()), "deviceAuthorizationUrl": since(2, text()), "refreshUrl": opt(text()),
			"scopes": must(mapOf(text()))}}
		for _, r := range required {
			o.fields[r] = must(text())
		}
		return opt(obj(o))
	}
	device := flow("deviceAuthorizationUrl", "tokenUrl")
	device.from = 2
	s.securityScheme = object{name: "security scheme", ref: true, fields: map[string]field{
		"type": must(text()), "description": opt(text()), "name": opt(text()), "in": opt(text()), "scheme": opt(text()),
		"bearerFormat": opt(text()), "openIdConnectUrl": opt(text()), "oauth2MetadataUrl": since(2, text()), "deprecated": since(2, flag()),
		"flows": opt(obj(&object{name: "oauth flows", fields: map[string]field{
			"implicit": flow("authorizationUrl"), "password": flow("tokenUrl"), "clientCredentials": flow("tokenUrl"),
			"authorizationCode": flow("authorizationUrl", "tokenUrl"), "deviceAuthorization": device}}))}}
	s.root = s.document(servers, security, external)
	return s
})

// document is the outermost object.
func (s *specification) document(servers, security field, external *object) object {
	info := &object{name: "info", fields: map[string]field{
		"title": must(text()), "version": must(text()), "summary": since(1, text()), "description": opt(text()), "termsOfService": opt(text()),
		"contact": opt(obj(&object{name: "contact", fields: map[string]field{"name": opt(text()), "url": opt(text()), "email": opt(text())}})),
		"license": opt(obj(&object{name: "license", fields: map[string]field{"name": must(text()), "url": opt(text()), "identifier": since(1, text())}}))}}
	tag := &object{name: "tag", fields: map[string]field{"name": must(text()), "description": opt(text()), "externalDocs": opt(obj(external)),
		"summary": since(2, text()), "parent": since(2, text()), "kind": since(2, text())}}
	components := &object{name: "components", fields: map[string]field{
		"schemas": opt(mapOf(schema())), "responses": opt(mapOf(obj(&s.response))), "parameters": opt(mapOf(obj(&s.parameter))),
		"examples": opt(mapOf(obj(&s.example))), "requestBodies": opt(mapOf(obj(&s.requestBody))), "headers": opt(mapOf(obj(&s.header))),
		"securitySchemes": opt(mapOf(obj(&s.securityScheme))), "links": opt(mapOf(obj(&s.link))), "callbacks": opt(mapOf(obj(&s.callback))),
		"pathItems": since(1, mapOf(obj(&s.pathItem))), "mediaTypes": since(2, mapOf(obj(&s.mediaType)))}}
	paths := &object{name: "paths", each: &shape{object: &s.pathItem}}
	return object{name: "document", fields: map[string]field{
		"openapi": must(text()), "$self": since(2, text()), "info": must(obj(info)), "jsonSchemaDialect": since(1, text()),
		"servers": servers, "paths": opt(obj(paths)), "webhooks": since(1, mapOf(obj(&s.pathItem))),
		"components": opt(obj(components)), "security": security, "tags": opt(listOf(obj(tag))), "externalDocs": opt(obj(external))}}
}

// fixedMethods are the methods with a field of their own in a path item, by all
// versions.
var fixedMethods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// responseKey tells names of responses: "200", "4XX", "default".
func responseKey(name string) bool {
	if name == "default" {
		return true
	}
	if len(name) != 3 || name[0] < '1' || name[0] > '5' {
		return false
	}
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	return digit(name[1]) && digit(name[2]) || name[1:] == "XX"
}
