package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/jose"
)

// A site is a folder with a configuration, its keys and policies, and the
// gateway that serves it.
type site struct {
	dir     string
	address string
	admin   string
	socket  string
	tokens  []string
	process *process
}

const host = "shop.example.com"

// newSite writes a configuration in which everything of the protected GET is
// enforced. apis is the section of that name, in YAML.
func newSite(b *bench, origin, apis, policies string) (*site, error) {
	dir, err := os.MkdirTemp(b.dir, "site-")
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir, socket: filepath.Join(dir, "admin.sock")}
	if s.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.admin, err = freeAddress(); err != nil {
		return nil, err
	}
	key, err := jose.GenerateKey("2026-11", jose.ES256)
	if err != nil {
		return nil, err
	}
	if err := writeKeys(filepath.Join(dir, "keys.json"), key); err != nil {
		return nil, err
	}
	for i := range 64 {
		token, err := sign(key, fmt.Sprintf("user-%06d", i), time.Now())
		if err != nil {
			return nil, err
		}
		s.tokens = append(s.tokens, token)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop.cedar"), []byte(policies), 0o600); err != nil {
		return nil, err
	}
	return s, s.configure(fmt.Sprintf(siteConfig, s.address, s.admin, issuer, audience, origin) + apis)
}

// configure puts the configuration in place in one step.
func (s *site) configure(yaml string) error {
	next := filepath.Join(s.dir, "next.yaml")
	if err := os.WriteFile(next, []byte(yaml), 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(s.dir, "gatehouse.yaml"))
}

const siteConfig = `version: 1
listeners:
  - {name: public, address: "%[1]s"}
data_dir: data
admin: {address: "%[2]s", socket: admin.sock}
decisions: {file: data/decisions.jsonl, keep: 2}
authn:
  issuers:
    - name: main
      issuer: %[3]s
      audience: [%[4]s]
      algorithms: [ES256]
      keys: {file: keys.json}
      claims: {roles: realm_access.roles, tier: plan}
policies: {files: [shop.cedar]}
limits:
  levels:
    - {name: address,  key: [address],        rate: 1000000/s}
    - {name: client,   key: [client],         rate: 1000000/s}
    - {name: endpoint, key: [user, endpoint], rate: 1000000/s}
upstreams:
  - {name: orders, endpoints: [{url: "http://%[5]s"}]}
`

// run starts the gateway and checks that it guards: a stranger is refused, a
// caller is served under limits.
func (s *site) run(ctx context.Context, b *bench, path string) error {
	var err error
	s.process, err = start(b.cpus.server, "gatehouse", b.gatehouse, "run", "--config", filepath.Join(s.dir, "gatehouse.yaml"))
	if err != nil {
		return err
	}
	if err := s.process.await(ctx, "http://"+s.admin+"/readyz", 200); err != nil {
		return err
	}
	url := "http://" + s.address + path
	status, _, _, err := get(url, http.Header{"Host": {host}})
	if err != nil {
		return err
	}
	if status != 401 {
		return fmt.Errorf("gatehouse answers %d to a stranger", status)
	}
	status, header, body, err := get(url, http.Header{"Host": {host}, "Authorization": {"Bearer " + s.tokens[0]}})
	if err != nil {
		return err
	}
	if status != 200 || string(body) != originBody || header.Get("RateLimit") == "" {
		return fmt.Errorf("gatehouse answers %d with %d bytes and the limits %q to a caller: %s", status, len(body), header.Get("RateLimit"), s.process.said.String())
	}
	return nil
}

func (s *site) stop() {
	if s.process != nil {
		s.process.stop()
	}
}

// recorded checks that the decision log has the work in it.
func (s *site) recorded(requests float64) error {
	files, err := filepath.Glob(filepath.Join(s.dir, "data", "decisions*"))
	if err != nil {
		return err
	}
	var size int64
	for _, name := range files {
		if fi, err := os.Stat(name); err == nil {
			size += fi.Size()
		}
	}
	if size == 0 || requests == 0 {
		return fmt.Errorf("the decision log is empty after %.0f requests", requests)
	}
	return nil
}

// script writes a wrk script: what the clients send, as often as they can. Users
// and orders change from request to request.
func (s *site) script(path string) (string, error) {
	var b strings.Builder
	b.WriteString("local tokens = {\n")
	for _, t := range s.tokens {
		fmt.Fprintf(&b, "%q,\n", t)
	}
	b.WriteString("}\nlocal requests, n = {}, 0\nfunction init()\n  for i = 1, 256 do\n    local h = {Host = \"" + host + "\"}\n")
	for _, f := range clientFields {
		fmt.Fprintf(&b, "    h[%q] = %q\n", f.Name, f.Value)
	}
	fmt.Fprintf(&b, "    h[\"Authorization\"] = \"Bearer \" .. tokens[i %% #tokens + 1]\n"+
		"    requests[i] = wrk.format(\"GET\", %q .. (1000 + i) .. \"?expand=items\", h)\n  end\nend\n"+
		"function request()\n  n = n %% 256 + 1\n  return requests[n]\nend\n", path)
	name := filepath.Join(s.dir, "load.lua")
	return name, os.WriteFile(name, []byte(b.String()), 0o600)
}
