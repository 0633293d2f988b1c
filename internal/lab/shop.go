package lab

import (
	"context"
	"embed"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

//go:embed openapi/*.yaml
var documents embed.FS

// Options are what a Shop is made from.
type Options struct {
	// Seed makes the data; the same seed makes the same shop.
	Seed uint64
	// Flaws are the weaknesses switched on; see AllFlaws.
	Flaws Flaws
}

// A Shop is the running lab: its services, its issuer, its certificates, and what
// stands outside. Close stops it.
type Shop struct {
	Flaws  Flaws
	Seed   uint64
	Issuer *Issuer
	PKI    *PKI

	// Collector is the attacker's own server, Metadata what a cloud's metadata
	// address would answer, Rates the third party whose exchange rates the
	// catalogue consumes. None of them is meant to be behind the gateway.
	Collector, Metadata, Rates *Service

	store    *store
	evidence evidence
	rates    rateBook
	lately   rateCache
	keys     []APIKey
	services []*Service
	started  []*Service
	client   *http.Client
	// outward is the way to third parties: straight, or through a gateway.
	outward atomic.Pointer[http.Transport]
}

// RatesHost is the third party's name, by which services call it through a gateway.
const RatesHost = "rates.example"

// CallThrough makes the services call third parties through the egress listener at
// addr, host:port, as a forward proxy; "" lets them call straight again.
func (s *Shop) CallThrough(addr string) {
	tr := &http.Transport{DisableCompression: true}
	if addr != "" {
		tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: addr})
	}
	if old := s.outward.Swap(tr); old != nil {
		old.CloseIdleConnections()
	}
}

// ratesURL is where services find the rates.
func (s *Shop) ratesURL() string {
	if s.outward.Load().Proxy != nil {
		return "http://" + RatesHost
	}
	return s.Rates.URL()
}

// Open starts the shop on free loopback ports.
func Open(opts Options) (*Shop, error) {
	s := &Shop{Flaws: opts.Flaws, Seed: opts.Seed, store: newStore(opts.Seed), rates: newRateBook()}
	s.client = &http.Client{Timeout: 5 * time.Second}
	s.CallThrough("")
	var err error
	if s.PKI, err = newPKI(); err != nil {
		return nil, err
	}
	if s.Issuer, err = newIssuer(func(run string) { s.evidence.effect(run, "introspected", 1) }); err != nil {
		return nil, err
	}
	key, err := newAPIKey("acme", "gold", "partner")
	if err != nil {
		s.Close()
		return nil, err
	}
	s.keys = []APIKey{key}
	s.services = s.behind()
	s.Collector, s.Metadata, s.Rates = s.collector(), s.metadata(), s.ratesProvider()
	for _, svc := range append(slices.Clone(s.services), s.Collector, s.Metadata, s.Rates) {
		if err := svc.start(s); err != nil {
			s.Close()
			return nil, err
		}
		s.started = append(s.started, svc)
	}
	return s, nil
}

// behind makes the services that stand behind the gateway.
func (s *Shop) behind() []*Service {
	return []*Service{s.users(), s.orders(), s.payments(), s.catalogue(), s.export(), s.auth(),
		s.notifications(), s.files(), s.partner(), s.stock(), s.legacy()}
}

// Close stops every service at once, open streams included.
func (s *Shop) Close() error {
	var errs []error
	for _, svc := range s.started {
		errs = append(errs, svc.stop())
	}
	s.client.CloseIdleConnections()
	s.outward.Load().CloseIdleConnections()
	if s.Issuer != nil {
		errs = append(errs, s.Issuer.Close())
	}
	return errors.Join(errs...)
}

// Services returns the services that stand behind the gateway.
func (s *Shop) Services() []*Service { return slices.Clone(s.services) }

// Service returns the service called name, or nil.
func (s *Shop) Service(name string) *Service {
	for _, svc := range s.services {
		if svc.Name == name {
			return svc
		}
	}
	return nil
}

// serving returns the service whose base path holds path, or nil.
func (s *Shop) serving(path string) *Service {
	for _, svc := range s.services {
		if strings.HasPrefix(path, svc.Base+"/") {
			return svc
		}
	}
	return nil
}

// A Service is one HTTP server of the shop.
type Service struct {
	Name string
	// Base is the path all its operations begin with: "/accounts".
	Base string
	// Addr is host:port while it runs.
	Addr   string
	routes []route
	lax    bool // speaks HTTP by the shop's own careless parser
	h2     bool // speaks HTTP/2 without TLS (h2c) too
	stop   func() error
}

// URL returns "http://host:port".
func (v *Service) URL() string { return "http://" + v.Addr }

// Document returns the service's OpenAPI document, or nil for what stands
// outside.
func (v *Service) Document() []byte {
	doc, err := documents.ReadFile("openapi/" + v.Name + ".yaml")
	if err != nil {
		return nil
	}
	return doc
}

// An Endpoint is one documented operation of a service.
type Endpoint struct{ Method, Path, ID string }

// Endpoints lists the documented operations, paths below Base.
func (v *Service) Endpoints() []Endpoint {
	var out []Endpoint
	for _, r := range v.routes {
		if r.id != "" {
			out = append(out, Endpoint{r.method, r.path, r.id})
		}
	}
	return out
}

func (v *Service) start(s *Shop) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	v.Addr = l.Addr().String()
	handler := s.handler(v)
	if v.lax && s.Flaws.Misconfiguration {
		v.stop = serveLax(l, handler)
		return nil
	}
	srv := &http.Server{Handler: handler, Protocols: new(http.Protocols), ErrorLog: silent}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(v.h2)
	if !s.Flaws.ResourceConsumption {
		srv.ReadHeaderTimeout, srv.ReadTimeout, srv.MaxHeaderBytes = 2*time.Second, 30*time.Second, 16<<10
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	v.stop = func() error {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // streams have no end: close them
		_ = srv.Shutdown(ctx)
		err := srv.Close()
		<-done
		return err
	}
	return nil
}
