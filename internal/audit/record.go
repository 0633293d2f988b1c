package audit

import (
	"encoding/json"
	"time"
)

// A Record is one line of the decision log: what was asked, by whom, what every
// control said, and what came of it. Absent members are zero. Durations are whole
// nanoseconds.
type Record struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"` // when the request's head had been read; of a gap, when it ended
	// Gap is set, and everything else but Time is not, where decisions were lost.
	Gap *Gap `json:"gap,omitempty"`

	Config      string `json:"config,omitempty"` // hash of the configuration that judged
	Listener    string `json:"listener,omitempty"`
	Peer        string `json:"peer,omitempty"`  // the client's address
	Proxy       string `json:"proxy,omitempty"` // the trusted proxy that vouched for it
	Fingerprint string `json:"fingerprint,omitempty"`
	Proto       string `json:"proto,omitempty"`
	Host        string `json:"host,omitempty"`
	Method      string `json:"method,omitempty"`

	API       string   `json:"api,omitempty"`
	Operation string   `json:"operation,omitempty"`
	Endpoint  string   `json:"endpoint,omitempty"`
	Path      string   `json:"path,omitempty"`  // masked
	Query     []string `json:"query,omitempty"` // names of the parameters, never values

	Status int    `json:"status,omitempty"`
	Result string `json:"result"`       // answered, local, blocked, refused, failed
	By     string `json:"by,omitempty"` // the control or step that ended it
	Reason Reason `json:"reason,omitzero"`

	Principal  *Principal `json:"principal,omitempty"` // nil where it ended before identify
	Risk       int        `json:"risk,omitempty"`
	Judgments  []Judgment `json:"judgments,omitempty"`
	Omitted    int        `json:"judgments_omitted,omitempty"` // judgments beyond those kept
	WouldBlock bool       `json:"would_block,omitempty"`

	Upstream *Upstream `json:"upstream,omitempty"`
	BytesIn  int64     `json:"bytes_in,omitempty"`  // of the request's body
	BytesOut int64     `json:"bytes_out,omitempty"` // of the answer's body

	Total   time.Duration `json:"total_ns,omitempty"`
	Gateway time.Duration `json:"gateway_ns,omitempty"`
	Aborted bool          `json:"aborted,omitempty"` // the answer broke off
	Late    Reason        `json:"late,omitzero"`     // why it did

	Trace string `json:"trace,omitempty"` // W3C trace id, hex
	Span  string `json:"span,omitempty"`
}

// A Gap stands where decisions could not be recorded.
type Gap struct {
	Lost   int64     `json:"lost"`
	Since  time.Time `json:"since"` // start of the first exchange that was lost
	Reason string    `json:"reason"`
}

// A Reason is a gatehouse.Reason as recorded. At is "file:line:column".
type Reason struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	Hint    string `json:"hint,omitempty"`
	At      string `json:"at,omitempty"`
}

// A Principal is who called. Token is the beginning of the SHA-256 of the token's
// id, in hex.
type Principal struct {
	Method  string `json:"method"`
	Subject string `json:"subject,omitempty"`
	Client  string `json:"client,omitempty"`
	Issuer  string `json:"issuer,omitempty"`
	Tier    string `json:"tier,omitempty"`
	Token   string `json:"token,omitempty"`
	Bound   bool   `json:"bound,omitempty"` // the caller proved possession of the token's key
}

// A Judgment is what one control said.
type Judgment struct {
	Control    string        `json:"control"`
	Step       string        `json:"step"`
	Mode       string        `json:"mode"`
	Outcome    string        `json:"outcome"`
	Status     int           `json:"status,omitempty"`
	Code       string        `json:"code,omitempty"`
	Message    string        `json:"message,omitempty"`
	Hint       string        `json:"hint,omitempty"`
	At         string        `json:"at,omitempty"`
	Details    []Detail      `json:"details,omitempty"` // places in the message
	Edits      []string      `json:"edits,omitempty"`   // what it asked to change towards the upstream: "query", "-Range", "Accept-Encoding"
	Took       time.Duration `json:"took_ns,omitempty"`
	WouldBlock bool          `json:"would_block,omitempty"`
}

// A Detail is one place of a message that broke a rule.
type Detail struct {
	Code      string `json:"code"`
	Parameter string `json:"parameter,omitempty"` // "query:limit"
	Pointer   string `json:"pointer,omitempty"`   // JSON pointer
	Message   string `json:"message,omitempty"`
	At        string `json:"at,omitempty"`
}

// Upstream tells how forwarding went.
type Upstream struct {
	Name     string        `json:"name"`
	Addr     string        `json:"addr,omitempty"`
	Attempts int           `json:"attempts,omitempty"`
	Took     time.Duration `json:"took_ns,omitempty"`
	Status   int           `json:"status,omitempty"`
	Error    string        `json:"error,omitempty"`
}

// parse reads one line.
func parse(line []byte) (*Record, error) {
	r := new(Record)
	if err := json.Unmarshal(line, r); err != nil {
		return nil, err
	}
	return r, nil
}
