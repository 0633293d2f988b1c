package gatehouse

import (
	"fmt"
	"strings"
	"time"
)

// Mode says what a Control's verdict does.
type Mode uint8

const (
	Off     Mode = iota // not asked
	Monitor             // asked and recorded as "would block"; the request goes on unchanged
	Enforce             // asked and obeyed
)

var modeNames = [...]string{"off", "monitor", "enforce"}

func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// ParseMode reads "off", "monitor" or "enforce".
func ParseMode(s string) (Mode, error) {
	for i, n := range modeNames {
		if s == n {
			return Mode(i), nil
		}
	}
	return Off, &Error{Code: "config.mode", Message: fmt.Sprintf("unknown mode %q", s),
		Hint: "one of " + strings.Join(modeNames[:], ", ")}
}

// MarshalText and UnmarshalText let a Mode stand in configuration.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (m *Mode) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMode(string(b))
	return err
}

// Outcome is what a Control concludes.
type Outcome uint8

const (
	// Undecided is the zero value: the Control could not judge. Enforce denies.
	Undecided Outcome = iota
	// Pass raises no objection, and grants nothing.
	Pass
	// Permit grants: an operation that is not public needs one of these.
	Permit
	// Deny refuses.
	Deny
)

var outcomeNames = [...]string{"undecided", "pass", "permit", "deny"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// A Verdict is one Control's opinion of an Exchange.
type Verdict struct {
	Outcome Outcome
	// Status is the HTTP status of a denial; 0 stands for 403.
	Status int
	// Reason says why. A denial has one; a pass or permit may.
	Reason Reason
	// Details say where, if the Reason concerns parts of the message. They are for
	// the log, and for the client only where Public says so.
	Details []Detail
	Public  bool
	// Edits are changes the Control asks for, made only in Enforce.
	Edits Edits
}

// A Detail is one place of a message that breaks a rule. It never holds the value
// found there.
type Detail struct {
	// Code is stable and dotted: "contract.required".
	Code string
	// Parameter is where and name: "query:limit"; "" for a body.
	Parameter string
	// Pointer is the JSON pointer (RFC 6901) within the body or the parameter; ""
	// for the whole.
	Pointer string
	// Message says more, for the log alone: inert, and nothing of the value but its
	// form.
	Message string
	// At is the line of the contract that decided, for the log alone.
	At Position
}

// Passed, Permitted and Denied make the common verdicts.
func Passed() Verdict { return Verdict{Outcome: Pass} }

// Permitted grants, and names the policy that did.
func Permitted(r Reason) Verdict { return Verdict{Outcome: Permit, Reason: r} }

// Denied refuses with an HTTP status.
func Denied(status int, r Reason) Verdict { return Verdict{Outcome: Deny, Status: status, Reason: r} }

// A Reason explains a verdict to the people who run the gateway.
type Reason struct {
	// Code is stable and dotted: "token.expired". Clients see it.
	Code string
	// Message and Hint are for the log, never for the client; they hold no secret
	// and no line breaks.
	Message string
	Hint    string
	// At is the line of configuration, policy or contract that decided.
	At Position
}

// Edits are changes to the messages a Control asks for.
type Edits struct {
	// Request fields are set on the message to the upstream, after the fields named
	// in Drop were taken from it.
	Request []Field
	Drop    []string
	// Query replaces the raw query towards the upstream; nil leaves it. Of several
	// the last one counts.
	Query *string
	// Response fields are set on the answer, a denial's too (Retry-After,
	// RateLimit, WWW-Authenticate).
	Response []Field
}

// A Position is a place in a file a person wrote. Line and Column count from 1.
type Position struct {
	File         string
	Line, Column int
}

// String prints "file:line:column" as far as known.
func (p Position) String() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// IsZero reports whether nothing is known.
func (p Position) IsZero() bool { return p == Position{} }

// Step is a stage of the path, in the order they are walked.
type Step uint8

const (
	StepNormalise Step = iota + 1
	StepMatch
	StepLocal
	StepAdmit
	StepIdentify
	StepJudgeHead
	StepJudgeBody
	StepForward
	StepJudgeBack
)

var stepNames = [...]string{"", "normalise", "match", "local", "admit", "identify",
	"judge-head", "judge-body", "forward", "judge-back"}

func (s Step) String() string {
	if int(s) < len(stepNames) {
		return stepNames[s]
	}
	return fmt.Sprintf("Step(%d)", uint8(s))
}

// A Judgment is one Control's Verdict as it fell in a Decision.
type Judgment struct {
	Control string
	Step    Step
	Mode    Mode
	Verdict Verdict
	// Took is the time the Control needed.
	Took time.Duration
	// WouldBlock says that Enforce would have refused here.
	WouldBlock bool
}
