package upstream

import (
	"net/textproto"

	"github.com/gatehouse/gatehouse"
)

// A fieldName is what is known of a header name.
type fieldName struct {
	canonical string
	// dropOut and dropBack mark names that never pass to the upstream or back from
	// it: they belong to one connection, to framing, or to us.
	dropOut, dropBack bool
	listed            bool // in the table, and so certainly a token
}

const nameSlots = 512

// knownNames is an open-addressed table: most names cost one probe and no
// allocation, however the client spelled them.
var knownNames = func() (t [nameSlots]fieldName) {
	put := func(n fieldName) {
		n.listed = true
		i := nameSlot(n.canonical)
		for t[i].canonical != "" {
			i = (i + 1) % nameSlots
		}
		t[i] = n
	}
	for _, n := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length"} {
		put(fieldName{canonical: n, dropOut: true, dropBack: true})
	}
	// Expect has been answered by the door when its body is read.
	for _, n := range []string{"Host", "Expect", "Http2-Settings", "Proxy-Authorization"} {
		put(fieldName{canonical: n, dropOut: true})
	}
	// net/http repeats a POST that bears this field in its canonical spelling. Field
	// names have no case, so another spelling keeps it from doing so.
	for _, n := range []string{"idempotency-key", "x-idempotency-key"} {
		put(fieldName{canonical: n})
	}
	for _, n := range []string{"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language",
		"Accept-Ranges", "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
		"Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
		"Access-Control-Max-Age", "Access-Control-Request-Headers", "Access-Control-Request-Method",
		"Age", "Allow", "Alt-Svc", "Authorization", "Cache-Control", "Content-Disposition",
		"Content-Encoding", "Content-Language", "Content-Location", "Content-Range",
		"Content-Security-Policy", "Content-Type", "Cookie", "Date", "Dnt", "Dpop", "Etag", "Expires",
		"Forwarded", "From", "Grpc-Accept-Encoding", "Grpc-Encoding", "Grpc-Message", "Grpc-Status",
		"Grpc-Timeout", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range",
		"If-Unmodified-Since", "Last-Event-Id", "Last-Modified", "Link", "Location", "Origin", "Pragma",
		"Priority", "Range", "Ratelimit", "Ratelimit-Policy", "Referer", "Referrer-Policy",
		"Retry-After", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest",
		"Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-Gpc", "Sec-Websocket-Accept",
		"Sec-Websocket-Extensions", "Sec-Websocket-Key", "Sec-Websocket-Protocol",
		"Sec-Websocket-Version", "Server", "Server-Timing", "Set-Cookie", "Strict-Transport-Security",
		"Traceparent", "Tracestate", "Upgrade-Insecure-Requests", "User-Agent", "Vary", "Via",
		"Www-Authenticate", "X-Api-Key", "X-B3-Traceid", "X-Client-Fingerprint",
		"X-Content-Type-Options", "X-Correlation-Id", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Port", "X-Forwarded-Proto", "X-Frame-Options", "X-Powered-By", "X-Real-Ip",
		"X-Request-Id", "X-Requested-With", "X-Trace-Id"} {
		put(fieldName{canonical: n})
	}
	return t
}()

func nameSlot(s string) int {
	n := len(s)
	h := uint(n)*0x9e3779b1 + uint(s[0]|0x20)*0x85ebca6b + uint(s[n/2]|0x20)*0xc2b2ae35 + uint(s[n-1]|0x20)*0x27d4eb2f
	h ^= h >> 15
	return int(h % nameSlots)
}

// lookupName returns what is known of a name that is a token.
func lookupName(s string) fieldName {
	for i := nameSlot(s); ; i = (i + 1) % nameSlots {
		k := &knownNames[i]
		if k.canonical == "" {
			break
		}
		if gatehouse.EqualFold(k.canonical, s) {
			return *k
		}
	}
	n := fieldName{canonical: textproto.CanonicalMIMEHeaderKey(s)}
	n.dropOut = len(s) > 6 && gatehouse.EqualFold(s[:6], "proxy-")
	return n
}
