package payload

import (
	"testing"
)

func TestSSRF(t *testing.T) {
	i := inspector(t)
	all := append([]string{"graphql"}, bodies...)
	for _, c := range []struct{ rule, name, value string }{
		// Metadata services, in any field.
		{"ssrf.metadata", "note", "http://169.254.169.254/latest/meta-data/"},
		{"ssrf.metadata", "note", "http://metadata.google.internal/computeMetadata/v1/"},
		{"ssrf.metadata", "note", "HTTP://Metadata.Google.Internal./"},
		{"ssrf.metadata", "note", "http://metadata/computeMetadata"},
		{"ssrf.metadata", "note", "http://100.100.100.200/latest"},
		{"ssrf.metadata", "note", "http://168.63.129.16/machine"},
		{"ssrf.metadata", "note", "http://169.254.170.2/v2/credentials"},
		{"ssrf.metadata", "note", "http://[fd00:ec2::254]/latest"},
		{"ssrf.metadata", "note", "//169.254.169.254/latest"},
		{"ssrf.metadata", "note", `\\169.254.169.254\share`},
		{"ssrf.metadata", "note", "http://169.254.169.254/ and some words behind it"},
		// The same address in every notation.
		{"ssrf.metadata", "u", "http://2852039166/"},
		{"ssrf.metadata", "u", "http://7147006462/"}, // wraps around
		{"ssrf.metadata", "u", "http://0xA9FEA9FE/"},
		{"ssrf.metadata", "u", "http://0xa9.0xfe.0xa9.0xfe/"},
		{"ssrf.metadata", "u", "http://0251.0376.0251.0376/"},
		{"ssrf.metadata", "u", "http://0251.0xfe.43518/"},
		{"ssrf.metadata", "u", "http://169.254.43518/"},
		{"ssrf.metadata", "u", "http://169.16689662/"},
		{"ssrf.metadata", "u", "http://0169.0254.0169.0254/"},
		{"ssrf.metadata", "u", "http://425.510.425.510/"},
		{"ssrf.metadata", "u", "http://169.254.169.254.:80/"},
		{"ssrf.metadata", "u", "http://[::ffff:169.254.169.254]/"},
		{"ssrf.metadata", "u", "http://[::ffff:a9fe:a9fe]:80/"},
		{"ssrf.metadata", "u", "http://[::169.254.169.254]/"},
		{"ssrf.metadata", "u", "http://[64:ff9b::a9fe:a9fe]/"},
		{"ssrf.metadata", "u", "http://[64:ff9b:1::169.254.169.254]/"},
		{"ssrf.metadata", "u", "http://[2002:a9fe:a9fe::1]/"},
		{"ssrf.metadata", "u", "http://[2001:0:4136:e378:8000:63bf:5601:5601]/"}, // Teredo
		{"ssrf.metadata", "u", "http://[fe80::5efe:169.254.169.254]/"},
		{"ssrf.metadata", "u", "http://[::ffff:169.254.169.254%25eth0]/"},
		{"ssrf.metadata", "u", "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/"},
		{"ssrf.metadata", "u", "http://１６９。２５４｡１６９．２５４/"},
		{"ssrf.metadata", "u", "http://𝟏𝟔𝟗.𝟚𝟝𝟜.169.254/"},
		{"ssrf.metadata", "u", "http://1%36%39.254.169.254/"},
		{"ssrf.metadata", "u", "http://%31%36%39%2e254%2e169%2e254/"},
		{"ssrf.metadata", "u", "http://169.254.169.254%2f@example.com/"},
		{"ssrf.metadata", "u", "http://good.example.com@169.254.169.254/"},
		{"ssrf.metadata", "u", "http://user:pw@169.254.169.254:80/"},
		{"ssrf.metadata", "u", "http://example.com%40169.254.169.254/"},
		{"ssrf.metadata", "u", `http://example.com\@169.254.169.254/`},
		{"ssrf.metadata", "u", "http://example.com#@169.254.169.254/"},
		{"ssrf.metadata", "u", "http://example.com?@169.254.169.254/"},
		{"ssrf.metadata", "u", `http:\\169.254.169.254/`},
		{"ssrf.metadata", "u", "http:/169.254.169.254/"},
		{"ssrf.metadata", "u", "http:169.254.169.254/"},
		{"ssrf.metadata", "u", "http:////169.254.169.254/"},
		{"ssrf.metadata", "u", "ht\ntp://169.25\t4.169.254/"},
		{"ssrf.metadata", "u", " \x01http://169.254.169.254/"},
		{"ssrf.metadata", "u", "http://169.254.169.254.nip.io/"},
		{"ssrf.metadata", "u", "https://app-169-254-169-254.sslip.io/"},
		{"ssrf.metadata", "u", "http://a9fea9fe.nip.io/"},
		{"ssrf.metadata", "u", "https://example.com/?next=http://169.254.169.254/"},
		{"ssrf.metadata", "u", "https://a.example,http://169.254.169.254/"},
		{"ssrf.metadata", "u", "url:http://169.254.169.254/"},
		{"ssrf.metadata", "u", "redis://169.254.169.254:6379/"},
		// Private addresses and names.
		{"ssrf.private", "u", "http://127.0.0.1:8080/admin"},
		{"ssrf.private", "u", "http://127.1/"},
		{"ssrf.private", "u", "http://0/"},
		{"ssrf.private", "u", "http://0x7f.1/"},
		{"ssrf.private", "u", "http://017700000001/"},
		{"ssrf.private", "u", "http://010.0.0.1/"}, // octal 8.0.0.1 for some, 10.0.0.1 for others
		{"ssrf.private", "u", "http://10.1.2.3/"},
		{"ssrf.private", "u", "http://172.31.255.1/"},
		{"ssrf.private", "u", "http://192.168.0.1/"},
		{"ssrf.private", "u", "http://100.64.0.1/"},
		{"ssrf.private", "u", "http://198.18.0.1/"},
		{"ssrf.private", "u", "http://[::1]/"},
		{"ssrf.private", "u", "http://[0:0:0:0:0:0:0:1]:80/"},
		{"ssrf.private", "u", "http://[::]/"},
		{"ssrf.private", "u", "http://[fe80::1%25en0]/"},
		{"ssrf.private", "u", "http://[fd12:3456::1]/"},
		{"ssrf.private", "u", "http://[fec0::1]/"},
		{"ssrf.private", "u", "http://localhost/"},
		{"ssrf.private", "u", "http://LOCALHOST:3000"},
		{"ssrf.private", "u", "http://localhost./"},
		{"ssrf.private", "u", "http://foo.localhost/"},
		{"ssrf.private", "u", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/"},
		{"ssrf.private", "u", "http://loc%61lhost/"},
		{"ssrf.private", "u", "http://local\u00adhost/"},
		{"ssrf.private", "u", "http://localtest.me/"},
		{"ssrf.private", "u", "http://orders.default.svc.cluster.local/"},
		{"ssrf.private", "u", "http://db.internal:5432/"},
		{"ssrf.private", "u", "http://10-0-0-5.app.sslip.io/"},
		{"ssrf.private", "u", "http://--1.sslip.io/"},
		{"ssrf.private", "u", "http://7f000001.08080808.rbndr.us/"},
		{"ssrf.private", "u", "//localhost/x"},
		{"ssrf.private", "u", "ws://127.0.0.1/"},
		// Without a scheme, where the name says so.
		{"ssrf.metadata", "target", "169.254.169.254"},
		{"ssrf.metadata", "image_url", "169.254.169.254/latest"},
		{"ssrf.metadata", "host", "2852039166"},
		{"ssrf.metadata", "webhookUrl", "metadata.google.internal"},
		{"ssrf.private", "url", "localhost:8080/x"},
		{"ssrf.private", "callbackurl", "localhost"},
		{"ssrf.private", "dest_host", "10.0.0.7"},
		{"ssrf.private", "proxy", "127.1"},
		{"ssrf.private", "feed", "[::1]:80"},
		{"ssrf.private", "hostname", "::1"},
		{"ssrf.private", "host_name", "fe80::1"},
		{"ssrf.private", "endpoint", "db.internal:5432"},
		{"ssrf.private", "src", "0x7f000001"},
		{"ssrf.private", "redirectUri", "2130706433"},
		{"ssrf.private", "url", "http://10.0.0.1/ and more"},
		// Schemes.
		{"ssrf.scheme", "u", "gopher://example.com:6379/_SET"},
		{"ssrf.scheme", "u", "FILE:///etc/hostname"},
		{"ssrf.scheme", "u", "file:/etc/hostname"},
		{"ssrf.scheme", "u", "dict://example.com:11211/stat"},
		{"ssrf.scheme", "u", "ldap://example.com/x"},
		{"ssrf.scheme", "u", "jar:http://example.com!/x"},
		{"ssrf.scheme", "u", "netdoc:///etc/hostname"},
		{"ssrf.scheme", "u", "phar://x.phar/y"},
		{"ssrf.scheme", "u", "php://filter/x"},
		{"ssrf.scheme", "url", "ftp://example.com/x"},
		{"ssrf.scheme", "u", "https://example.com/?x=gopher://a"},
		// Odd, but public.
		{"ssrf.notation", "u", "http://134744072/"},
		{"ssrf.notation", "u", "http://0x08.8.8.8/"},

		// Look-alikes.
		{"", "order", "2130706433"},
		{"", "id", "2852039166"},
		{"", "ip", "10.0.0.1"},
		{"", "server_version", "10.1"},
		{"", "target", "10.1"},
		{"", "target", "100"},
		{"", "target", "2147483647"},
		{"", "target_version", "127.1"},
		{"", "host_count", "127"},
		{"", "url", "https://example.com/a?b=c#d"},
		{"", "url", "https://8.8.8.8/dns-query"},
		{"", "url", "https://user@example.com:8443/"},
		{"", "url", "https://[2606:4700:4700::1111]/"},
		{"", "url", "https://münchen.example/straße"},
		{"", "url", "https://日本語.example/"},
		{"", "url", "https://localhost.example.com/"},
		{"", "url", "https://notlocalhost/"},
		{"", "url", "https://10.0.0.1.example.com/"},
		{"", "url", "https://internal.example.com/metadata/169.254.169.254"},
		{"", "url", "https://8.8.8.8.nip.io/"},
		{"", "url", "/relative/path?x=10.0.0.1"},
		{"", "url", "mailto:ada@example.com"},
		{"", "url", "urn:isbn:0451450523"},
		{"", "url", "data:image/png;base64,iVBORw0KGgo="},
		{"", "url", "tel:+4917012345"},
		{"", "website", "ftp://ftp.example.com/pub"},
		{"", "src", "git@github.com:org/repo.git"},
		{"", "src", "s3://bucket/key"},
		{"", "host", "shop.example.com:443"},
		{"", "target", "everyone"},
		{"", "note", "Open http://localhost:3000 in your browser"},
		{"", "note", "http://localhost:3000 is where it runs"},
		{"", "note", "the metadata of 10.0.0.1, and localhost"},
		{"", "note", "localhost"},
		{"", "note", "file: report.pdf"},
		{"", "note", "[docs](http://localhost:8080)"},
		{"", "time", "21:05:30"},
		{"", "host", "00:1b:44:11:3a:b7"},
		{"", "at", "2026-11-21T21:05:00.127Z"},
		{"", "version", "10.0.0.1"},
		{"", "note", "//div[@id='localhost']"},
		{"", "note", "// http://"},
		{"", "url", "http://"},
		{"", "url", "https:///"},
		{"", "ratio", "16:9"},
	} {
		expect(t, i, c.rule, c.name, c.value, all...)
	}
}

func TestSSRFConfig(t *testing.T) {
	get := func(s string) *Input { return &Input{Query: s} }
	allow := inspector(t, Config{SSRF: SSRFConfig{Allow: []string{"orders.internal", "*.svc", "10.1.0.0/16", "::1"}, Names: []string{"mirror_of"}}})
	for query, want := range map[string]int{
		"u=http://orders.internal:80/":         0,
		"u=http://ORDERS.internal./":           0,
		"u=http://a.b.svc/":                    0,
		"u=http://10.1.2.3/":                   0,
		"u=http://[::1]:80/":                   0,
		"u=http://10.2.0.1/":                   1,
		"u=http://0x0a.1.2.3/":                 1, // allowed addresses are written plainly
		"u=http://x.orders.internal/":          1,
		"u=http://orders.internal@10.2.0.1/":   1,
		"u=http://10.1.2.3@169.254.169.254/":   1,
		"u=http://10.1.2.3.nip.io/":            1,
		"mirror_of=10.2.0.1":                   1,
		"mirrorof=10.2.0.1":                    1,
		"mirror=10.2.0.1":                      0,
		"u=http://orders.internal.example.com": 0,
	} {
		if got := rules(allow, get(query)); len(got) != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	every, never := inspector(t, Config{SSRF: SSRFConfig{Bare: BareEvery}}), inspector(t, Config{SSRF: SSRFConfig{Bare: BareNever}})
	if len(rules(every, get("ip=10.0.0.1"))) != 1 || len(rules(every, get("note=http://localhost+is+it"))) != 0 {
		t.Error("bare: every")
	}
	if len(rules(never, get("url=10.0.0.1"))) != 0 || len(rules(never, get("url=http://10.0.0.1"))) != 1 {
		t.Error("bare: never")
	}
}
