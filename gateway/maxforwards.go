package gateway

import (
	"strconv"

	"github.com/gatehouse/gatehouse"
)

// lastHop obeys the Max-Forwards of OPTIONS (RFC 9110, section 7.6.2): with 0 the
// gateway is the last to hear of the request and answers it, with more it counts
// down. TRACE, the other method that has it, is refused, and with others it means
// nothing.
func (t *trip) lastHop() (done bool, d *denial) {
	x := t.x
	if x.Request.Method != "OPTIONS" {
		return false, nil
	}
	value, ok := x.Request.Header.Lookup("Max-Forwards")
	if !ok {
		return false, nil
	}
	left, ok := forwardsLeft(value)
	if !ok || x.Request.Header.Count("Max-Forwards") > 1 {
		return false, refusal("normalise", badRequest("header.max_forwards", "Max-Forwards is not one number"))
	}
	if left > 0 {
		t.requestEdits = append(t.requestEdits, gatehouse.Field{Name: "Max-Forwards", Value: strconv.Itoa(left - 1)})
		return false, nil
	}
	t.local("max-forwards", 204, t.allow(), nil)
	return true, nil
}

// forwardsLeft reads a decimal number. A large one is taken for the largest that
// the gateway counts down from, as the RFC lets it.
func forwardsLeft(s string) (n int, ok bool) {
	const most = 1 << 20
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(10*n+int(s[i]-'0'), most)
	}
	return n, s != ""
}

// allow returns the methods that the request's path has, if they can be listed: a
// path that takes any method has no list.
func (t *trip) allow() []gatehouse.Field {
	path := t.x.Request.Path[len(t.site.base):]
	if path == "" {
		path = "/"
	}
	const nobodys = "?" // no method is called that
	m := t.site.Matcher.Match(nobodys, path, nil)
	if m.Route >= 0 || len(m.Allow) == 0 {
		return nil
	}
	return []gatehouse.Field{{Name: "Allow", Value: joinMethods(m.Allow)}}
}
