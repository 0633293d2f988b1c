package gatehouse

import (
	"errors"
	"strings"
)

// ErrNoCredential is wrapped by an Authenticator that found no credential of its
// kind.
var ErrNoCredential = errors.New("gatehouse: no credential")

// Error is the one error type of the house: what is wrong, where, and what to do
// about it. It prints as "file:line:column: message (hint)".
type Error struct {
	// Code is stable and dotted: "config.unknown_key".
	Code string
	// Message is lower-case, without a final stop, and holds no secret.
	Message string
	// Hint says what to do: "did you mean \"upstream\"?".
	Hint string
	// At is the place in the file that caused it.
	At Position
	// Status is the HTTP status it becomes on the path; 0 where it never gets there.
	Status int
	// Err is the cause.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	if at := e.At.String(); at != "" {
		b.WriteString(at)
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.Err != nil {
		if e.Message != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (")
		b.WriteString(e.Hint)
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Reason returns the error as a Reason of a verdict.
func (e *Error) Reason() Reason {
	msg := e.Message
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return Reason{Code: e.Code, Message: msg, Hint: e.Hint, At: e.At}
}

// AsError returns err as an *Error, wrapping what is none under code and status.
func AsError(err error, code string, status int) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: code, Status: status, Err: err}
}
