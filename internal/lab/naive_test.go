package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

type naiveTarget struct {
	Target
	tlsServer *tls.Config // its TLS, for another server
}

// naiveGateway is a reverse proxy over TLS with no control at all: what a real
// gateway must be better than.
func naiveGateway(t *testing.T, shop *Shop) naiveTarget {
	t.Helper()
	ca, err := newAuthority("naive")
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{PublicHost}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, &ca.key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	proxies := map[string]http.Handler{}
	for _, svc := range shop.Services() {
		u, err := url.Parse(svc.URL())
		if err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(!svc.h2)
		tr.Protocols.SetUnencryptedHTTP2(svc.h2)
		t.Cleanup(tr.CloseIdleConnections)
		p := &httputil.ReverseProxy{Transport: tr, ErrorLog: silent, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host
			for name, v := range r.In.Header { // the naive part: X-Forwarded-* pass, too
				if strings.HasPrefix(name, "X-Forwarded-") {
					r.Out.Header[name] = v
				}
			}
		}}
		proxies[svc.Base] = p
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect, r.URL.IsAbs() && r.URL.Host == shop.Metadata.Addr:
			forwardAnywhere(w, r)
			return
		case r.URL.Path == "/metrics":
			_, _ = w.Write([]byte("api_requests_total 1"))
			return
		}
		for base, p := range proxies {
			if strings.HasPrefix(strings.ToLower(strings.TrimLeft(r.URL.Path, "/"))+"/", strings.ToLower(base[1:])) {
				p.ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = silent
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: ca.key}}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS10}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return naiveTarget{Target{Shop: shop, HTTPS: srv.Listener.Addr().String(), CA: pool,
		Revoke: func(context.Context, string, string) error { return nil }}, srv.TLS}
}

// forwardAnywhere makes an open proxy.
func forwardAnywhere(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		return // 200: the tunnel would stand
	}
	(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.Out.URL.Scheme = "http" }}).ServeHTTP(w, r)
}

// missedInTime tries a race between client and gateway again: on a busy machine
// the client may have taken everything back before the gateway looked.
func missedInTime(t *testing.T, target Target, attacks []Attack, name string) bool {
	if name != "h2-rapid-reset" {
		return false
	}
	only := slices.DeleteFunc(slices.Clone(attacks), func(a Attack) bool { return a.Name != name })
	for range 20 {
		r, err := Run(t.Context(), target, RunOptions{Duration: 50 * time.Millisecond, Rate: 1, Attacks: only})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(r.Cases, func(c CaseCount) bool { return c.Missed > 0 }) {
			return true
		}
	}
	return false
}

// TestNaiveGateway proves the oracles where a gateway stands in between: one that
// controls nothing misses nearly everything, and the report says so.
func TestNaiveGateway(t *testing.T) {
	t.Parallel()
	shop := open(t, AllFlaws())
	target := naiveGateway(t, shop)
	var attacks []Attack
	for _, a := range Attacks() {
		// One flood is like another here, and TestOracles has them all.
		if !a.slow && (!strings.HasPrefix(a.Name, "flood-") || a.Name == "flood-endpoint") {
			attacks = append(attacks, a)
		}
	}
	var progress bytes.Buffer
	// The shop's own limits are not there, so the rate may be high.
	r, err := Run(t.Context(), target.Target, RunOptions{Duration: 100 * time.Millisecond, Rate: 60, Attackers: 12, Attacks: attacks, Progress: &progress})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Failed() {
		t.Error("a gateway that controls nothing passes")
	}
	for _, c := range r.Cases {
		switch {
		case c.Attempts == 0 && !c.NotApplicable:
			t.Errorf("%s: %s", c.Name, c.Unproven)
		case c.Missed == 0 && !c.NotApplicable && !naiveStops[c.Name] && !missedInTime(t, target.Target, attacks, c.Name):
			t.Errorf("%s was not missed", c.Name)
		}
	}
	if len(r.Good.Complaints) > 0 {
		t.Errorf("good clients complain: %q", r.Good.Complaints)
	}
	var table, doc bytes.Buffer
	if err := r.WriteTable(&table); err != nil || !strings.Contains(table.String(), "MISSED") {
		t.Errorf("%v\n%s", err, table.String())
	}
	if err := r.WriteJSON(&doc); err != nil || !json.Valid(doc.Bytes()) || !strings.Contains(doc.String(), `"failed": true`) {
		t.Errorf("%v\n%s", err, doc.String())
	}
}

// naiveStops are the cases that even a naive gateway stops, because net/http
// does: it refuses the message, or normalises it in passing. Behind a front that
// reads HTTP by itself they matter.
var naiveStops = func() map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(`h2-continuation path-bad-percent smuggle-te-cl smuggle-te-obscure smuggle-te-space
		smuggle-te-twice smuggle-te-tab smuggle-cl-twice smuggle-cl-list smuggle-cl-plus smuggle-cl-space smuggle-chunk-lf
		smuggle-chunk-sign smuggle-request-line smuggle-target-tab spoof-space spoof-folded spoof-bare-cr spoof-nul host-twice
		host-absolute h2-method h2-method-space h2-path h2-path-space h2-authority h2-host h2-value h2-name h2-pseudo-twice
		h2-te h2-cl upgrade-h2c tls-no-forward-secrecy`) {
		set[name] = true
	}
	return set
}()
