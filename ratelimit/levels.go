package ratelimit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse"
)

// part is a set of what a key may be made of.
type part uint8

const (
	partAPI part = 1 << iota
	partUpstream
	partOperation
	partEndpoint
	partClient
	partUser
	partAddress

	owners    = partClient | partUser | partAddress
	partCount = 7
)

// partNames has the name of part 1<<i at i+1.
var partNames = [...]string{"", "api", "upstream", "operation", "endpoint", "client", "user", "address"}

// parts returns the set of what the level's key is made of.
func (l Level) parts() (part, error) {
	var set part
	for _, name := range l.Key {
		i := slices.Index(partNames[1:], name)
		if i < 0 {
			return 0, fmt.Errorf("%.40q is not a part of a key", name)
		}
		if set&(1<<i) != 0 {
			return 0, fmt.Errorf("the key names %q twice", name)
		}
		set |= 1 << i
	}
	return set, nil
}

// early reports whether the level can be judged, and consumed, before anybody
// knows who calls: it counts by address and by no other owner. Shared levels
// wait for the caller's, so that a refused call takes nothing from them.
func (l Level) early() bool {
	set, err := l.parts()
	return err == nil && set&owners == partAddress
}

// maxRecovery bounds the time an empty bucket takes to fill.
const maxRecovery = math.MaxUint32 * time.Millisecond

// limit returns the level's limit at another rate; the burst changes with it.
func (l Level) limit(r Rate) Limit {
	burst := int64(l.Burst)
	if burst > 0 && r != l.Rate {
		scale := float64(r.Count) / float64(r.Per) * float64(l.Rate.Per) / float64(l.Rate.Count)
		burst = max(1, int64(min(float64(burst)*scale, maxCount)))
	}
	return newLimit(r, burst, l.Exact)
}

// A variant is a level at one rate, with everything about it that is known
// before anybody calls.
type variant struct {
	Limit
	rate   Rate
	strict *variant // for suspects; nil where nobody becomes one
	fields fieldCache
	policy string // RateLimit-Policy
	prefix string // of RateLimit
}

func newVariant(name string, l Limit, factor float64) *variant {
	v := plainVariant(name, l)
	if factor < 1 {
		v.strict = plainVariant(name, l.scaled(factor))
	}
	return v
}

func plainVariant(name string, l Limit) *variant {
	return &variant{
		Limit: l, rate: Rate{l.Count, l.Period},
		policy: `"` + name + `";q=` + strconv.FormatInt(l.Count, 10) + ";w=" + strconv.FormatInt(int64(l.Period/time.Second), 10),
		prefix: `"` + name + `";r=`,
	}
}

// A level is a Level made ready.
type level struct {
	name  string
	code  string // of the reason
	set   part
	key   Key // added to the digests of the parts
	owner Key // likewise, for who becomes suspicious
	kind  string
	at    gatehouse.Position

	base   *variant
	byName map[string]*variant // operation ids and tags
	byTier map[string]*variant
}

func newLevel(c Level, tiers map[string]map[string]Rate, factor float64, secret [2]uint64) (*level, error) {
	set, err := c.parts()
	if err != nil {
		return nil, err
	}
	l := &level{name: c.Name, code: "limit." + c.Name, set: set, at: c.At}
	if set&owners == 0 {
		factor = 1 // shared: nobody becomes suspicious by it
	}
	algorithm := "gcra"
	if c.Exact {
		algorithm = "exact"
	}
	l.key = digest(secret[0], secret[1], fmt.Appendf(nil, "level\x00%s\x00%d\x00%s", c.Name, set, algorithm))
	if set&owners != 0 {
		l.owner = ownerKey(secret, set&owners)
		l.kind = kindName(set)
	}
	l.base = newVariant(c.Name, c.limit(c.Rate), factor)
	l.byName = make(map[string]*variant, len(c.Operations))
	for name, r := range c.Operations {
		l.byName[name] = newVariant(c.Name, c.limit(r), factor)
	}
	l.byTier = make(map[string]*variant)
	for tier, rates := range tiers {
		if r, ok := rates[c.Name]; ok {
			l.byTier[tier] = newVariant(c.Name, c.limit(r), factor)
		}
	}
	return l, nil
}

// ownerKey is what turns the digests of owners into the Key of a suspect.
func ownerKey(secret [2]uint64, set part) Key {
	return digest(secret[0], secret[1], fmt.Appendf(nil, "owner\x00%d", set))
}

// kindName is "client", "user", "address", or some of them joined by "+".
func kindName(set part) string {
	var b []byte
	for i := range partCount {
		if p := part(1 << i); p&owners&set != 0 {
			if b != nil {
				b = append(b, '+')
			}
			b = append(b, partNames[i+1]...)
		}
	}
	return string(b)
}

// variant picks the rate that applies: the operation's, else that of the
// strictest of its tags, else the tier's, else the level's own.
func (l *level) variant(x *gatehouse.Exchange, tier string) *variant {
	if len(l.byName) > 0 && x.Operation != nil {
		if v := l.byName[x.Operation.ID]; v != nil {
			return v
		}
		var strictest *variant
		for _, tag := range x.Operation.Tags {
			if v := l.byName[tag]; v != nil && (strictest == nil || v.slower(strictest)) {
				strictest = v
			}
		}
		if strictest != nil {
			return strictest
		}
	}
	if tier != "" && len(l.byTier) > 0 {
		if v := l.byTier[tier]; v != nil {
			return v
		}
	}
	return l.base
}

func (v *variant) slower(o *variant) bool {
	return v.Interval > o.Interval
}
