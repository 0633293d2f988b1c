package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

func (k *checker) apis() {
	if len(k.c.APIs) == 0 {
		k.errorAt("apis", "config.missing", "no API: there is nothing to serve", "apis: [{name: shop, upstream: shop, operations: [{get: /}]}]")
	}
	names := map[string]int{}
	for i := range k.c.APIs {
		path := item("apis", i)
		k.uniqueName(path, k.c.APIs[i].Name, names, i)
		k.api(path, &k.c.APIs[i])
	}
	k.overlaps()
}

func (k *checker) api(path string, a *API) {
	for i, h := range a.Hosts {
		k.host(item(path+".hosts", i), h)
	}
	k.prefix(path+".base_path", a.BasePath)
	k.modes(path, a.Mode, a.Modes)
	for i, name := range a.Authenticate {
		p := item(path+".authenticate", i)
		if !slices.Contains(k.authenticators, name) {
			k.errorAt(p, "config.unknown_issuer", fmt.Sprintf("nothing in authn is called %q", name), k.authenticatorHint(name))
		} else if slices.Contains(a.Authenticate[:i], name) {
			k.errorAt(p, "config.duplicate", fmt.Sprintf("%q stands twice", name), "")
		}
	}
	if a.Credentials == "replace" && k.source.root.find("authn", "identity") == nil {
		k.errorAt(path+".credentials", "config.missing", "replacing credentials needs the key of authn.identity", "authn: {identity: {issuer: …, key: identity.key}}")
	}
	k.targets(path, a)
	if r := a.Rewrite; r != nil {
		for _, p := range []struct{ key, value string }{{"strip_prefix", r.StripPrefix}, {"add_prefix", r.AddPrefix}} {
			if p.value != "" {
				k.prefix(path+".rewrite."+p.key, p.value)
			}
		}
	}
	k.undocumented(path, a)
	k.cors(path+".cors", a.CORS)
	k.csrf(path+".csrf", a)
	k.headers(path, a)
	k.egress(path, a)
	k.contract(path, a)
	k.policy(path, a.WAF, nil)
	if a.Contract != nil {
		k.overrides(path, a)
		return
	}
	k.operations(path, a)
}

func (k *checker) authenticatorHint(name string) string {
	if slices.Contains([]string{"api_keys", "mtls", "cookie"}, name) {
		return fmt.Sprintf("add authn.%s", name)
	}
	if len(k.authenticators) == 0 {
		return "the section authn has no issuers, api_keys, mtls or cookie"
	}
	return DidYouMean(name, k.authenticators)
}

// targets checks that exactly one of upstream and upstreams leads somewhere.
func (k *checker) targets(path string, a *API) {
	switch {
	case a.Upstream == "" && len(a.Upstreams) == 0:
		k.errorAt(path+".upstream", "config.missing", fmt.Sprintf("API %q has no upstream", a.Name), "upstream: NAME")
	case a.Upstream != "" && len(a.Upstreams) > 0:
		k.errorAt(path+".upstreams", "config.conflict", "upstream and upstreams exclude each other", "")
	}
	if a.Upstream != "" {
		k.upstream(path+".upstream", a.Upstream)
	}
	weight := 0
	for i, u := range a.Upstreams {
		p := item(path+".upstreams", i)
		weight += max(u.Weight, 0)
		if u.Name == "" {
			k.errorAt(p+".name", "config.missing", "name is missing", "the upstream's name")
			continue
		}
		k.upstream(p+".name", u.Name)
		if u.Weight < 0 || u.Weight > 1_000_000 {
			k.errorAt(p+".weight", "config.range", fmt.Sprintf("%d is not a weight", u.Weight), "1 to 1000000")
		}
		if slices.ContainsFunc(a.Upstreams[:i], func(o WeightedUpstream) bool { return o.Name == u.Name }) {
			k.errorAt(p+".name", "config.duplicate", fmt.Sprintf("%q stands twice", u.Name), "")
		}
	}
	if len(a.Upstreams) > 0 && weight == 0 {
		k.errorAt(path+".upstreams", "config.range", "the weights add up to nothing", "")
	}
}

func (k *checker) upstream(path, name string) {
	if !slices.Contains(k.upstreams, name) {
		k.errorAt(path, "config.unknown_upstream", fmt.Sprintf("no upstream is called %q", name), DidYouMean(name, k.upstreams))
	}
}

func (k *checker) modes(path string, mode *gatehouse.Mode, modes map[string]gatehouse.Mode) {
	if mode != nil && *mode == gatehouse.Off {
		k.warnAt(path+".mode", "config.unprotected", "every control is off here", "use monitor to watch without refusing")
	}
	for _, name := range keysOf(modes) {
		p := join(path+".modes", name)
		switch m := modes[name]; {
		case name == "normalise" || name == "normalize":
			k.keyAt(path+".modes", name, Error, "config.unknown_control", "normalising has no mode: it is always on", "")
		case !isKnownControl(name):
			k.keyAt(path+".modes", name, Error, "config.unknown_control", fmt.Sprintf("no control is called %q", name), DidYouMean(name, KnownControls))
		case m == gatehouse.Off && (name == "policy" || name == "authn" || name == "authn.requirements" || name == "egress"):
			k.warnAt(p, "config.unprotected", fmt.Sprintf("with %s off, calls go through unjudged", name),
				"use monitor to watch without refusing, access: public for what is open")
		}
	}
}

// undocumented warns where a matching policy could let anything through.
func (k *checker) undocumented(path string, a *API) {
	if len(a.Operations) == 0 && a.Contract == nil && a.Undocumented == "refuse" {
		k.warnAt(path, "config.no_operations", fmt.Sprintf("API %q has no operations and answers 404 to everything", a.Name),
			"list operations, or undocumented: report")
	}
}

func (k *checker) host(path, h string) {
	name := strings.TrimPrefix(h, "*.")
	switch {
	case h == "*":
	case h != strings.ToLower(h):
		k.errorAt(path, "config.host", "a host name is written in lower case", strings.ToLower(h))
	case strings.Contains(h, "://"):
		k.errorAt(path, "config.host", "a host name has no scheme", "")
	case strings.Contains(h, ":") && !isIPv6(h):
		k.errorAt(path, "config.host", "a host name has no port", "")
	case !isIPv6(h) && !isHostName(name):
		k.errorAt(path, "config.host", fmt.Sprintf("%q is not a host name", h), "shop.example.com, *.example.com for one label, or *")
	}
}

func isIPv6(h string) bool {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(h, "["), "]"))
	return err == nil && a.Is6() && strings.HasPrefix(h, "[") && strings.HasSuffix(h, "]")
}

func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// overlaps reports APIs that claim the same requests. An exact host goes before
// *.example.com, and that before *; the longest base path wins. Those with egress
// are behind doors of their own.
func (k *checker) overlaps() {
	k.overlapsAmong(false)
	k.overlapsAmong(true)
}

func (k *checker) overlapsAmong(egress bool) {
	claims, narrow := map[string]*API{}, map[string]*API{} // by host and base path, by base path
	for i := range k.c.APIs {
		a := &k.c.APIs[i]
		if (a.Egress != nil) != egress {
			continue
		}
		for j, h := range a.Hosts {
			first, taken := claims[h+a.BasePath]
			if taken && first == a {
				k.errorAt(item(item("apis", i)+".hosts", j), "config.duplicate", fmt.Sprintf("%q stands twice", h), "")
			} else if taken {
				k.errorAt(item("apis", i)+".hosts", "config.api_overlap", fmt.Sprintf("%q and %q both claim %s%s", first.Name, a.Name, h, a.BasePath),
					"give each its own host or base path")
			} else {
				claims[h+a.BasePath] = a
			}
			if h != "*" {
				narrow[a.BasePath] = a
			}
		}
	}
	for i := range k.c.APIs {
		a := &k.c.APIs[i]
		if egress || a.Egress != nil {
			continue
		}
		if other := narrow[a.BasePath]; other != nil && other != a && slices.Contains(a.Hosts, "*") {
			k.warnAt(item("apis", i)+".hosts", "config.host_overlap", fmt.Sprintf("%q serves any host at %s, but not those of %q", a.Name, a.BasePath, other.Name),
				"name the hosts of "+a.Name)
		}
	}
}

func (k *checker) operations(path string, a *API) {
	ids, shapes := map[string]int{}, map[string]int{}
	closed := -1
	for i := range a.Operations {
		op := &a.Operations[i]
		p := item(path+".operations", i)
		method, template, ok := k.route(p, op)
		if ok {
			shape := method + " " + templateShape(template)
			if j, twice := shapes[shape]; twice {
				k.errorAt(p, "config.duplicate", fmt.Sprintf("%s %s is declared twice", method, template),
					"first at "+k.source.locate(item(path+".operations", j)).position().String())
			} else {
				shapes[shape] = i
			}
		}
		if j, twice := ids[op.ID]; twice && op.ID != "" {
			k.errorAt(p+".id", "config.duplicate", fmt.Sprintf("the id %q is taken", op.ID),
				"at "+k.source.locate(item(path+".operations", j)).position().String())
		} else {
			ids[op.ID] = i
		}
		if op.Access != "public" && closed < 0 {
			closed = i
		}
		k.operation(p, a, op)
	}
	if len(a.Authenticate) == 0 && closed >= 0 && !k.isBroken(path+".authenticate") {
		k.warnAt(item(path+".operations", closed), "config.nobody_identified",
			fmt.Sprintf("API %q identifies nobody, so only policies for anonymous callers can permit this", a.Name),
			"authenticate: [NAME], or access: public")
	}
}

// route returns the one method and template of an operation.
func (k *checker) route(path string, op *Operation) (method, template string, ok bool) {
	n := k.source.exact(path)
	var set []methodKey
	for _, m := range op.methods() {
		if m.path != "" || n.get(m.key) != nil {
			set = append(set, m)
		}
	}
	switch len(set) {
	case 0:
		k.errorAt(path, "config.missing", "an operation needs a method and a path", `such as get: "/orders/{id}", or any: …`)
		return "", "", false
	case 1:
	default:
		k.errorAt(path+"."+set[1].key, "config.conflict", "an operation has one method", "any: … for all of them, or one operation each")
		return "", "", false
	}
	if problem, hint := templateProblem(set[0].path); problem != "" {
		k.errorAt(path+"."+set[0].key, "config.path", problem, hint)
		return "", "", false
	}
	return set[0].method, set[0].path, true
}

func (k *checker) operation(path string, a *API, op *Operation) {
	k.modes(path, op.Mode, op.Modes)
	if len(op.ID) > 200 || strings.ContainsFunc(op.ID, func(r rune) bool { return inert(string(r)) != string(r) }) {
		k.errorAt(path+".id", "config.name", "the id is too long or not printable", "")
	}
	if op.Access == "public" {
		for _, key := range []struct {
			name string
			set  bool
		}{{"scopes", len(op.Scopes) > 0}, {"acr", len(op.ACR) > 0}, {"max_age", op.MaxAge > 0}} {
			if key.set {
				k.warnAt(path+"."+key.name, "config.contradiction", "public means everybody: "+key.name+" would still be demanded", "leave out one of the two")
			}
		}
	}
	for i, s := range op.Scopes {
		if !isScope(s) {
			k.errorAt(item(path+".scopes", i), "config.scope", fmt.Sprintf("%q is not a scope", s), "printable characters without space, quote or backslash (RFC 6749)")
		}
	}
	for i, t := range op.Tags {
		if !isName(t) {
			k.errorAt(item(path+".tags", i), "config.name", fmt.Sprintf("%q is not a tag", t), "letters, digits, - _ and .")
		}
	}
	k.policy(path, op.WAF, a.WAF)
	if f := op.Fault; f != nil {
		k.fault(path+".fault", f)
	}
}

// isScope reports whether s is a scope-token (RFC 6749, section 3.3).
func isScope(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

func (k *checker) fault(path string, f *Fault) {
	percent := func(p string, v float64) {
		if v < 0 || v > 100 {
			k.errorAt(p+".percent", "config.range", fmt.Sprintf("%v is not a percentage", v), "0 to 100")
		}
	}
	if d := f.Delay; d != nil {
		percent(path+".delay", d.Percent)
		if d.For <= 0 {
			k.errorAt(path+".delay.for", "config.missing", "a delay needs a time", "for: 200ms")
		}
	}
	if a := f.Abort; a != nil {
		percent(path+".abort", a.Percent)
		if a.Status < 400 || a.Status > 599 {
			k.errorAt(path+".abort.status", "config.range", fmt.Sprintf("%d is not the status of an error", a.Status), "400 to 599")
		}
	}
}
