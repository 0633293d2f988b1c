package server

import (
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/policy"
	"github.com/gatehouse/gatehouse/upstream"
	"github.com/gatehouse/gatehouse/waf"
)

// Status is what the socket's GET /status shows.
type Status struct {
	Version     string                               `json:"version"`
	Started     time.Time                            `json:"started"`
	Config      string                               `json:"config"` // its hash
	Draining    bool                                 `json:"draining"`
	Connections int                                  `json:"connections"`
	Refused     int64                                `json:"connections_refused"`
	Upstreams   map[string][]upstream.EndpointStatus `json:"upstreams"`
	Decisions   audit.Stats                          `json:"decisions"`
	WAF         *waf.Stats                           `json:"waf,omitempty"` // nil without the section
}

// Status implements admin.Gate.
func (s *Server) Status() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Version: s.opts.Version, Started: s.started, Config: s.current.hash, Draining: s.draining, Connections: s.conns.open(),
		Refused: s.conns.refused.Load(), Upstreams: map[string][]upstream.EndpointStatus{}, Decisions: s.record.Stats()}
	if s.current.rules != nil {
		counts := waf.Stats(s.state.rules.counts())
		st.WAF = &counts
	}
	for name, p := range s.current.pools {
		st.Upstreams[name] = p.Endpoints()
	}
	return st
}

// A RouteInfo is one line of `gatehouse routes`.
type RouteInfo struct {
	API      string            `json:"api"`
	Hosts    []string          `json:"hosts"`
	Endpoint string            `json:"endpoint"`
	ID       string            `json:"id"`
	Access   string            `json:"access"`
	Scopes   []string          `json:"scopes,omitempty"`
	Tags     []string          `json:"tags,omitempty"`
	Upstream string            `json:"upstream"`
	Egress   bool              `json:"egress,omitempty"` // on egress listeners only
	Modes    map[string]string `json:"modes"`
	At       string            `json:"at"`
}

// Routes lists the operations of a configuration with the mode of every control.
func Routes(cfg *config.Config, dir string) ([]RouteInfo, error) {
	a := newAssembly(cfg, dir, nil, nil)
	if err := a.vocabulary(); err != nil {
		return nil, err
	}
	var out []RouteInfo
	for i := range cfg.APIs {
		c := &cfg.APIs[i]
		name := c.Upstream
		for _, u := range c.Upstreams {
			if name != "" {
				name += ", "
			}
			name += u.Name
		}
		add := func(op *gatehouse.Operation, o *config.Operation) {
			modes := map[string]string{}
			for _, control := range config.KnownControls {
				if control == "egress" && c.Egress == nil || strings.HasPrefix(control, "openapi.") && c.Contract == nil ||
					control == waf.RequestName && cfg.WAF == nil || control == waf.ResponseName && (cfg.WAF == nil || !cfg.WAF.Rules.Responses) {
					continue
				}
				modes[control] = cfg.ModeOf(control, c, o).String()
			}
			out = append(out, RouteInfo{API: c.Name, Hosts: c.Hosts, Endpoint: op.Endpoint, ID: op.ID, Access: op.Access.String(),
				Scopes: op.Scopes, Tags: op.Tags, Upstream: name, Egress: c.Egress != nil, Modes: modes, At: op.At.String()})
		}
		for _, s := range a.served[c] {
			add(s.op, s.cfg)
		}
		if op := a.catchAll[c]; op != nil {
			add(op, nil)
		}
	}
	return out, nil
}

// Policies compiles the policies of a configuration, for reviews of who may do
// what.
func Policies(cfg *config.Config, dir string) (*policy.Set, error) {
	a := newAssembly(cfg, dir, nil, nil)
	if err := a.vocabulary(); err != nil {
		return nil, err
	}
	err := a.compilePolicies()
	return a.policy, err
}
