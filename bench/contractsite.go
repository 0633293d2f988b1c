package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// contractAPI is the API of the contract's document, and nothing else: whoever
// meets its security requirement is let in, and what it does not mention is refused.
const contractAPI = `apis:
  - name: shop
    hosts: [shop.example.com]
    upstream: orders
    authenticate: [main]
    contract: {file: orders.yaml, access: secured, unknown: {query: refuse, properties: refuse}}
`

// contractSecurity makes the document ask for a token with a scope.
const contractSecurity = `security: [{token: ["orders:write"]}]
components:
  securitySchemes:
    token: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://id.example.com/token", scopes: {"orders:write": order}}}}
`

// contractSite is a gateway that checks tokens, limits and the contract of a POST
// and of its answer, beside a plain nginx. Neither keeps a log.
func contractSite(ctx context.Context, b *bench) ([]pairing, []string, error) {
	origin, address, err := startOrigin(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	defer origin.stop()
	s, err := newSite(b, address, contractAPI, "")
	if err != nil {
		return nil, nil, err
	}
	defer s.stop()
	if err := s.amend("decisions: {file: data/decisions.jsonl, keep: 2}", "decisions: {off: true}"); err != nil {
		return nil, nil, err
	}
	doc := strings.Replace(fmt.Sprintf(contractDocument, "3.1.0"), "components:\n", contractSecurity, 1)
	if err := os.WriteFile(filepath.Join(s.dir, "orders.yaml"), []byte(doc), 0o600); err != nil {
		return nil, nil, err
	}
	if err := s.launch(ctx, b); err != nil {
		return nil, nil, err
	}
	if err := s.guardsContract(); err != nil {
		return nil, nil, err
	}
	script, err := s.contractScript()
	if err != nil {
		return nil, nil, err
	}
	p, listen, err := nginxProxy(ctx, b, address, "")
	if err != nil {
		return nil, nil, err
	}
	defer p.stop()
	l := load{script: script, connections: 64}
	before, err := goMemory(s.admin)
	if err != nil {
		return nil, nil, err
	}
	pairs, notes, err := b.versus(ctx, contender{"gatehouse", s.process, s.address, l}, contender{"nginx", p, listen, l})
	if err != nil {
		return nil, nil, err
	}
	after, err := goMemory(s.admin)
	if err != nil {
		return nil, nil, err
	}
	return pairs, append(notes, after.perRequest(before)), nil
}

// amend replaces a part of the configuration.
func (s *site) amend(old, new string) error {
	text, err := os.ReadFile(filepath.Join(s.dir, "gatehouse.yaml"))
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), old) {
		return fmt.Errorf("the configuration has no %q", old)
	}
	return s.configure(strings.Replace(string(text), old, new, 1))
}

// guardsContract checks that strangers and orders against the contract are
// refused, and that a good one is served.
func (s *site) guardsContract() error {
	post := func(token, body string) (int, error) {
		req, err := newCall(strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		req.URL.Host = s.address
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	for _, c := range []struct {
		token, body string
		want        int
	}{{"", contractBody, 401}, {s.tokens[0], strings.Replace(contractBody, "EUR", "XXX", 1), 400},
		{s.tokens[0], strings.Replace(contractBody, `{"sku"`, `{"cost":1,"sku"`, 1), 400}, {s.tokens[0], contractBody, 200}} {
		if got, err := post(c.token, c.body); err != nil || got != c.want {
			return fmt.Errorf("gatehouse answers %d, not %d: %v %s", got, c.want, err, s.process.said.String())
		}
	}
	return nil
}

// contractScript writes a wrk script: the call of the contract by 64 callers.
func (s *site) contractScript() (string, error) {
	var b strings.Builder
	b.WriteString("local tokens = {\n")
	for _, t := range s.tokens {
		fmt.Fprintf(&b, "%q,\n", t)
	}
	b.WriteString("}\nlocal requests, n = {}, 0\nfunction init()\n  for i = 1, 256 do\n    local h = {Host = \"" + host + "\"}\n")
	for _, f := range contractFields() {
		fmt.Fprintf(&b, "    h[%q] = %q\n", f.Name, f.Value)
	}
	fmt.Fprintf(&b, "    h[\"Authorization\"] = \"Bearer \" .. tokens[i %% #tokens + 1]\n"+
		"    requests[i] = wrk.format(\"POST\", \"/customers/\" .. (1000 + i) .. \"/orders?%s\", h, %q)\n  end\nend\n"+
		"function request()\n  n = n %% 256 + 1\n  return requests[n]\nend\n", contractQuery, contractBody)
	name := filepath.Join(s.dir, "load.lua")
	return name, os.WriteFile(name, []byte(b.String()), 0o600)
}

// contractToNginx compares requests per second, each on one processor.
func contractToNginx(ctx context.Context, b *bench) (result, error) {
	pairs, notes, err := contractSite(ctx, b)
	if err != nil {
		return result{}, err
	}
	r := result{oursUnit: "requests/s", theirsUnit: "requests/s", notes: notes}
	var ours, theirs []float64
	for _, p := range pairs {
		ours, theirs = append(ours, p.ours.rate), append(theirs, p.theirs.rate)
		r.runs = append(r.runs, p.ours.rate/p.theirs.rate)
	}
	r.value, r.ours, r.theirs = median(r.runs), median(ours), median(theirs)
	return r, nil
}

// contractCost is the processor time of the same request, in µs, as measured.
func contractCost(ctx context.Context, b *bench) (result, error) {
	pairs, notes, err := contractSite(ctx, b)
	if err != nil {
		return result{}, err
	}
	return cost(pairs, notes, func(ours, _ float64) float64 { return ours }), nil
}
