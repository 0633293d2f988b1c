package main

import "context"

// A measure is one row of the table. Its name stands in results.json.
type measure struct {
	name string
	what string // for the reader
	unit string // of the value: "ratio", "us", "bytes", "allocs", "requests"
	bar  float64
	// atLeast says that more is better.
	atLeast bool
	run     func(ctx context.Context, b *bench) (result, error)
}

func atMost(bar float64, name, unit, what string, run func(context.Context, *bench) (result, error)) measure {
	return measure{name: name, what: what, unit: unit, bar: bar, run: run}
}

func atLeast(bar float64, name, what string, run func(context.Context, *bench) (result, error)) measure {
	return measure{name: name, what: what, unit: "ratio", bar: bar, atLeast: true, run: run}
}

// measures lists every row, in the order in which they run.
func measures() []measure {
	list := []measure{
		atMost(1.25, "protected-get/reverseproxy-cpu", "ratio", "protected GET to a plain httputil.ReverseProxy, processor time", protectedGet),
		atLeast(0.9, "plain-get/nginx", "plain proxy GET, nginx's processor time over ours", versusPeer(nginxProxy, "nginx", "GET", "/orders/1001", 0, false)),
		atLeast(0.8, "plain-post/nginx", "plain proxy 1 KB POST", versusPeer(nginxProxy, "nginx", "POST", "/orders", 1024, false)),
		atLeast(0.9, "plain-get/haproxy", "plain proxy GET, haproxy's over ours", versusPeer(haproxyProxy, "haproxy", "GET", "/orders/1001", 0, false)),
		atLeast(3.5, "plain-get/reverseproxy", "plain proxy GET, httputil.ReverseProxy's over ours", versusPeer(reverseProxyPeer, "reverseproxy", "GET", "/orders/1001", 0, false)),
		atLeast(0.65, "protected-get/nginx", "protected GET to plain nginx", protectedToNginx),
		atLeast(1.0, "tls-get/nginx", "TLS 1.3 keep-alive GET to nginx with TLS", versusPeer(nginxProxy, "nginx", "GET", "/orders/1001", 0, true)),
		atLeast(0.95, "tls-handshake/nginx", "full TLS 1.3 handshakes, X25519, ECDSA P-256, nothing resumed", tlsHandshakes),
		atLeast(0.9, "stream-1m/nginx", "1 MiB answer, processor time", versusPeer(nginxProxy, "nginx", "GET", "/big", 0, false)),
		atMost(1.3, "p99-fixed-rate/nginx", "ratio", "99th percentile at 3,000 requests/s, ours over nginx's", latency),
		atLeast(0.8, "plain-get-2cpu/nginx", "requests/s, ours over nginx's with two workers, nothing pinned", unpinned),
		atMost(12288, "idle-connection-bytes", "bytes", "memory of an idle keep-alive connection, 8,000 of them", idleMemory),
		atMost(15, "contract-post-us", "us", "OpenAPI contract of a 1 KB POST with four parameters, request side", contractPost),
		atMost(60, "contract-post-allocs", "allocs", "the same", contractPostAllocs),
		atLeast(4, "contract-post/kin", "the same, kin-openapi's processor time over ours", contractToKin),
		atMost(5, "contract-get-extra-us", "us", "what a contract adds to a GET and its 1 KB answer", contractGet),
		measure{name: "response-filter-mb-per-s", what: "answer of 100 KB cut down as it streams", unit: "MB/s", bar: 200, atLeast: true, run: filterSpeed},
		atLeast(0.55, "contract-post/nginx", "requests/s, POST with token, limits and contract to plain nginx", contractToNginx),
		atMost(30, "contract-post-cpu-us", "us", "the same, processor time, not scaled", contractCost),
		atMost(0, "reload-failed-requests", "requests", "failed while 500 routes are reloaded 20 times", reloadUnderLoad),
		atMost(0.8, "token-cached-us", "us", "a bearer token that was verified before", tokenCached),
		atMost(1.3, "token-rs256/std", "ratio", "RS256 never seen before, to the bare signature check", tokenRS256),
		atMost(3, "token-malformed-us", "us", "a malformed token refused, the dearest kind", tokenMalformed),
		atMost(0.15, "limit-1k-us", "us", "a limit decision among 1,000 keys", limitAmong(1_000)),
		atMost(2, "limit-1m-us", "us", "a limit decision among 1,000,000 keys", limitAmong(1_000_000)),
		atMost(100, "limit-bytes-per-key", "bytes", "memory of a key, the worst of three fillings", limitBytes),
		atMost(3, "cedar-10-us", "us", "a Cedar decision, 10 policies", cedar10),
		atMost(5, "cedar-1000-us", "us", "a Cedar decision, 1,000 policies over 500 operations, 20 unscoped", cedar1000),
		atMost(25, "protected-get-allocs", "allocs", "all controls together on the protected GET", protectedAllocs),
	}
	return append(list, wafMeasures()...)
}
