package gatehouse

import "time"

// Result is how an Exchange ended.
type Result uint8

const (
	Unfinished Result = iota
	// Answered: the upstream's answer, whatever its status, went to the client.
	Answered
	// Local: the gateway's own answer (preflight, metadata, redirect, injected fault).
	Local
	// Blocked: a Control denied.
	Blocked
	// Refused: the message itself was ambiguous or over a limit.
	Refused
	// Failed: the gateway or the upstream could not do its part.
	Failed
)

var resultNames = [...]string{"unfinished", "answered", "local", "blocked", "refused", "failed"}

func (r Result) String() string {
	if int(r) < len(resultNames) {
		return resultNames[r]
	}
	return "unknown"
}

// A Decision is the sum of what was concluded about one Exchange: every verdict,
// the time each took, and the reason for the end. The rest of the record (who,
// what, when) is read from the Exchange it belongs to.
type Decision struct {
	Result Result
	// Status is the HTTP status the client got, 0 if none reached it.
	Status int
	// By names the Control or step that ended the exchange, "" where the upstream
	// answered.
	By string
	// Reason is why it ended so.
	Reason    Reason
	Judgments []Judgment
	// WouldBlock says that some Control in monitor would have refused.
	WouldBlock bool

	// Upstream tells how forwarding went.
	Upstream UpstreamReport
	// Total is the time from Exchange.Start to the last byte, Gateway the part of
	// it the gateway itself used before forwarding.
	Total, Gateway time.Duration
	// ConfigHash identifies the configuration that judged.
	ConfigHash string
	// Aborted says that the answer broke off, and Late why (a stream filter's
	// violation, an expired token, the peer).
	Aborted bool
	Late    Reason
}

// UpstreamReport is how forwarding went.
type UpstreamReport struct {
	Name     string // the upstream's name in the configuration
	Addr     string // the endpoint that answered
	Attempts int
	Took     time.Duration // to the answer's head
	Status   int
	Err      string // inert text, "" where it went well
}

// Judge appends a judgment and returns it for completion.
func (d *Decision) Judge(j Judgment) {
	if j.WouldBlock {
		d.WouldBlock = true
	}
	d.Judgments = append(d.Judgments, j)
}
