package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse/gatehouse/waf"
)

// wafConfig is the gateway that inspects requests and does nothing else. As its peer
// it keeps no log. The section waf is as it is without a word; the payload rules of
// Gatehouse's own are on, too, and one request in a thousand goes through all rules.
const wafConfig = `version: 1
listeners:
  - {name: public, address: "%[1]s"}
data_dir: data
admin: {address: "%[2]s", socket: admin.sock}
decisions: {off: true}
limits_http: {connections: 20000, connections_per_address: 20000}
waf: {paranoia: 1}
upstreams:
  - {name: origin, endpoints: [{url: "http://%[3]s"}]}
apis:
  - name: shop
    hosts: [shop.example.com]
    upstream: origin
    operations: [{any: "/{path...}", id: any, access: public, body_bytes: 10MiB}]
`

// newWAFSite configures that gateway and launches it.
func newWAFSite(ctx context.Context, b *bench, origin string) (*site, error) {
	dir, err := os.MkdirTemp(b.dir, "waf-")
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
	if err := s.configure(fmt.Sprintf(wafConfig, s.address, s.admin, origin)); err != nil {
		return nil, err
	}
	if err := s.launch(ctx, b); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// raw is the message as it goes over a connection.
func raw(m *waf.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", m.Method, m.Target)
	for _, f := range m.Header {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	return b.String() + "\r\n" + string(m.Body)
}

// wafScript writes a wrk script that sends messages in turns.
func wafScript(b *bench, messages []*waf.Message) (string, error) {
	dir, err := os.MkdirTemp(b.dir, "load-")
	if err != nil {
		return "", err
	}
	var s strings.Builder
	s.WriteString("local requests, n = {\n")
	for _, m := range messages {
		fmt.Fprintf(&s, "%q,\n", raw(m))
	}
	fmt.Fprintf(&s, "}, 0\nfunction request()\n  n = n %% %d + 1\n  return requests[n]\nend\n", len(messages))
	name := filepath.Join(dir, "load.lua")
	return name, os.WriteFile(name, []byte(s.String()), 0o600)
}

// judges checks that a server blocks an attack and lets a message through.
func judges(address string, good *waf.Message) error {
	call := func(m *waf.Message) (int, error) {
		req, err := http.NewRequest(m.Method, "http://"+address+m.Target, strings.NewReader(string(m.Body)))
		if err != nil {
			return 0, err
		}
		for _, f := range m.Header {
			req.Header.Set(f.Name, f.Value)
		}
		req.Host = host
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	var errs []error
	for _, m := range wafAttacks() {
		if status, err := call(m); err != nil || status != http.StatusForbidden {
			errs = append(errs, fmt.Errorf("%d to the attack %s %s: %w", status, m.Target, m.Body, err))
		}
	}
	if status, err := call(good); err != nil || status != http.StatusOK {
		errs = append(errs, fmt.Errorf("%d to %s %s: %w", status, good.Method, good.Target, err))
	}
	return errors.Join(errs...)
}

// wafToModSecurity compares requests per second with nginx and ModSecurity as Debian
// delivers them, each on one processor. Every answer has to be 200.
func wafToModSecurity(of func() []*waf.Message) func(context.Context, *bench) (result, error) {
	return func(ctx context.Context, b *bench) (result, error) {
		messages := of()
		origin, address, err := startOrigin(ctx, b)
		if err != nil {
			return result{}, err
		}
		defer origin.stop()
		peer, listen, err := modSecurity(ctx, b, address)
		if err != nil {
			return result{}, err
		}
		defer peer.stop()
		s, err := newWAFSite(ctx, b, address)
		if err != nil {
			return result{}, err
		}
		defer s.stop()
		for name, at := range map[string]string{"gatehouse": s.address, "modsecurity": listen} {
			if err := judges(at, messages[0]); err != nil {
				return result{}, fmt.Errorf("%s answers %w", name, err)
			}
		}
		script, err := wafScript(b, messages)
		if err != nil {
			return result{}, err
		}
		l := load{script: script, connections: 64}
		before, err := goMemory(s.admin)
		if err != nil {
			return result{}, err
		}
		pairs, notes, err := b.versus(ctx, contender{"gatehouse", s.process, s.address, l}, contender{"modsecurity", peer, listen, l})
		if err != nil {
			return result{}, err
		}
		after, err := goMemory(s.admin)
		if err != nil {
			return result{}, err
		}
		r := result{oursUnit: "requests/s", theirsUnit: "requests/s", notes: append(notes, after.perRequest(before))}
		var ours, theirs []float64
		for _, p := range pairs {
			ours, theirs = append(ours, p.ours.rate), append(theirs, p.theirs.rate)
			r.runs = append(r.runs, p.ours.rate/p.theirs.rate)
		}
		r.value, r.ours, r.theirs = median(r.runs), median(ours), median(theirs)
		for _, p := range []*process{s.process, peer} {
			if peak, err := peakMemory(p); err == nil {
				r.notes = append(r.notes, fmt.Sprintf("%s: %.0f MB resident at most", p.name, float64(peak)/1e6))
			}
		}
		counts, err := wafCounts(s.admin)
		if err != nil {
			return result{}, err
		}
		r.notes = append(r.notes, counts.String())
		return r, nil
	}
}

const (
	modSecurityModule = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
	modSecurityRules  = "/usr/share/modsecurity-crs/rules"
)

// modSecurity runs a proxying nginx with one worker that judges requests, and
// requests only, by the rules of Debian's package, and blocks.
func modSecurity(ctx context.Context, b *bench, origin string) (*process, string, error) {
	nginx, err := program("nginx")
	if err != nil {
		return nil, "", err
	}
	for _, name := range []string{modSecurityModule, modSecurityRules} {
		if _, err := os.Stat(name); err != nil {
			return nil, "", fmt.Errorf("%w; libnginx-mod-http-modsecurity and modsecurity-crs are needed, see scripts/install-test-parts bench", err)
		}
	}
	dir, err := os.MkdirTemp(b.dir, "modsecurity-")
	if err != nil {
		return nil, "", err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	rules, conf := filepath.Join(dir, "rules.conf"), filepath.Join(dir, "nginx.conf")
	inServer := fmt.Sprintf("modsecurity on; modsecurity_rules_file %s; client_body_buffer_size 64k;", rules)
	text := fmt.Sprintf(proxyConf, dir, listen, origin, inServer, "load_module "+modSecurityModule+";\nmaster_process off;\nworker_processes 1;")
	if err := errors.Join(os.WriteFile(rules, []byte(modSecurityConf), 0o600), os.WriteFile(conf, []byte(text), 0o600)); err != nil {
		return nil, "", err
	}
	p, err := start(b.cpus.server, "nginx", nginx, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	if err != nil {
		return nil, "", err
	}
	return p, listen, p.listens(ctx, "http", listen)
}

const modSecurityConf = `Include /etc/nginx/modsecurity.conf
SecRuleEngine On
SecAuditEngine Off
SecResponseBodyAccess Off
Include /etc/modsecurity/crs/crs-setup.conf
Include /usr/share/modsecurity-crs/rules/REQUEST-*.conf
`

// A wafCount is what the gateway's metrics say of its rules.
type wafCount struct{ proven, replayed, refused, shadowed, mismatches float64 }

func (c wafCount) String() string {
	return fmt.Sprintf("%.0f requests proven, %.0f through all rules, %.0f refused, %.0f shadowed, %.0f mismatches", c.proven, c.replayed, c.refused, c.shadowed, c.mismatches)
}

func wafCounts(admin string) (c wafCount, err error) {
	status, _, text, err := get("http://"+admin+"/metrics", http.Header{})
	if err != nil || status != 200 {
		return c, fmt.Errorf("metrics: status %d, %w", status, err)
	}
	into := map[string]*float64{"gatehouse_waf_proven_total": &c.proven, "gatehouse_waf_replayed_total": &c.replayed,
		"gatehouse_waf_refused_total": &c.refused, "gatehouse_waf_shadowed_total": &c.shadowed, "gatehouse_waf_mismatches_total": &c.mismatches}
	found := 0
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if v := into[name]; v != nil {
			found++
			if _, err := fmt.Sscan(value, v); err != nil {
				return c, err
			}
		}
	}
	if found != len(into) {
		return c, errors.New("metrics: the counts of the rules are missing")
	}
	return c, nil
}

// peakMemory is the resident memory that a process had at most, in bytes.
func peakMemory(p *process) (int64, error) { return statusOf(p.pid(), "VmHWM:") }
