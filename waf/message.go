package waf

import (
	"net/netip"

	"github.com/gatehouse/gatehouse"
)

// A Message is what the WAF inspects of one exchange: the request, and the answer
// once there is one. It holds no copy of anything: what it points at must not
// change until the verdict is there.
type Message struct {
	// Client and Server are the two ends of the connection.
	Client, Server netip.AddrPort

	Method string
	// Target is the request target as it was received, query included
	// (RFC 9112, section 3.2).
	Target string
	// Proto is the version as a request line writes it: "HTTP/1.1", "HTTP/2.0".
	Proto string
	// Header holds every field line of the request in order, Host among them as the
	// client sent it.
	Header gatehouse.Header
	// HasBody tells an empty body from none.
	HasBody bool
	// Body is the whole body without its content codings.
	Body []byte

	// Bounded says that the contract of the API was enforced on this request and found
	// nothing wrong: Options.Bounds apply.
	Bounded bool

	// HasAnswer reports that the fields of the answer are filled in.
	HasAnswer    bool
	Status       int
	AnswerProto  string
	AnswerHeader gatehouse.Header
	// HasAnswerBody reports that AnswerBody is to be inspected as well.
	HasAnswerBody bool
	// AnswerBody is the answer's body without its content codings, or as much of its
	// beginning as the limit of the rules (SecResponseBodyLimit) asks for.
	AnswerBody []byte
}

// size is roughly the number of bytes that rules look at.
func (m *Message) size() int {
	n := len(m.Target) + len(m.Body)
	for i := range m.Header {
		n += len(m.Header[i].Name) + len(m.Header[i].Value)
	}
	return n
}
