package gatehouse

import "time"

// An API is a set of operations served under one host and base path.
type API struct {
	Name     string
	Hosts    []string // lower case; "*.example.com" for one label, "*" for any
	BasePath string   // "/" or "/v1"; no trailing slash otherwise
	Version  string
	Owner    string
}

// Access says what an operation demands before anybody may call it.
type Access uint8

const (
	// AccessPolicy needs a policy that permits the call. It is the zero value, so
	// what nobody configured is denied.
	AccessPolicy Access = iota
	// AccessPublic is open to everybody, by the operator's word.
	AccessPublic
	// AccessContract needs somebody who permits the call: a policy, or the Control of
	// the API's contract, whose security requirement the caller meets. Where both
	// are silent it is denied.
	AccessContract
)

// String returns "policy", "public" or "contract".
func (a Access) String() string {
	switch a {
	case AccessPublic:
		return "public"
	case AccessContract:
		return "contract"
	}
	return "policy"
}

// An Operation is one method and path template of an API.
type Operation struct {
	API *API
	ID  string // unique within the API: "getOrder"
	// Method is the HTTP method, "*" for any.
	Method string
	// Path is the template below the API's base path: "/orders/{id}". A last
	// segment "{name...}" takes the rest.
	Path string
	// Endpoint is the bounded name used by metrics and limits:
	// "GET /v1/orders/{id}".
	Endpoint string
	Access   Access
	// Undocumented marks the API's catch-all: a path nobody declared.
	Undocumented bool

	// Scopes are needed all (403 insufficient_scope, RFC 6750 section 3.1).
	Scopes []string
	// ACR lists acceptable authentication contexts and MaxAge the greatest age of
	// the login (401 insufficient_user_authentication, RFC 9470).
	ACR    []string
	MaxAge time.Duration

	// Tags are free labels that policies and limits may name: "export", "login".
	Tags []string
	// At is where the operation was declared.
	At Position
}
