package http1

import (
	"time"

	"github.com/gatehouse/gatehouse"
)

// Limits bound a message and the time it takes.
type Limits struct {
	HeadBytes    int // of start line and fields together
	Fields       int
	TargetBytes  int
	TrailerBytes int // of a chunked body's trailer section
	// ChunkExtBytes bounds the chunk extensions of a whole body.
	ChunkExtBytes int

	ReadHead time.Duration // from a request's first byte to the end of its head
	// ReadBody bounds the wait for a body; each BodyRate bytes earn a second more.
	ReadBody time.Duration
	BodyRate int64
	Write    time.Duration // for the client to take a piece of the answer
	Idle     time.Duration // between requests
}

// DefaultLimits are the limits where nothing else is said.
func DefaultLimits() Limits {
	return Limits{HeadBytes: 64 << 10, Fields: 100, TargetBytes: 8 << 10, TrailerBytes: 8 << 10, ChunkExtBytes: 4 << 10,
		ReadHead: 5 * time.Second, ReadBody: time.Minute, BodyRate: 4 << 10, Write: time.Minute, Idle: 90 * time.Second}
}

func bad(code, message string) *gatehouse.Error {
	return &gatehouse.Error{Code: "http1." + code, Status: 400, Message: message}
}

func tooLarge(status int, code, message string) *gatehouse.Error {
	return &gatehouse.Error{Code: "http1." + code, Status: status, Message: message}
}
