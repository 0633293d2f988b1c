package config

import "time"

// CORS is an allow-list for cross-origin calls (Fetch standard).
type CORS struct {
	Origins     []string      `yaml:"origins" jsonschema:"required" jsonschema_description:"Origins allowed: https://app.example.com. * for any, without credentials."`
	Methods     []string      `yaml:"methods" jsonschema_description:"Methods allowed. Default: GET, HEAD, POST."`
	Headers     []string      `yaml:"headers" jsonschema_description:"Request fields allowed."`
	Expose      []string      `yaml:"expose" jsonschema_description:"Response fields scripts may read."`
	Credentials bool          `yaml:"credentials" jsonschema_description:"Whether cookies and authorization may be sent along."`
	MaxAge      time.Duration `yaml:"max_age" jsonschema_description:"How long a browser remembers the preflight's answer."`
}

// CSRF demands a matching Origin or Sec-Fetch-Site of unsafe calls that carry
// one of the cookies.
type CSRF struct {
	Cookies []string `yaml:"cookies" jsonschema:"required" jsonschema_description:"Cookies that authenticate."`
	Origins []string `yaml:"origins" jsonschema_description:"Other origins allowed to call; the API's own always is."`
}

// SecurityHeaders are fields set on every answer of an API. What is empty is
// not set.
type SecurityHeaders struct {
	CSP            string `yaml:"csp" jsonschema_description:"Content-Security-Policy."`
	HSTS           string `yaml:"hsts" jsonschema_description:"Strict-Transport-Security, on HTTPS only (RFC 6797)."`
	NoSniff        bool   `yaml:"nosniff" jsonschema_description:"X-Content-Type-Options: nosniff."`
	FrameAncestors string `yaml:"frame_ancestors" jsonschema_description:"The frame-ancestors directive of the Content-Security-Policy."`
	ReferrerPolicy string `yaml:"referrer_policy" jsonschema:"enum=no-referrer,enum=no-referrer-when-downgrade,enum=origin,enum=origin-when-cross-origin,enum=same-origin,enum=strict-origin,enum=strict-origin-when-cross-origin,enum=unsafe-url" jsonschema_description:"Referrer-Policy."`
}

// Headers change the fields of requests to the upstream and of its answers.
type Headers struct {
	Request  HeaderEdits `yaml:"request" jsonschema_description:"Fields of the request, on their way to the upstream."`
	Response HeaderEdits `yaml:"response" jsonschema_description:"Fields of the answer, on their way to the client."`
}

// HeaderEdits remove fields first, then set, then add. Values may hold the
// variables of KnownVariables: {request.id}.
type HeaderEdits struct {
	Set    map[string]string `yaml:"set" jsonschema_description:"Fields set, replacing what was there."`
	Add    map[string]string `yaml:"add" jsonschema_description:"Fields added to what is there."`
	Remove []string          `yaml:"remove" jsonschema_description:"Fields removed."`
}
