package gateway

import (
	"crypto/tls"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// The example of the JA4 specification's own text, GREASE values included.
func TestFingerprintOfHello(t *testing.T) {
	h := &tls.ClientHelloInfo{ServerName: "example.com", SupportedProtos: []string{"h2", "http/1.1"},
		SupportedVersions: []uint16{0x5a5a, tls.VersionTLS13, tls.VersionTLS12},
		CipherSuites:      []uint16{0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		Extensions:        []uint16{0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x8a8a},
		SignatureSchemes:  []tls.SignatureScheme{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}}
	if got, want := fingerprint(h), "t13d1516h2_8daaf6152771_e5627efa2ab1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	h.ServerName, h.SupportedProtos = "", nil
	if got := fingerprint(h)[:10]; got != "t13i151600" {
		t.Errorf("%s", got)
	}
}

func TestFieldOrderTellsClientsApart(t *testing.T) {
	r := &gatehouse.Request{Method: "GET", Proto: "HTTP/1.1", Header: gatehouse.Header{{Name: "Accept", Value: "*/*"},
		{Name: "Accept-Language", Value: "en-US,en;q=0.9"}, {Name: "Cookie", Value: "a=b"}, {Name: "User-Agent", Value: "x"}}}
	first := fieldOrder(r)
	if first[:12] != "ge11cn03enus" {
		t.Errorf("%s", first)
	}
	r.Header[0], r.Header[3] = r.Header[3], r.Header[0]
	if fieldOrder(r) == first {
		t.Error("the order of the fields makes no difference")
	}
	info := &ConnInfo{}
	if a, b := info.withOrder(r), info.withOrder(&gatehouse.Request{Method: "POST", Proto: "HTTP/1.1"}); a != b {
		t.Error("a connection's fingerprint changes")
	}
}
