package document

import "github.com/gatehouse/gatehouse"

// Dialect says which schema language a document speaks.
type Dialect uint8

const (
	// OpenAPI30 is the Schema Object of OpenAPI 3.0: nullable, boolean
	// exclusiveMinimum, siblings of $ref ignored.
	OpenAPI30 Dialect = iota + 1
	// JSONSchema202012 is that of OpenAPI 3.1 and 3.2.
	JSONSchema202012
)

// A Document is a description of an API, read and its references resolved.
type Document struct {
	File    string // the entry document's URL
	Version string // "3.1.0", as written; of a converted one "2.0"
	Dialect Dialect
	Root    *Node
	// Resources are all files that belong to it, by URL; Resources[File] is Root. One
	// with a $self stands under both of its URLs.
	Resources map[string]*Node
	// Files are the names of these files as they were read, the entry first: what to
	// watch for changes.
	Files []string

	Title, Summary string
	APIVersion     string        // info.version
	Servers        []Server      // at least one, "/" where the document says nothing
	Security       []Requirement // nil where the document says nothing
	Schemes        map[string]*SecurityScheme
	Operations     []*Operation // in the document's order
	Webhooks       []string     // names, which are ignored

	// Warnings are what is strange and harms nothing: fields nobody knows, for example.
	Warnings []*gatehouse.Error

	problems *Problems
	ids      map[string]*Node // schemas by the URL of their $id
	anchors  map[string]*Node // by URL#name
}

// An Operation is one method of one path.
type Operation struct {
	Node        *Node
	Method      string // upper case: "GET", or a 3.2 additional operation's method
	Path        string // template below the server's base path
	ID          string // operationId, or "METHOD /path" where there is none
	Summary     string
	Tags        []string
	Parameters  []*Parameter // those of the path item included, overridden ones left out
	RequestBody *RequestBody // nil: none
	Responses   []*Response
	// Security is in force: the operation's, else the document's. nil: none said;
	// empty: the document says that there is none.
	Security   []Requirement
	Servers    []Server // in force, at least one
	Deprecated bool
}

// A Parameter is a parameter or, with In "", a header of an answer or a part.
type Parameter struct {
	Node            *Node
	Name            string
	In              string // path, query, header, cookie, querystring
	Required        bool
	Deprecated      bool
	AllowEmptyValue bool
	AllowReserved   bool
	Style           string // with the default filled in: simple, form, matrix, label, …
	Explode         bool   // with the default filled in
	Schema          *Node  // nil where Content is set
	Content         *Media // the one media type of content
}

// A RequestBody is what an operation takes.
type RequestBody struct {
	Node     *Node
	Required bool
	Content  []*Media
}

// A Media is one media type of a body, with its schema.
type Media struct {
	Node *Node
	// Type is the media range as written, in lower case with its parameters:
	// "application/json", "text/*", "multipart/form-data".
	Type       string
	Schema     *Node // nil: anything
	ItemSchema *Node // OpenAPI 3.2: each item of a sequential media type
	Encoding   map[string]*Encoding
}

// An Encoding says how one property of a form or multipart body is written.
type Encoding struct {
	Node          *Node
	ContentType   []string
	Headers       []*Parameter
	Style         string
	Explode       bool
	AllowReserved bool
	Set           bool // style, explode or allowReserved is given, so that contentType does not count
}

// A Response is one answer of an operation.
type Response struct {
	Node *Node
	// Status is "200", "4XX" or "default".
	Status  string
	Headers []*Parameter
	Content []*Media
}

// A Server is where an API is served. Variables are replaced by each value of their
// enum, or by their default; where that changes the base path there are several
// Servers.
type Server struct {
	URL      string   // as written
	Hosts    []string // lower case, with the port where one is written; none: relative to where the document is served
	BasePath string   // as in an escaped path, without a slash at its end: "/v1", "" for none
}

// A Requirement is met by all of its schemes together; a list of Requirements by
// any of them. An empty Requirement is met by nobody in particular: anonymous.
type Requirement []SchemeUse

// A SchemeUse names a security scheme, and the scopes or roles it needs.
type SchemeUse struct {
	Scheme string
	Scopes []string
}

// A SecurityScheme is how callers prove who they are.
type SecurityScheme struct {
	Node   *Node
	Name   string // its key
	Type   string // http, apiKey, oauth2, openIdConnect, mutualTLS
	Scheme string // of http: basic, bearer
	In     string // of apiKey: query, header, cookie
	Key    string // of apiKey: the parameter's name
	Scopes []string
}
