package gateway

import (
	"math/rand/v2"
	"time"
)

const idLen = 26

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// appendID writes a request id in ULID form: 10 characters of time in ms, 16 of
// randomness, so that ids sort by time. It is a name, not a secret.
func appendID(to []byte, now time.Time) []byte {
	var b [idLen]byte
	ms := uint64(now.UnixMilli())
	for i := 9; i >= 0; i-- {
		b[i] = crockford[ms&31]
		ms >>= 5
	}
	for half := range 2 {
		r := rand.Uint64()
		for i := range 8 {
			b[10+half*8+i] = crockford[r&31]
			r >>= 5
		}
	}
	return append(to, b[:]...)
}

// name gives the exchange its id, its traceparent and its client's address in
// text: three parts of one string, for one allocation.
func (t *trip) name() {
	x := t.x
	var buf [idLen + traceparentLen + 46]byte
	b := appendID(buf[:0], x.Start)
	b = appendTraceparent(b, &x.Trace)
	b = x.Peer.Addr.AppendTo(b)
	s := string(b)
	x.ID, t.traceparent, t.client = s[:idLen], s[idLen:idLen+traceparentLen], s[idLen+traceparentLen:]
}
