package server

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/upstream"
)

// routers compile the APIs that are the house's own, and those of third parties,
// which have doors of their own.
func (a *assembly) routers(sites map[*config.API]*gateway.Site) (own, egress *gateway.Router, err error) {
	var ours, theirs []*gateway.Site
	for i := range a.cfg.APIs {
		switch s := sites[&a.cfg.APIs[i]]; {
		case s == nil: // it did not compile
		case a.cfg.APIs[i].Egress != nil:
			theirs = append(theirs, s)
		default:
			ours = append(ours, s)
		}
	}
	if own, err = gateway.NewRouter(ours); err != nil {
		return nil, nil, err
	}
	egress, err = gateway.NewRouter(theirs)
	return own, egress, err
}

// egress gives a third party's route its credential and its bounds.
func (a *assembly) egress(c *config.API, r *gateway.Route) error {
	e := c.Egress
	if e == nil {
		return nil
	}
	authority, err := a.authority(c.Upstream)
	if err != nil {
		return err
	}
	host, port := splitPort(strings.ToLower(authority))
	out := &gateway.Egress{Cookies: e.Cookies, Hosts: []string{host}, Port: port, AnswerBytes: e.AnswerBytes, AnswerTypes: e.AnswerTypes}
	for _, h := range c.Hosts {
		out.Hosts = append(out.Hosts, strings.ToLower(h))
	}
	if k := e.Credential; k != nil {
		out.Credential = gatehouse.Field{Name: k.Header, Value: k.Value}
	}
	switch {
	case e.Redirects.Is(config.RedirectsRefuse):
	case e.Redirects.Is(config.RedirectsSameHost):
		out.Redirects = gateway.RedirectSameHost
	default:
		out.Redirects, out.RedirectHosts = gateway.RedirectListed, e.Redirects
	}
	r.Egress, r.Rewrite.Authority = out, authority
	return nil
}

func (a *assembly) authority(name string) (string, error) {
	for i := range a.cfg.Upstreams {
		if u := &a.cfg.Upstreams[i]; u.Name == name {
			return u.Authority()
		}
	}
	return "", &gatehouse.Error{Code: "config.unknown_upstream", Message: "no upstream has this name"}
}

// splitPort takes an authority apart; the brackets of an IPv6 address stay.
func splitPort(authority string) (host, port string) {
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		return authority[:i], authority[i+1:]
	}
	return authority, ""
}

// poolOptions are what a pool needs to know of its surroundings.
func (a *assembly) poolOptions(name string) upstream.Options {
	o := upstream.Options{Guard: upstream.NewGuard(a.state.admin), Dir: a.dir, Log: a.log}
	if listed, egress := a.cfg.EgressAddresses(name); egress {
		o.Guard, o.Foreign = o.Guard.Allow(listed...), true
	}
	return o
}
