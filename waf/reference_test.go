package waf

import (
	"context"
	"net/netip"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatehouse/gatehouse"
)

// crs is the Core Rule Set as it comes.
const crs = `
Include @coraza.conf-recommended
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
`

// crsReference loads the Core Rule Set once for all tests.
var crsReference = sync.OnceValues(func() (*reference, error) { return newReference(coreruleset.FS, crs) })

func coreRuleSet(t testing.TB) *reference {
	t.Helper()
	r, err := crsReference()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func get(target string) *Message {
	return &Message{
		Client: netip.MustParseAddrPort("192.0.2.1:4711"), Server: netip.MustParseAddrPort("192.0.2.2:443"),
		Method: "GET", Target: target, Proto: "HTTP/1.1",
		Header: gatehouse.Header{{Name: "Host", Value: "shop.example"}, {Name: "User-Agent", Value: "curl/8.9.1"}, {Name: "Accept", Value: "*/*"}},
	}
}

func TestReferenceSmoke(t *testing.T) {
	r := coreRuleSet(t)
	res, err := r.judge(context.Background(), nil, get("/catalogue?q=shoes"))
	t.Logf("%+v %v", res, err)
	res, err = r.judge(context.Background(), map[string]string{"blocking_paranoia_level": "2"}, get("/catalogue?q=1'+or+'1'='1"))
	t.Logf("%+v %v %+v", res, err, res.Interruption)
}
