package ratelimit

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Names of the header fields.
const (
	headerRetryAfter = "Retry-After"
	headerRateLimit  = "RateLimit"
	headerPolicy     = "RateLimit-Policy"
)

// seconds rounds up.
func seconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}

// A fieldCache keeps the latest fields that were made for some values of r and
// t, since the same ones come again and again.
type fieldCache [64]atomic.Pointer[cachedFields]

type cachedFields struct {
	r, t   int64
	fields [2]gatehouse.Field
}

// fieldsFor returns RateLimit-Policy and RateLimit for what is left. Nobody
// writes to them. t is the time until the whole limit is back or, where nothing
// is left, until the next call may pass.
func (v *variant) fieldsFor(a *Ask) []gatehouse.Field {
	r, t := a.Left, seconds(a.Recover)
	if r == 0 {
		t = seconds(a.Wait)
	}
	at := &v.fields[uint64(r*31+t)%uint64(len(v.fields))]
	if c := at.Load(); c != nil && c.r == r && c.t == t {
		return c.fields[:]
	}
	b := make([]byte, 0, 80)
	b = append(b, v.prefix...)
	b = strconv.AppendInt(b, r, 10)
	b = append(b, ";t="...)
	b = strconv.AppendInt(b, t, 10)
	c := &cachedFields{r: r, t: t, fields: [2]gatehouse.Field{
		{Name: headerPolicy, Value: v.policy}, {Name: headerRateLimit, Value: string(b)}}}
	at.Store(c)
	return c.fields[:]
}

// leftAfter reads r out of the fields an earlier control of this room asked
// for, -1 where there are none.
func leftAfter(x *gatehouse.Exchange, control string) int64 {
	for i := range x.Decision.Judgments {
		j := &x.Decision.Judgments[i]
		if j.Control != control || j.Mode != gatehouse.Enforce {
			continue
		}
		for _, f := range j.Verdict.Edits.Response {
			if f.Name == headerRateLimit {
				return remaining(f.Value)
			}
		}
	}
	return -1
}

// remaining reads the number behind ";r=" of our own making.
func remaining(v string) int64 {
	for i := 0; i+3 < len(v); i++ {
		if v[i:i+3] != ";r=" {
			continue
		}
		n := int64(0)
		for _, c := range []byte(v[i+3:]) {
			if c < '0' || c > '9' {
				break
			}
			n = n*10 + int64(c-'0')
		}
		return n
	}
	return -1
}
