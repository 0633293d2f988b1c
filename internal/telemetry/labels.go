package telemetry

import (
	"maps"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// other stands for every label value beyond a limit.
const other = "other"

// maxLabel bounds a label value, in bytes.
const maxLabel = 128

// A bounded set admits the first values it sees, up to a limit; the rest are
// "other". Reading takes no lock.
type bounded struct {
	limit  int
	mu     sync.Mutex
	values atomic.Pointer[map[string]string]
}

func newBounded(limit int) *bounded {
	b := &bounded{limit: limit}
	b.values.Store(&map[string]string{other: other})
	return b
}

// name returns the label value for s.
func (b *bounded) name(s string) string {
	values := *b.values.Load()
	if v, ok := values[s]; ok {
		return v
	}
	if len(values) > b.limit {
		return other
	}
	return b.admit(s)
}

func (b *bounded) admit(s string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	values := *b.values.Load()
	if v, ok := values[s]; ok {
		return v
	}
	if len(values) > b.limit {
		return other
	}
	values = maps.Clone(values)
	v := label(s)
	values[strings.Clone(s)] = v
	b.values.Store(&values)
	return v
}

// A budget admits a number of combinations.
type budget struct {
	limit int
	mu    sync.Mutex
	seen  map[[3]string]struct{}
}

func newBudget(limit int) *budget { return &budget{limit: limit, seen: make(map[[3]string]struct{})} }

// admits reports whether the combination is among the first.
func (b *budget) admits(labels [3]string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.seen[labels]; ok {
		return true
	}
	if len(b.seen) >= b.limit {
		return false
	}
	b.seen[labels] = struct{}{}
	return true
}

// label returns s as a label value of its own memory: valid UTF-8, which
// Prometheus demands, not too long, and not empty, which would mean no label.
func label(s string) string {
	if s == "" {
		return "none"
	}
	if len(s) > maxLabel {
		s = s[:maxLabel]
	}
	return strings.Clone(strings.ToValidUTF8(s, "\ufffd"))
}

// methods are the values of the label method; the last stands for all others.
var methods = [...]string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY", "TRACE", "CONNECT", other}

func methodIndex(method string) int {
	for i, m := range methods[:len(methods)-1] {
		if method == m {
			return i
		}
	}
	return len(methods) - 1
}

// Values of the label status of api_requests_total.
const (
	success = iota
	clientError
	serverError
	blocked
)

var classNames = [...]string{"success", "client_error", "server_error", "blocked"}

// codeLabel returns the label for an HTTP status: itself where it is registered
// (RFC 9110, section 15), else its class, since an upstream may make up others.
func codeLabel(status int) string {
	switch {
	case status == 0:
		return "none" // nothing reached the client
	case http.StatusText(status) != "":
		return strconv.Itoa(status)
	case status >= 100 && status <= 599:
		return strconv.Itoa(status/100) + "xx"
	}
	return other
}

// network returns the part of an address that is kept: /24 of IPv4, /48 of IPv6.
func network(a netip.Addr) string {
	if !a.IsValid() {
		return "unknown"
	}
	bits := 48
	if a = a.Unmap(); a.Is4() {
		bits = 24
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}
