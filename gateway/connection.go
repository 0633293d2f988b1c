package gateway

import (
	"strings"

	"github.com/gatehouse/gatehouse"
)

// connectionOptions takes the fields that Connection names out of the header
// (RFC 9110, section 7.6.1), before anybody judges them: what is judged is what
// goes on. A field that is meant for whoever reads the message cannot be named
// away; there is no honest reason to.
func connectionOptions(h *gatehouse.Header) *gatehouse.Error {
	var named []string
	for i := range *h {
		f := &(*h)[i]
		if len(f.Name) != len("Connection") || !gatehouse.EqualFold(f.Name, "Connection") ||
			gatehouse.EqualFold(f.Value, "keep-alive") || gatehouse.EqualFold(f.Value, "close") {
			continue
		}
		for option := range strings.SplitSeq(f.Value, ",") {
			option = strings.Trim(option, " \t")
			switch {
			case option == "", isHopByHop(option), gatehouse.EqualFold(option, "close"):
				continue
			case isEndToEnd(option):
				return badRequest("header.connection_option", "Connection names a field that is not the connection's")
			}
			named = append(named, option)
		}
	}
	for _, name := range named {
		h.Del(name)
	}
	return nil
}

var endToEnd = map[string]bool{
	"accept": true, "age": true, "allow": true, "authorization": true, "baggage": true, "cache-control": true, "cookie": true,
	"cookie2": true, "date": true, "digest": true, "dpop": true, "early-data": true, "etag": true, "expect": true, "expires": true,
	"forwarded": true, "from": true, "host": true, "idempotency-key": true, "last-modified": true, "link": true, "location": true,
	"max-forwards": true, "origin": true, "pragma": true, "prefer": true, "priority": true, "range": true, "referer": true,
	"repr-digest": true, "signature": true, "signature-input": true, "set-cookie": true, "traceparent": true, "tracestate": true,
	"user-agent": true, "vary": true, "via": true, "warning": true,
}

var endToEndPrefixes = []string{"accept-", "access-control-", "content-", "if-", "sec-", "want-", "x-api-key", "x-csrf-", "x-http-method", "x-method-override", "x-xsrf-"}

// isEndToEnd reports whether a field is for the recipient of the message.
func isEndToEnd(name string) bool {
	folded := foldField(name)
	if endToEnd[folded] || isForgeable(name) {
		return true
	}
	for _, p := range endToEndPrefixes {
		if strings.HasPrefix(folded, p) {
			return true
		}
	}
	return false
}
