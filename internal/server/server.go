package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/internal/admin"
	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/certs"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/telemetry"
)

// Options start a Server.
type Options struct {
	// ConfigPath is gatehouse.yaml. Relative names in it start from its folder.
	ConfigPath string
	Env        config.Env
	// Log takes the gateway's own log; its level is the configuration's.
	Log *slog.Logger
	// Level follows the configuration's log.level, where not nil.
	Level *slog.LevelVar
	// Version is shown in metrics and status.
	Version string
	// Warn gets what the configuration's checks said, at start and at reloads.
	Warn func(config.Diagnostics)
	// Watch reloads when the configuration's files change; 0 does not look.
	Watch time.Duration
	// Drain bounds the graceful stop; 30 s where 0.
	Drain time.Duration
}

// Server is a running gateway.
type Server struct {
	opts Options
	dir  string
	log  *slog.Logger

	state     *state
	gateway   *gateway.Gateway
	door      *gateway.Door
	http1door *gateway.HTTP1Door
	conns     *connections
	record    *recorder
	metrics   *telemetry.Metrics
	tracer    *tracer
	reg       *prometheus.Registry

	mu          sync.Mutex // of reloads and of what follows
	current     *assembly
	seen        string               // stamp of the files as they were last read
	listeners   map[string]*listener // by doorKey
	retired     sync.WaitGroup       // pools of replaced assemblies
	adminTCP    *http.Server
	adminSocket net.Listener
	adminUnix   *http.Server
	socket      string
	started     time.Time
	draining    bool
	stopped     chan struct{}
	stop        context.CancelFunc
}

// Load reads and checks a configuration, without starting anything that lasts.
// The error, where there is one, is the Diagnostics.
func Load(path string, env config.Env) (*config.Config, config.Diagnostics, error) {
	cfg, diags := config.Load(path, env)
	if diags.HasErrors() {
		return nil, diags, diags
	}
	return cfg, diags, nil
}

// Check compiles what a configuration says, policies and routes included. It
// touches neither the gateway's keys and data, which are for the machine it will
// run on, nor the network, save for remote references that contracts list.
func Check(path string, env config.Env) (config.Diagnostics, error) {
	cfg, diags, err := Load(path, env)
	if err != nil {
		return diags, err
	}
	a := newAssembly(cfg, filepath.Dir(path), nil, slog.New(slog.DiscardHandler))
	if err := a.vocabulary(); err != nil {
		return diags, err
	}
	if err := a.compilePolicies(); err != nil {
		return diags, err
	}
	if err := a.checkSites(); err != nil {
		return diags, err
	}
	defer a.closeRules()
	if err := a.openRules(nil); err != nil {
		return diags, err
	}
	return append(diags, a.warnings...), nil
}

// maxWarnings is how many warnings of contracts are told at start and at reloads.
const maxWarnings = 20

// warn tells what is not as strict as the contracts' documents may seem.
func (s *Server) warn(a *assembly) {
	told := a.warnings.Digest(1)
	if n := len(told); n > maxWarnings {
		told = told[:maxWarnings]
		s.log.Warn("not all warnings of the contracts are shown", "warnings", len(a.warnings), "hint", "gatehouse validate shows them")
	}
	if s.opts.Warn != nil && len(told) > 0 {
		s.opts.Warn(told)
	}
}

// Start reads the configuration and opens the doors. When it returns without an
// error, requests are served.
func Start(ctx context.Context, o Options) (*Server, error) {
	cfg, diags, err := Load(o.ConfigPath, o.Env)
	if o.Warn != nil && len(diags) > 0 {
		o.Warn(diags)
	}
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, dir: filepath.Dir(o.ConfigPath), log: o.Log, listeners: map[string]*listener{}, started: time.Now(), stopped: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	if o.Level != nil {
		o.Level.Set(cfg.Log.Slog())
	}
	if err := s.equip(cfg); err != nil {
		s.abandon()
		return nil, err
	}
	ctx, s.stop = context.WithCancel(ctx)
	if err := s.openDoors(cfg); err != nil {
		s.abandon()
		return nil, err
	}
	for _, l := range s.listeners {
		go l.serve()
		s.log.Info("listening", "listener", l.cfg.Name, "address", l.Addr().String(), "tls", l.cfg.TLS != nil)
	}
	s.log.Info("started", "version", o.Version, "config", o.ConfigPath, "hash", s.current.hash, "admin", s.AdminAddr(), "socket", s.socket,
		"decisions", s.decisions(cfg).File)
	go s.watch(ctx)
	go func() {
		<-ctx.Done()
		s.shutdown()
	}()
	return s, nil
}

// equip makes what lasts: state, decision log, metrics, traces, gateway.
func (s *Server) equip(cfg *config.Config) error {
	if err := os.MkdirAll(s.path(cfg.DataDir), 0o700); err != nil {
		return &gatehouse.Error{Code: "server.data_dir", Message: "cannot make the data folder", Err: err, At: cfg.At("data_dir")}
	}
	s.state = newState(cfg.Limits.MaxKeys)
	s.conns = newConnections(cfg.LimitsHTTP)
	err := s.bindAdmin(cfg)
	if err != nil {
		return err
	}
	if s.record, err = openRecorder(s.decisions(cfg), s.log); err != nil {
		return err
	}
	if s.current, err = assemble(cfg, s.dir, s.state, nil, s.log); err != nil {
		return err
	}
	s.state.rules.follow(s.current.rules)
	s.seen = s.stamp(s.current)
	s.warn(s.current)
	s.reg = prometheus.NewRegistry()
	if s.metrics, err = s.newMetrics(); err != nil {
		return err
	}
	if s.tracer, err = newTracer(cfg.Telemetry, s.opts.Version, s.log); err != nil {
		return err
	}
	s.gateway = gateway.New(s.current.snapshot, gateway.Equipment{Recorder: s.record, Log: s.log,
		Observers: []gatehouse.Observer{s.metrics, s.tracer}})
	s.door, s.http1door = gateway.NewDoor(s.gateway), gateway.NewHTTP1Door(s.gateway)
	return nil
}

func (s *Server) decisions(cfg *config.Config) audit.Config {
	c := cfg.Decisions
	c.File = s.path(c.File)
	return c
}

func (s *Server) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, name)
}

func (s *Server) openDoors(cfg *config.Config) error {
	for _, c := range cfg.Listeners {
		l, err := s.open(c, s.current)
		if err != nil {
			return err
		}
		s.listeners[doorKey(c)] = l
	}
	s.openAdmin()
	return s.openSocket(cfg)
}

// bindAdmin takes the admin address, which nobody may reach through an upstream
// while this process has it, whatever a later configuration says.
func (s *Server) bindAdmin(cfg *config.Config) error {
	var err error
	if s.adminSocket, err = net.Listen("tcp", cfg.Admin.Address); err != nil {
		return &gatehouse.Error{Code: "server.listen", Message: "cannot listen on the admin address " + cfg.Admin.Address, Err: err,
			Hint: "another process may have it; see admin.address", At: cfg.At("admin.address")}
	}
	s.state.admin = addrOf(s.adminSocket.Addr())
	return nil
}

func (s *Server) openAdmin() {
	s.adminTCP = &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, Handler: admin.View(admin.Views{
		Ready: s.Ready, Metrics: promhttp.HandlerFor(s.reg, promhttp.HandlerOpts{EnableOpenMetrics: true}), KeySet: s.keySet})}
	go s.adminTCP.Serve(s.adminSocket)
}

func (s *Server) openSocket(cfg *config.Config) error {
	s.socket = s.path(cfg.Admin.Socket)
	l, err := admin.ListenSocket(s.socket)
	if err != nil {
		s.socket = ""
		return err
	}
	s.adminUnix = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: admin.Control(s)}
	go s.adminUnix.Serve(l)
	return nil
}

func (s *Server) keySet() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := s.current.authn.Identity(); id != nil {
		if doc, err := id.JWKS(); err == nil {
			return doc
		}
	}
	return nil
}

// certificates loads a listener's certificates, making the internal one where it
// is asked for.
func (s *Server) certificates(t *config.TLS, a *assembly) (*certs.Files, error) {
	var pairs []certs.Pair
	var renew func(time.Time) error
	for _, c := range t.Certificates {
		if !c.Internal {
			pairs = append(pairs, certs.Pair{Cert: s.path(c.Cert), Key: s.path(c.Key)})
			continue
		}
		dir, hosts := s.path(a.cfg.DataDir), a.hosts()
		pair, err := certs.Internal(dir, hosts, time.Now())
		if err != nil {
			return nil, err
		}
		renew = func(now time.Time) error { _, err := certs.Internal(dir, hosts, now); return err }
		pairs = append(pairs, pair)
	}
	return certs.Load(pairs, certificateLook, renew, s.log)
}

// certificateLook is how often certificate files are looked at.
const certificateLook = 2 * time.Second

// Ready returns why the gateway should get no traffic: it drains, or its
// decisions cannot be recorded.
func (s *Server) Ready() error {
	s.mu.Lock()
	draining := s.draining
	s.mu.Unlock()
	if draining {
		return errors.New("draining")
	}
	return s.record.Ready()
}

// Addr returns the bound address of the listener called name, or "".
func (s *Server) Addr(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		if l.cfg.Name == name {
			return l.Addr().String()
		}
	}
	return ""
}

// AdminAddr is the bound admin address, Socket the admin socket's path.
func (s *Server) AdminAddr() string { return s.adminSocket.Addr().String() }

// Socket is the path of the admin socket.
func (s *Server) Socket() string { return s.socket }

// Revoke implements admin.Gate.
func (s *Server) Revoke(r authn.Revocation) error {
	if err := s.state.authn.Revoke(r); err != nil {
		return err
	}
	s.log.Info("revoked", "kind", r.Kind)
	return nil
}

// Drain implements admin.Gate.
func (s *Server) Drain() { s.stop() }

// Wait returns when the server has stopped.
func (s *Server) Wait() { <-s.stopped }

// Stop drains and returns when everything has ended.
func (s *Server) Stop() {
	s.stop()
	s.Wait()
}

// shutdown is the graceful stop: no new connections, then the ones under way end
// or are cut at the drain limit, then the log is closed.
func (s *Server) shutdown() {
	s.log.Info("draining")
	limit := s.opts.Drain
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	s.mu.Lock()
	s.draining = true
	doors := make([]*listener, 0, len(s.listeners))
	for _, l := range s.listeners {
		doors = append(doors, l)
	}
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, l := range doors {
		wg.Go(func() {
			if err := l.shutdown(ctx); err != nil {
				s.log.Warn("connections were cut at the drain limit", "listener", l.cfg.Name)
			}
		})
	}
	wg.Wait()
	s.answerAdmins()
	s.abandon()
	s.log.Info("stopped")
	close(s.stopped)
}

// answerAdmins lets whoever is asking the gateway something, such as to drain, have
// the answer.
func (s *Server) answerAdmins() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, a := range []*http.Server{s.adminTCP, s.adminUnix} {
		if a != nil {
			_ = a.Shutdown(ctx) // whoever takes longer is cut off by abandon
		}
	}
}

// abandon gives back whatever was opened.
func (s *Server) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		l.http.Close()
		l.Close()
	}
	if s.adminSocket != nil {
		s.adminSocket.Close()
	}
	for _, a := range []*http.Server{s.adminTCP, s.adminUnix} {
		if a != nil {
			a.Close()
		}
	}
	if s.socket != "" {
		os.Remove(s.socket)
	}
	if s.current != nil {
		s.current.close()
	}
	s.retired.Wait()
	if s.tracer != nil {
		s.tracer.close()
	}
	if s.record != nil {
		if err := s.record.close(); err != nil {
			s.log.Error("the decision log did not close cleanly", "error", err)
		}
	}
	if s.state != nil {
		s.state.close()
	}
}
