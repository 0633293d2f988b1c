package upstream

import (
	"context"
	"io"
	"sync"

	"github.com/gatehouse/gatehouse"
)

// A carrier sends messages to one endpoint. It is the seam between what this
// package decides (where to, how often, what passes) and the HTTP client below.
type carrier interface {
	// send writes m and returns the head of its final answer. After an error the
	// carrier may still be reading m.body, until that is detached.
	// It does not keep m.
	send(ctx context.Context, m *message) (*answer, error)
	// closeIdle closes connections that nobody uses now.
	closeIdle()
}

// A message is what a carrier sends: checked, and without hop-by-hop fields but
// for those still to be dropped by lookupName.
type message struct {
	out  *gatehouse.Outbound
	body *upload // nil: no body
	// interim takes 1xx answers other than 100 and 101, where it is not nil.
	interim gatehouse.ResponseWriter
	// reached is set once a connection was had: from then on some of the message
	// may have been delivered.
	reached bool
}

var messages = sync.Pool{New: func() any { return new(message) }}

func (m *message) free() {
	*m = message{}
	messages.Put(m)
}

// An answer is the head of what the upstream said, and its body to come.
type answer struct {
	status int
	// header holds no framing or hop-by-hop fields. It is valid until release.
	header gatehouse.Header
	length int64 // of the body, -1 where unknown; for HEAD what was announced, or -1
	// lengthText is length in decimal, where the upstream wrote it so.
	lengthText string
	body       io.ReadCloser // nil where there is none
	timed      bool          // body itself ends with a timeout where it is silent for long
	// announced are the names in the answer's Trailer field.
	announced string
	// upgrade is the answer's Upgrade field, and conn the connection after a 101.
	upgrade string
	conn    io.ReadWriteCloser

	source interface {
		// Trailer is called after the body has been read to its end.
		Trailer() gatehouse.Header
		// Release closes the body and gives memory back. complete says that the body
		// has been read to its end.
		Release(complete bool)
	}
}
