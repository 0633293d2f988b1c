// Package policy decides by Cedar policies (https://docs.cedarpolicy.com) who
// may call which operation, and answers who can access what.
//
// [Compile] reads the policy files, checks every policy against a schema it
// generates from the configured operations, reports all problems of all files at
// once with line and column, and returns an immutable [Set]. [Set.Control] judges
// an exchange; [Set.WhoCan] and [Set.WhatCan] review access.
//
// # What it promises
//
//   - Deny by default: without a matching permit nothing is permitted, save
//     operations the operator declared public.
//   - A matching forbid beats every permit, and the operator's "public" too.
//   - An error denies: a permit that errs counts as no permit, and a forbid that
//     errs denies, where plain Cedar would skip it.
//   - The same answer as Cedar's own algorithm over all policies, whatever the
//     index leaves out; a property test compares the two.
//
// # Writing policies
//
// Names stand without a namespace. A permit, and a forbid that beats it:
//
//	@id("support reads orders")
//	permit (
//	  principal in Role::"support",
//	  action in Action::"read",
//	  resource in API::"shop"
//	);
//
//	@id("nothing risky")
//	forbid (principal, action, resource) when { context.risk >= 80 };
//
// Owners, by a path parameter:
//
//	permit (principal is User, action == Action::"shop.getProfile", resource)
//	when { resource.params.user_id == principal.subject };
//
// # The schema
//
// [Set.Schema] prints it for editors and for the cedar command. For an API "shop"
// with the operations getOrder (GET /orders/{id}, tag export) and login, and the
// claims department and level:
//
//	type Claims = { department?: String, level?: Long };
//
//	type Context = {
//	  acr?: String,      // how the user signed in (RFC 9470); absent: unknown
//	  auth_age?: Long,   // seconds since she did; absent: unknown
//	  host: String,      // host asked for, without port
//	  hour: Long,        // 0 to 23, in Config.TimeZone
//	  ip: ipaddr,        // the client's address
//	  method: String,    // HTTP method
//	  mtls: Bool,        // the client showed a verified certificate
//	  now: datetime,     // when the request arrived
//	  path: String,      // canonical path, escaped as it goes to the upstream
//	  risk: Long,        // 0 (none known) to 100
//	  tls: Bool,         // the connection is encrypted
//	  weekday: Long,     // 1 Monday to 7 Sunday, in Config.TimeZone (ISO 8601)
//	};
//
//	entity Role in [Role];
//
//	entity User, Client, Workload in [Role] = {
//	  subject: String,   // "sub"; unique within the issuer
//	  issuer: String,    // "" for API keys and certificates
//	  client_id: String, // OAuth client, owner of the API key, workload; or ""
//	  method: String,    // jwt, introspection, api_key, mtls
//	  roles: Set<String>,
//	  scopes: Set<String>,
//	  tier: String,
//	  sender_bound: Bool, // the token is bound to a key the caller proved to hold
//	  claims: Claims,
//	};
//
//	entity Anonymous = {  // as above, without subject, issuer and client_id
//	  method: String, roles: Set<String>, scopes: Set<String>, tier: String,
//	  sender_bound: Bool, claims: Claims,
//	};
//
//	entity API;
//	entity Params = { id?: String };  // decoded path parameters
//
//	entity Operation in [API] = {
//	  api: String,       // "shop"
//	  operation: String, // "getOrder"
//	  endpoint: String,  // "GET /orders/{id}"
//	  method: String,    // as declared, "*" for any
//	  path: String,      // the template
//	  tags: Set<String>,
//	  undocumented: Bool, // the API's catch-all
//	  access: String,    // "policy", "public" or "contract"
//	  params: Params,
//	};
//
//	action "read", "write";  // safe methods (RFC 9110, section 9.2.1), all others
//	action "tag:export";     // one for each tag
//	action "shop.getOrder" in ["read", "tag:export"] appliesTo {
//	  principal: [User, Client, Workload, Anonymous], resource: [Operation],
//	  context: Context,
//	};
//	action "shop.login" in ["write"] appliesTo { … };
//
// The resource of a request is Operation::"shop.getOrder", in API::"shop".
//
// A request by a JWT or an introspected token is a User where the subject is not
// the client itself, else a Client, as is every API key; a client certificate
// makes a Workload; no credential makes Anonymous. Roles come from the credential
// and from the entities file, which also builds the hierarchy of roles.
//
// A User is called by her subject where exactly one issuer is configured. With
// several, two issuers may give one subject to different people, so the name is
// User::"https://id.example.com|alice", and a bare one is an error at load; a
// Client of a token likewise. Clients by API key and Workloads are always bare.
//
// An operation of any method ("*") is in "read" when called with a safe method
// and in "write" otherwise.
//
// # Checking
//
// Validation is Cedar's strict mode, with one kindness: where every operation in
// a policy's scope has a path parameter, resource.params.id needs no
// "resource.params has id" before it. Optional attributes of the context and
// claims do. A claim is there only if its value has the declared type; a forbid
// that reads a claim whose value has another type denies.
package policy
