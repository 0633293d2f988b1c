package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestEgress(t *testing.T) {
	c, ds := Load("testdata/egress.yaml", testEnv())
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	shop, partner, bank := &c.APIs[0], c.APIs[1].Egress, c.APIs[2].Egress
	if shop.Egress != nil || shop.Credentials != "forward" || c.APIs[1].Credentials != "remove" {
		t.Errorf("%+v", shop)
	}
	if partner.Credential.Header != "Authorization" || partner.Credential.Value != "Bearer from-the-environment" || !partner.Redirects.Is(RedirectsSameHost) ||
		partner.AnswerBytes != gatehouse.MiB || partner.Cookies {
		t.Errorf("%+v", partner)
	}
	if bank.AnswerBytes != 8*gatehouse.MiB || !slices.Equal(bank.Redirects, Redirects{"files.bank.example"}) || !bank.Cookies {
		t.Errorf("%+v", bank)
	}
	if listed, egress := c.EgressAddresses("bank"); !egress || !slices.Equal(listed, []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}) {
		t.Errorf("%v %v", listed, egress)
	}
	if _, egress := c.EgressAddresses("orders"); egress {
		t.Error("orders is a third party's")
	}
	if e := (Egress{}).WithDefaults(); !e.Redirects.Is(RedirectsRefuse) {
		t.Errorf("%+v", e)
	}
}

// The credential is shown nowhere, however it is written down.
func TestEgressCredentialIsSecret(t *testing.T) {
	for _, credential := range []string{
		`{value: "Bearer hunter2"}`, "\n        value: Bearer hunter2", "\n        header: X-Key\n        value: hunter2", `{header: X-Key, value: hunter2}`,
		"{header: X-Key,\n        value: hunter2}", `{value: "${env:NOT_A_RATE}"}`, "{header: \"X Y\",\n        value: 'hunter2 '}",
	} {
		src := strings.Replace(small, "apis:\n", "apis:\n  - name: partner\n    hosts: [api.partner.example]\n    upstream: partner\n    egress:\n      credential: "+credential+
			"\n    operations: [{get: /x, access: public}]\n", 1)
		src = strings.Replace(src, "listeners: [", "listeners: [{name: e, address: 127.0.0.1:9080, egress: true}, ", 1)
		src = strings.Replace(src, "upstreams:\n", "upstreams:\n  - {name: partner, endpoints: [{url: \"https://api.partner.example\"}]}\n", 1)
		c, ds := Load(write(t, map[string]string{"gatehouse.yaml": src, policies: ""})+"/gatehouse.yaml", testEnv())
		if strings.Contains(ds.String(), "hunter2") {
			t.Errorf("%s is shown:\n%s", credential, ds)
		}
		f := newFile("x.yaml", ".", []byte(src))
		for n := range f.lines {
			if text := f.line(n + 1); strings.Contains(text, "hunter2") {
				t.Errorf("%s: line %d is shown as %s", credential, n+1, text)
			}
		}
		if ds.HasErrors() {
			if !strings.Contains(credential, "X Y") {
				t.Errorf("%s: %s", credential, ds)
			}
			continue
		}
		if shown := fmt.Sprint(Diff(nil, c)); strings.Contains(shown, "hunter2") || !strings.Contains(shown, "apis[partner].egress.credential.value: (unset) -> ***") {
			t.Errorf("%s: %s", credential, shown)
		}
		literal := !strings.Contains(credential, "env:")
		if warned := strings.Contains(ds.String(), "config.literal_secret"); warned != literal {
			t.Errorf("%s: warned %v", credential, warned)
		}
	}
}
