package gatehouse

import (
	"context"
	"io"
	"time"
)

// A Control judges one Exchange. It neither writes to the client nor changes the
// Exchange: what it would change it returns as Edits in its Verdict, and gateway
// applies them in Enforce only. So every Control can run in Monitor.
type Control interface {
	// Name is a stable dotted ID: "openapi.request".
	Name() string
	// Check returns an error only if it could not judge. Enforce then fails
	// closed.
	Check(ctx context.Context, x *Exchange) (Verdict, error)
}

// BodyReader is implemented by a Control that looks at the request's body.
type BodyReader interface {
	Body() BodyNeed
}

// ResponseControl is implemented by a Control that also judges the answer.
type ResponseControl interface {
	CheckResponse(ctx context.Context, x *Exchange) (Verdict, error)
}

// ResponseBodyReader is implemented by a ResponseControl that needs the whole
// answer before it judges. Answers without a body, and those without an end
// (Response.Streaming), come with Response.Body nil.
type ResponseBodyReader interface {
	ResponseBody() BodyNeed
}

// A StreamFilter judges or rewrites an answer as it passes.
//
// It returns the writer that takes the upstream's body and writes to w what may
// go on; nil where this answer needs no filter. The answer's head goes out with
// the first byte written to w, so an error before that is a 502, and one after it
// aborts the answer. Fields that describe the body as it was (Content-Length,
// ETag, digests, Accept-Ranges) are left out of a filtered answer.
//
// In Monitor w leads nowhere: the client gets the answer unchanged, and an error
// is recorded as "would block".
//
// It is not asked for answers without a body (to HEAD, 204, 304) nor for those
// that have no end.
type StreamFilter interface {
	FilterResponse(x *Exchange, w io.Writer) (io.WriteCloser, error)
}

// A VerdictWriter is a StreamFilter's writer that has something to record. Verdict
// is asked once, after Close or the first error; a Deny that comes too late for a
// refusal aborts the answer.
type VerdictWriter interface {
	io.WriteCloser
	Verdict() Verdict
}

// A PassThrough is a StreamFilter's writer that may promise to pass on just what it
// is given, or nothing: the fields that describe the body then stay.
type PassThrough interface {
	PassesThrough() bool
}

// A Finisher is told when an Exchange that it judged is over, whatever happened.
// Permits are given back here.
type Finisher interface {
	Finish(x *Exchange)
}

// An Authenticator turns a credential into a Principal.
//
// It wraps ErrNoCredential when the request carries none of its kind; every
// other error is final. An *Error whose Status is 503 means "cannot judge", which
// is distinct from "invalid" (401). It sets x.Credential, and nothing else of x.
type Authenticator interface {
	Authenticate(ctx context.Context, x *Exchange) (*Principal, error)
}

// A Challenger is an Authenticator that knows what to ask for: the values of
// WWW-Authenticate (RFC 9110, section 11.6.1) for a refusal with this reason.
type Challenger interface {
	Challenge(x *Exchange, status int, r Reason) []Field
}

// Standing is implemented by an Authenticator that can tell, for a stream that
// is still open, that its Principal is no longer good (expired, revoked).
type Standing interface {
	StillGood(p *Principal, now time.Time) error
}

// A Forwarder carries the judged request to whoever answers it and writes the
// answer to w. An error before w.WriteHead becomes a problem document: an
// *Error's Status says which (502, 503, 504); after it, the answer is aborted.
type Forwarder interface {
	Forward(ctx context.Context, x *Exchange, w ResponseWriter) error
}

// A ResponseWriter takes an answer. Its user calls WriteHead once with a final
// status (and before that any number of times with a 1xx), then Write.
type ResponseWriter interface {
	// WriteHead sends status and header. The header is copied.
	WriteHead(status int, h Header) error
	Write(p []byte) (int, error)
	// Flush sends what is buffered: for streams.
	Flush() error
	// WriteTrailer sends trailer fields (RFC 9110, section 6.5) after the body.
	WriteTrailer(h Header) error
	// Upgrade hands out the connection after WriteHead(101), or an error where the
	// door cannot.
	Upgrade() (io.ReadWriteCloser, error)
}

// A Recorder makes the record of an Exchange durable, as its documentation
// states, or returns an error, which the config turns into refusal or a counted
// gap. It keeps nothing of x.
type Recorder interface {
	Append(x *Exchange) error
}

// An Observer learns afterwards, may drop (counted) and must not block. It keeps
// nothing of x.
type Observer interface {
	Observe(x *Exchange)
}
