package gateway

import (
	"math/rand/v2"
	"time"
)

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newID returns a request id in ULID form: 10 characters of time in ms, 16 of
// randomness, so that ids sort by time. It is a name, not a secret.
func newID(now time.Time) string {
	var b [26]byte
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
	return string(b[:])
}
