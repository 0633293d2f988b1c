package audit

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gatehouse/gatehouse"
)

// A plan is what the record of every call of one operation shares.
type plan struct {
	// head is `,"api":…,"operation":…,"endpoint":…`, encoded.
	head []byte
	// base is the number of bytes of the API's base path before the template.
	base int
	segs []segment
	// rest says that the last segment takes what is left of the path.
	rest bool
	// hidden are the names of the sensitive path parameters.
	hidden []string
	// known are good judgments as they last stood in their places.
	known [maxKnown]atomic.Pointer[knownJudgment]
}

// A segment of a path template.
type segment struct {
	literal   string // "" for one that holds a parameter
	sensitive bool
}

func newPlan(op *gatehouse.Operation, m *Masker) *plan {
	p := new(plan)
	if op.API != nil {
		p.head = appendText(p.head, `,"api":`, op.API.Name, nameLimit)
		if op.API.BasePath != "/" {
			p.base = len(op.API.BasePath)
		}
	}
	p.head = appendText(p.head, `,"operation":`, op.ID, nameLimit)
	p.head = appendText(p.head, `,"endpoint":`, op.Endpoint, pathLimit)
	for seg := range strings.SplitSeq(strings.TrimPrefix(op.Path, "/"), "/") {
		if !strings.Contains(seg, "{") {
			p.segs = append(p.segs, segment{literal: seg})
			continue
		}
		s := segment{}
		for part := range strings.SplitSeq(seg, "{") {
			name, _, ok := strings.Cut(part, "}")
			if !ok {
				continue
			}
			name, rest := strings.CutSuffix(name, "...")
			p.rest = p.rest || rest
			if m.Sensitive(name) {
				s.sensitive = true
				p.hidden = append(p.hidden, name)
			}
		}
		p.segs = append(p.segs, s)
	}
	return p
}

// appendPath appends path, masked. Literal segments of the template stay, values
// of sensitive parameters go, and the detectors see everything else.
func (p *plan) appendPath(dst []byte, m *Masker, path string) []byte {
	if p == nil || len(path) <= p.base {
		return appendSegments(dst, m, path, nil)
	}
	dst = append(dst, path[:p.base]...)
	return appendSegments(dst, m, path[p.base:], p)
}

func appendSegments(dst []byte, m *Masker, path string, p *plan) []byte {
	path, slash := strings.CutPrefix(path, "/")
	if slash {
		dst = append(dst, '/')
	}
	for i := 0; ; i++ {
		seg, rest, more := strings.Cut(path, "/")
		switch s := p.segment(i); {
		case s.literal != "" && s.literal == seg:
			dst = append(dst, seg...)
		case s.sensitive:
			dst = append(dst, maskedValue...)
		default:
			dst = m.appendSegment(dst, seg)
		}
		if !more {
			return dst
		}
		dst = append(dst, '/')
		path = rest
	}
}

// maxEncodings is how often a segment may be percent-encoded over and over and is
// still seen through.
const maxEncodings = 4

// appendSegment appends a segment, masked. One that hides what is masked behind
// percent-encoding, as a path may that was refused, is recorded decoded.
func (m *Masker) appendSegment(dst []byte, seg string) []byte {
	if strings.IndexByte(seg, '%') >= 0 {
		plain := seg
		for range maxEncodings {
			plain = unescaped(plain)
		}
		if plain != seg {
			if hidden := m.Text(plain); hidden != plain {
				return append(dst, hidden...)
			}
		}
	}
	return m.appendText(dst, seg)
}

// unescaped decodes every %XX of s, and leaves what is none. A slash stays
// encoded: it would be another segment.
func unescaped(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) && hexDigit(s[i+2]) && s[i+1:i+3] != "2F" && s[i+1:i+3] != "2f" {
			n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
			b = append(b, byte(n))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// segment returns the template's segment i; a rest parameter stands for all that
// follow. A path longer than its template is not believed to be harmless: the
// detectors see it.
func (p *plan) segment(i int) segment {
	switch {
	case p == nil:
		return segment{}
	case i < len(p.segs):
		return p.segs[i]
	case p.rest && len(p.segs) > 0:
		return p.segs[len(p.segs)-1]
	}
	return segment{}
}

// plans caches one plan per operation. Operations live as long as their
// configuration; when another one judges, the cache starts anew.
type plans struct {
	current atomic.Pointer[planSet]
}

type planSet struct {
	hash  string
	byOp  sync.Map // *gatehouse.Operation -> *plan
	count atomic.Int64
}

// maxPlans bounds the cache where one configuration makes operations without end.
const maxPlans = 1 << 16

func (c *plans) get(x *gatehouse.Exchange, m *Masker) *plan {
	if x.Operation == nil {
		return nil
	}
	set := c.current.Load()
	if set == nil || set.hash != x.Decision.ConfigHash || set.count.Load() > maxPlans {
		set = &planSet{hash: strings.Clone(x.Decision.ConfigHash)}
		c.current.Store(set)
	}
	if p, ok := set.byOp.Load(x.Operation); ok {
		return p.(*plan)
	}
	p := newPlan(x.Operation, m)
	if _, loaded := set.byOp.LoadOrStore(x.Operation, p); !loaded {
		set.count.Add(1)
	}
	return p
}
