package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/upstream"
)

// Egress makes an API one of a third party, which services call through the
// gateway, and says what is taken from it.
type Egress struct {
	Credential  *Credential     `yaml:"credential" jsonschema_description:"Credential added to every call, so that no service has to hold it."`
	Redirects   Redirects       `yaml:"redirects" jsonschema_description:"Redirects handed to the service: refuse, same_host, or a list of hosts besides the third party's own. None is ever followed here. Default: refuse."`
	AnswerBytes gatehouse.Bytes `yaml:"answer_bytes" jsonschema_description:"Greatest size of an answer's body. Default: 8MiB."`
	AnswerTypes []string        `yaml:"answer_types" jsonschema_description:"Media types an answer's body may have: application/json, text/*. Default: any."`
	Cookies     bool            `yaml:"cookies" jsonschema_description:"Whether cookies pass, in both directions."`
	Addresses   []netip.Prefix  `yaml:"addresses" jsonschema_description:"Networks, besides the public Internet, in which the third party may be."`
}

// A Credential is a header field that only the gateway knows.
type Credential struct {
	Header string `yaml:"header" jsonschema_description:"Field that carries it. Default: Authorization."`
	Value  string `yaml:"value" jsonschema:"required,format=password" jsonschema_description:"Its value, such as Bearer and a reference to a file."`
}

// Redirects is one of the words, or hosts.
type Redirects []string

var redirectsType = reflect.TypeFor[Redirects]()

// The words that Redirects may be.
const (
	RedirectsRefuse   = "refuse"
	RedirectsSameHost = "same_host"
)

// Is reports whether r is one of the words.
func (r Redirects) Is(word string) bool { return len(r) == 1 && r[0] == word }

// WithDefaults returns e with its unset values filled in.
func (e Egress) WithDefaults() Egress {
	if e.Redirects == nil {
		e.Redirects = Redirects{RedirectsRefuse}
	}
	setDefault(&e.AnswerBytes, 8*gatehouse.MiB)
	if e.Credential != nil {
		c := *e.Credential
		setDefault(&c.Header, "Authorization")
		e.Credential = &c
	}
	return e
}

// EgressAddresses returns the networks in which an upstream may be that serves
// APIs of third parties, and whether it does.
func (c *Config) EgressAddresses(upstream string) (listed []netip.Prefix, egress bool) {
	for i := range c.APIs {
		if a := &c.APIs[i]; a.Egress != nil && a.Upstream == upstream {
			listed, egress = append(listed, a.Egress.Addresses...), true
		}
	}
	return listed, egress
}

// egressListener checks what only an egress listener is asked.
func (k *checker) egressListener(path string, l *Listener) {
	if !l.Egress {
		return
	}
	if l.RedirectHTTPS != 0 {
		k.errorAt(path+".redirect_https", "config.conflict", "an egress listener cannot redirect", "services call it by plain HTTP, or by TLS from the start")
	}
	if !isLoopback(l.Address) && (l.TLS == nil || l.TLS.ClientCerts.Mode == "none") {
		k.warnAt(path, "config.open_egress", "whoever reaches this address may try to call third parties from here",
			"tls with client_certs, or an address that only services reach")
	}
	if !slices.ContainsFunc(k.c.APIs, func(a API) bool { return a.Egress != nil }) && len(k.c.APIs) > 0 {
		k.warnAt(path+".egress", "config.no_effect", "no API has egress: this listener refuses everything", "")
	}
}

// doors checks that every API has a listener that serves it.
func (k *checker) doors() {
	if len(k.c.Listeners) == 0 {
		return
	}
	for i := range k.c.APIs {
		egress := k.c.APIs[i].Egress != nil
		if slices.ContainsFunc(k.c.Listeners, func(l Listener) bool { return l.Egress == egress }) {
			continue
		}
		if egress {
			k.errorAt(item("apis", i)+".egress", "config.no_listener", "an API with egress is served on egress listeners only, and there is none",
				"listeners: [{name: egress, address: 127.0.0.1:9080, egress: true}]")
		} else {
			k.errorAt(item("apis", i), "config.no_listener", "every listener is an egress listener, and none serves this API", "a listener without egress, or egress: {}")
		}
	}
}

// egress checks an API of a third party.
func (k *checker) egress(path string, a *API) {
	e := a.Egress
	if e == nil {
		if k.source.exact(path).get("egress") != nil && !k.isBroken(path+".egress") {
			k.errorAt(path+".egress", "config.missing", "egress says nothing, and the API would be served to everybody", "egress: {}")
		}
		return
	}
	for i, h := range a.Hosts {
		if strings.Contains(h, "*") {
			k.errorAt(item(path+".hosts", i), "config.egress_host", "an API with egress names every host that services may call", "hosts: [api.partner.example]")
		}
	}
	if a.Credentials != "remove" {
		k.errorAt(path+".credentials", "config.conflict", "what a service shows the gateway is not for third parties", "leave it out, and add their credential by egress.credential")
	}
	exposed := slices.ContainsFunc(k.c.Listeners, func(l Listener) bool {
		return l.Egress && !isLoopback(l.Address) && (l.TLS == nil || l.TLS.ClientCerts.Mode != "require")
	})
	for i := range a.Operations {
		op, p := &a.Operations[i], item(path+".operations", i)
		if slices.Contains(op.Stream, "websocket") {
			k.errorAt(p+".stream", "config.conflict", "what goes through a WebSocket cannot be bounded or judged", "")
		}
		if exposed && e.Credential != nil && op.Access == "public" {
			k.warnAt(p+".access", "config.open_egress", "whoever reaches the egress listener makes this call with the credential", "leave access out, and add a policy for the services that may")
		}
	}
	k.egressUpstream(path, a)
	k.credential(path+".egress.credential", e.Credential)
	k.redirects(path+".egress.redirects", e.Redirects)
	for i, t := range e.AnswerTypes {
		kind, sub, both := strings.Cut(t, "/")
		if !both || !isToken(kind) || !isToken(sub) || strings.Contains(kind, "*") || strings.Contains(sub, "*") && sub != "*" || t != strings.ToLower(t) {
			k.errorAt(item(path+".egress.answer_types", i), "config.media_type", fmt.Sprintf("%q is not a media type", t), "application/json, or text/*, in lower case and without parameters")
		}
	}
	for i, p := range e.Addresses {
		if p.Bits() == 0 {
			k.warnAt(item(path+".egress.addresses", i), "config.trust_everybody", "the third party's name may lead to any address, those of the house included", "")
		}
	}
}

// egressUpstream checks that the upstream is one third party's, and where it is.
func (k *checker) egressUpstream(path string, a *API) {
	if len(a.Upstreams) > 0 {
		k.errorAt(path+".upstreams", "config.conflict", "an API with egress has one upstream", "upstream: NAME")
	}
	i := slices.IndexFunc(k.c.Upstreams, func(u Upstream) bool { return u.Name == a.Upstream })
	if i < 0 {
		return
	}
	u, at := k.c.Upstreams[i].Config, item("upstreams", i)
	if _, err := u.Authority(); err != nil && u.Validate() == nil {
		k.room(at, err)
	}
	listed, _ := k.c.EgressAddresses(a.Upstream)
	if err := u.Refused(upstream.NewGuard().Allow(listed...)); err != nil {
		e := gatehouse.AsError(err, "", 0)
		k.errorAt(join(at, e.At.File), "config.egress_address", "this is no public address, and not listed in egress.addresses", "egress: {addresses: [NETWORK]}, if the third party is there")
	}
	if j := u.Plain(); j >= 0 {
		k.warnAt(item(at+".endpoints", j)+".url", "config.plain_upstream", "a third party is reached without TLS: anybody on the way may answer, and reads the credential", "https://")
	}
	for j := range k.c.APIs {
		other := &k.c.APIs[j]
		if other.Egress == nil && (other.Upstream == a.Upstream || slices.ContainsFunc(other.Upstreams, func(w WeightedUpstream) bool { return w.Name == a.Upstream })) {
			k.errorAt(path+".upstream", "config.conflict", fmt.Sprintf("%q serves %q as well, which has no egress", a.Upstream, other.Name), "an upstream of its own for each")
		}
	}
}

func (k *checker) credential(path string, c *Credential) {
	if c == nil {
		return
	}
	if problem := fieldNameProblem(c.Header); problem != "" {
		k.errorAt(path+".header", "config.header", problem, "Authorization")
	}
	switch {
	case k.isBroken(path + ".value"):
	case c.Value == "":
		k.errorAt(path+".value", "config.missing", "the credential is empty", "value: Bearer ${file:secrets/partner}")
	case !isFieldValue(c.Value) || strings.Trim(c.Value, " \t") != c.Value:
		k.errorAt(path+".value", "config.header", "the credential holds a control character, or begins or ends with white space", "")
	}
}

func (k *checker) redirects(path string, r Redirects) {
	if r.Is(RedirectsRefuse) || r.Is(RedirectsSameHost) {
		return
	}
	if len(r) == 0 {
		k.errorAt(path, "config.missing", "the list of hosts is empty", "refuse, same_host, or hosts")
	}
	for i, h := range r {
		p := item(path, i)
		if h == RedirectsRefuse || h == RedirectsSameHost {
			k.errorAt(p, "config.conflict", fmt.Sprintf("%s stands alone, not among hosts", h), "the third party's own hosts are among them always")
		} else if strings.Contains(h, "*") {
			k.errorAt(p, "config.egress_host", "a redirect may lead to hosts that are named", "hosts: [cdn.partner.example]")
		} else {
			k.host(p, h)
		}
	}
}
