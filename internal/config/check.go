package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// A checker tests what no single value can be blamed for: names that lead
// nowhere, doubles, contradictions, and what is allowed but hardly meant.
type checker struct {
	*reporter
	c *Config
	l *loader

	upstreams      []string
	authenticators []string
}

func (l *loader) check(c *Config) {
	k := &checker{reporter: l.report, c: c, l: l}
	k.upstreams = namesIn(l.source.root.get("upstreams"))
	k.authenticators = authenticatorsIn(l.source.root.get("authn"))
	k.version()
	k.rooms()
	k.httpLimits()
	k.listeners()
	k.admin()
	k.policyFiles()
	if c.Mode != nil && *c.Mode == gatehouse.Off {
		k.warnAt("mode", "config.unprotected", "every control is off unless an API says otherwise", "use monitor to watch without refusing")
	}
	k.apis()
	k.doors()
	k.limitOperations()
}

func namesIn(list *node) []string {
	var names []string
	for _, n := range list.each() {
		if name := n.get("name").value(); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// authenticatorsIn lists what apis[].authenticate may name.
func authenticatorsIn(section *node) []string {
	names := namesIn(section.get("issuers"))
	for _, key := range []string{"api_keys", "mtls", "cookie"} {
		if n := section.get(key); n != nil && n.kind == mapping {
			names = append(names, key)
		}
	}
	return names
}

func (k *checker) version() {
	if n := k.source.root.get("version"); n == nil {
		k.errorAt("version", "config.version", "the version of the format is missing", fmt.Sprintf("begin with: version: %d", Version))
	} else if k.c.Version != Version {
		k.errorAt("version", "config.version", fmt.Sprintf("unknown version %d", k.c.Version), fmt.Sprintf("this program reads version %d", Version))
	}
}

func (k *checker) httpLimits() {
	h := &k.c.LimitsHTTP
	for _, f := range []struct {
		key      string
		value    int64
		min, max int64
		show     func(int64) string
	}{
		{"header_bytes", int64(h.HeaderBytes), 1 << 10, 1 << 20, showBytes},
		{"header_fields", int64(h.HeaderFields), 8, 10000, showInt},
		{"uri_bytes", int64(h.URIBytes), 256, 1 << 20, showBytes},
		{"connections", int64(h.Connections), 1, 10_000_000, showInt},
		{"connections_per_address", int64(h.ConnectionsPerAddress), 1, 10_000_000, showInt},
	} {
		if f.value < f.min || f.value > f.max {
			k.errorAt("limits_http."+f.key, "config.range", fmt.Sprintf("%s is out of range", f.show(f.value)),
				fmt.Sprintf("%s to %s", f.show(f.min), f.show(f.max)))
		}
	}
}

func showBytes(n int64) string { return gatehouse.Bytes(n).String() }
func showInt(n int64) string   { return strconv.FormatInt(n, 10) }

func (k *checker) listeners() {
	list := k.c.Listeners
	if len(list) == 0 {
		k.errorAt("listeners", "config.missing", "no listener: nobody could connect", "listeners: [{name: public, address: 127.0.0.1:8080}]")
	}
	names, addresses := map[string]int{}, map[string]int{}
	for i := range list {
		path := item("listeners", i)
		k.uniqueName(path, list[i].Name, names, i)
		if k.address(path+".address", list[i].Address) {
			if j, taken := addresses[list[i].Address]; taken && !anyPort(list[i].Address) {
				k.errorAt(path+".address", "config.duplicate", "the address is taken", fmt.Sprintf("by %s", item("listeners", j)))
			}
			addresses[list[i].Address] = i
		}
		k.listener(path, &list[i])
	}
}

func (k *checker) listener(path string, l *Listener) {
	for j, p := range l.HTTP {
		if slices.Contains(l.HTTP[:j], p) {
			k.errorAt(item(path+".http", j), "config.duplicate", fmt.Sprintf("%q stands twice", p), "")
		}
	}
	if p := l.ProxyProtocol; p != nil {
		if len(p.From) == 0 {
			k.errorAt(path+".proxy_protocol.from", "config.missing", "from is missing", "the networks of the load balancers, such as [10.0.0.0/8]")
		}
		for j, from := range p.From {
			if from.Bits() == 0 {
				k.warnAt(item(path+".proxy_protocol.from", j), "config.trust_everybody", "everybody may claim any address", "")
			}
		}
	}
	if l.RedirectHTTPS < 0 || l.RedirectHTTPS > 65535 {
		k.errorAt(path+".redirect_https", "config.range", fmt.Sprintf("%d is not a port", l.RedirectHTTPS), "1 to 65535")
	}
	k.egressListener(path, l)
	if l.TLS != nil {
		if l.RedirectHTTPS != 0 {
			k.errorAt(path+".redirect_https", "config.conflict", "a listener with tls cannot redirect to HTTPS", "redirect from a plain listener")
		}
		k.tls(path+".tls", l.TLS)
		return
	}
	if l.RedirectHTTPS == 0 && !isLoopback(l.Address) && k.anyAuthenticates() {
		k.warnAt(path, "config.plain_listener", "credentials would cross the network in the clear",
			"add tls, or redirect_https with the port of a listener that has it")
	}
}

func (k *checker) anyAuthenticates() bool {
	return slices.ContainsFunc(k.c.APIs, func(a API) bool { return len(a.Authenticate) > 0 })
}

func (k *checker) tls(path string, t *TLS) {
	for i, c := range t.Certificates {
		p := item(path+".certificates", i)
		switch {
		case c.Internal && (c.Cert != "" || c.Key != ""):
			k.errorAt(p, "config.conflict", "a certificate is internal or has files, not both", "")
		case !c.Internal && (c.Cert == "" || c.Key == ""):
			k.errorAt(p, "config.missing", "a certificate needs cert and key", "or internal: true")
		}
	}
	switch m := t.ClientCerts; {
	case m.Mode != "none" && len(m.CA) == 0:
		k.errorAt(path+".client_certs", "config.missing", "client certificates need the authorities that issue them", "ca: [clients-ca.pem]")
	case m.Mode == "none" && len(m.CA) > 0:
		k.warnAt(path+".client_certs", "config.no_effect", "ca has no effect while mode is none", "mode: request or require")
	}
}

func (k *checker) admin() {
	a := k.c.Admin.Address
	if k.address("admin.address", a) && !isLoopback(a) {
		k.warnAt("admin.address", "config.admin_exposed", "health and metrics are open to the network", "127.0.0.1:9901, or a network that only monitoring reaches")
	}
	for i := range k.c.Listeners {
		if k.c.Listeners[i].Address == a && !anyPort(a) {
			k.errorAt("admin.address", "config.duplicate", "the address is taken", "by "+item("listeners", i))
		}
	}
	for i, p := range k.c.TrustedProxies {
		if p.Bits() == 0 {
			k.warnAt(item("trusted_proxies", i), "config.trust_everybody", "every client may claim any address", "")
		}
	}
}

// address checks host:port; the host is an IP address, localhost or empty.
func (k *checker) address(path, s string) bool {
	const hint = "an address and a port, such as 127.0.0.1:8443 or :8443"
	if s == "" {
		k.errorAt(path, "config.missing", "address is missing", hint)
		return false
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		k.errorAt(path, "config.address", fmt.Sprintf("%q is not an address with a port", s), hint)
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		k.errorAt(path, "config.address", fmt.Sprintf("%q is not a port", port), "0 to 65535")
		return false
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		k.errorAt(path, "config.address", fmt.Sprintf("%q is not an IP address", host), hint)
		return false
	}
	return true
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// anyPort reports whether the system chooses the port, so that one address can
// stand in several places.
func anyPort(address string) bool { return strings.HasSuffix(address, ":0") }

// uniqueName checks the name of the i-th thing of a list.
func (k *checker) uniqueName(path, name string, taken map[string]int, i int) {
	if name == "" {
		k.errorAt(path+".name", "config.missing", "name is missing", "")
		return
	}
	if !isName(name) {
		k.errorAt(path+".name", "config.name", fmt.Sprintf("%q is not a name", name), "letters, digits, - _ and ., at most 64")
	}
	if j, ok := taken[name]; ok {
		first := k.source.locate(fmt.Sprintf("%s[%d].name", path[:strings.LastIndexByte(path, '[')], j))
		k.errorAt(path+".name", "config.duplicate", fmt.Sprintf("the name %q is taken", name), "at "+first.position().String())
		return
	}
	taken[name] = i
}

// isName keeps names fit for metrics, logs and paths of the configuration.
func isName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// policyFiles checks that what policies names is there.
func (k *checker) policyFiles() {
	section := k.source.root.get("policies")
	check := func(n *node, path string) {
		if n.value() == "" || n.expanded {
			return
		}
		pattern := n.text
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(n.file.dir, pattern)
		}
		names, err := k.l.env.glob(pattern)
		switch {
		case err != nil: // the section's Validate says so
		case len(names) > 0:
		case strings.ContainsAny(n.text, "*?["):
			k.errorAt(path, "config.policy_file", fmt.Sprintf("no file matches %q", n.text), "")
		default:
			k.errorAt(path, "config.policy_file", fmt.Sprintf("file %q does not exist", n.text), k.l.similarFile(n.text, pattern))
		}
	}
	for i, n := range section.find("files").each() {
		check(n, item("policies.files", i))
	}
	if n := section.find("entities"); n != nil {
		check(n, "policies.entities")
	}
}

// limitOperations checks that the operations named in limits exist: by id, or as
// a tag.
func (k *checker) limitOperations() {
	if k.anyContract() {
		return // the server looks, once it has read the documents
	}
	var known []string
	for i := range k.c.APIs {
		for _, op := range k.c.APIs[i].Operations {
			known = append(append(known, op.ID), op.Tags...)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	for i, level := range k.source.root.find("limits", "levels").each() {
		operations := level.get("operations")
		if operations == nil {
			continue
		}
		for _, m := range operations.members {
			if name := m.key.text; !slices.Contains(known, name) {
				k.keyAt(item("limits.levels", i)+".operations", name, Error, "config.unknown_operation",
					fmt.Sprintf("no operation has the id or tag %q", name), DidYouMean(name, known))
			}
		}
	}
}
