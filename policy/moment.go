package policy

import (
	"net/netip"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/gatehouse/gatehouse"
)

// needs says which attributes of the context are wanted. Making a Cedar record
// costs some hundred nanoseconds, so the context of a request holds only what its
// candidate policies read.
type needs uint16

const (
	needACR needs = 1 << iota
	needAuthAge
	needHost
	needHour
	needIP
	needMethod
	needMTLS
	needNow
	needPath
	needRisk
	needTLS
	needWeekday
	needAll = 1<<iota - 1
)

var needOf = map[cedar.String]needs{
	"acr": needACR, "auth_age": needAuthAge, "host": needHost, "hour": needHour, "ip": needIP, "method": needMethod,
	"mtls": needMTLS, "now": needNow, "path": needPath, "risk": needRisk, "tls": needTLS, "weekday": needWeekday,
}

// contextNeeds finds what a policy reads: context.x and context has x by name,
// and everything where the context is used as a whole.
func contextNeeds(p *ast.Policy) needs {
	var n needs
	isContext := func(node ast.IsNode) bool {
		v, ok := node.(ast.NodeTypeVariable)
		return ok && v.Name == "context"
	}
	inspect(p, func(node ast.IsNode) bool {
		switch v := node.(type) {
		case ast.NodeTypeAccess:
			if isContext(v.Arg) {
				n |= needOf[v.Value]
				return false
			}
		case ast.NodeTypeHas:
			if isContext(v.Arg) {
				n |= needOf[v.Value]
				return false
			}
		case ast.NodeTypeVariable:
			if isContext(v) {
				n = needAll
			}
		}
		return true
	})
	return n
}

// moment is the circumstances of a request, as far as needed; the rest is zero,
// so that equal circumstances compare equal.
type moment struct {
	needs               needs
	hour, weekday, risk uint8
	tls, mtls           bool
	authAge, now        int64 // seconds, milliseconds
	ip                  netip.Addr
	method, host        string
	path, acr           string
}

func (s *Set) moment(n needs, x *gatehouse.Exchange, who *caller) moment {
	m := moment{needs: n}
	if n&(needHour|needWeekday) != 0 {
		local := x.Start.In(s.zone)
		if n&needHour != 0 {
			m.hour = uint8(local.Hour())
		}
		if n&needWeekday != 0 {
			m.weekday = uint8((local.Weekday()+6)%7) + 1
		}
	}
	if n&needRisk != 0 {
		m.risk = x.Risk
	}
	if n&needTLS != 0 {
		m.tls = x.Peer.TLS != nil
	}
	if n&needMTLS != 0 {
		m.mtls = x.Peer.TLS != nil && len(x.Peer.TLS.VerifiedChains) > 0
	}
	if n&needIP != 0 {
		m.ip = x.Peer.Addr.WithZone("")
	}
	if n&needMethod != 0 {
		m.method = x.Request.Method
	}
	if n&needHost != 0 {
		m.host = x.Request.Host
	}
	if n&needPath != 0 {
		m.path = x.Request.Path
	}
	if n&needNow != 0 {
		m.now = x.Start.UnixMilli()
	}
	if n&needACR != 0 {
		if m.acr = who.acr; m.acr == "" {
			m.needs &^= needACR
		}
	}
	if n&needAuthAge != 0 {
		if who.authTime.IsZero() {
			m.needs &^= needAuthAge
		} else {
			m.authAge = max(0, int64(x.Start.Sub(who.authTime).Seconds()))
		}
	}
	// A missing address is a missing attribute: the policy that reads it errs.
	if n&needIP != 0 && !m.ip.IsValid() {
		m.needs &^= needIP
	}
	return m
}

func (m *moment) record() cedar.Record {
	r := make(cedar.RecordMap, 12)
	put := func(n needs, name cedar.String, v cedar.Value) {
		if m.needs&n != 0 {
			r[name] = v
		}
	}
	put(needACR, "acr", cedar.String(m.acr))
	put(needAuthAge, "auth_age", cedar.Long(m.authAge))
	put(needHost, "host", cedar.String(m.host))
	put(needHour, "hour", cedar.Long(m.hour))
	put(needMethod, "method", cedar.String(m.method))
	put(needMTLS, "mtls", cedar.Boolean(m.mtls))
	put(needPath, "path", cedar.String(m.path))
	put(needRisk, "risk", cedar.Long(m.risk))
	put(needTLS, "tls", cedar.Boolean(m.tls))
	put(needWeekday, "weekday", cedar.Long(m.weekday))
	if m.needs&needNow != 0 {
		r["now"] = cedar.NewDatetimeFromMillis(m.now)
	}
	if m.needs&needIP != 0 {
		r["ip"] = cedar.IPAddr(netip.PrefixFrom(m.ip, m.ip.BitLen()))
	}
	return cedar.NewRecord(r)
}

// contextSlots bounds the cache of context records.
const contextSlots = 256

type contextEntry struct {
	moment moment
	record cedar.Record
}

// context returns the record of a moment. Most requests of a while share theirs
// (the hour, no risk, one address), so records are kept in a small cache, save
// those with the time of day to the millisecond or with a path.
func (s *Set) context(m *moment) cedar.Record {
	if m.needs == 0 {
		return cedar.Record{}
	}
	if m.needs&(needNow|needPath) != 0 {
		return m.record()
	}
	slot := &s.contexts[m.slot()]
	if e := slot.Load(); e != nil && e.moment == *m {
		return e.record
	}
	kept := m.clone()
	e := &contextEntry{moment: kept, record: kept.record()}
	slot.Store(e)
	return e.record
}

// clone makes a moment that outlives its request: a substring of a message would
// pin the whole head.
func (m *moment) clone() moment {
	c := *m
	c.method, c.host, c.path, c.acr = strings.Clone(m.method), strings.Clone(m.host), strings.Clone(m.path), strings.Clone(m.acr)
	return c
}

func (m *moment) slot() uint8 {
	h := uint32(m.needs)*31 + uint32(m.risk) + uint32(m.hour)<<3 + uint32(m.authAge)*7 + uint32(len(m.method))*131 + uint32(len(m.host))*17
	if m.ip.IsValid() {
		a := m.ip.As16()
		h += uint32(a[15]) + uint32(a[14])<<2 + uint32(a[7])<<4 + uint32(a[6])
	}
	h *= 0x9E3779B1
	return uint8(h >> 24)
}
