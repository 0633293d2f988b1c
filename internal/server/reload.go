package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/upstream"
)

// Reload reads the configuration again and swaps it in. On error everything
// stays as it was. No request fails: each keeps the Snapshot it began with.
func (s *Server) Reload(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return &gatehouse.Error{Code: "server.draining", Status: 409, Message: "the gateway is stopping"}
	}
	s.seen = s.stamp(s.current)
	cfg, diags, err := Load(s.opts.ConfigPath, s.opts.Env)
	if s.opts.Warn != nil && len(diags) > 0 {
		s.opts.Warn(diags)
	}
	if err != nil {
		s.log.Error("the configuration is wrong; the last good one stays", "error", err)
		return err
	}
	before := s.current
	next, err := assemble(cfg, s.dir, s.state, before, s.log)
	if err == nil {
		if err = s.follow(next); err != nil {
			next.close()
		}
	}
	if err != nil {
		if ds := located(config.Explain(err, s.dir)); s.opts.Warn != nil && len(ds) > 0 {
			s.opts.Warn(ds)
		}
		s.log.Error("the configuration cannot be used; the last good one stays", "error", err)
		return err
	}
	for _, c := range config.Diff(before.cfg, cfg) {
		s.log.Info("configuration changed", "path", c.Path, "old", c.Old, "new", c.New)
	}
	s.log.Info("configuration reloaded", "hash", next.hash)
	s.warn(next)
	return nil
}

// located returns what stands at a line of some file.
func located(ds config.Diagnostics) config.Diagnostics {
	return slices.DeleteFunc(ds, func(d config.Diagnostic) bool { return d.At.Line == 0 })
}

// follow makes everything go by the new configuration. What can fail comes first.
func (s *Server) follow(next *assembly) error {
	before := s.current
	if next.cfg.Admin != before.cfg.Admin || next.cfg.DataDir != before.cfg.DataDir {
		s.log.Warn("admin and data_dir follow at the next start only")
	}
	doors, err := s.followListeners(next)
	if err != nil {
		return err
	}
	if err := s.record.follow(s.decisions(next.cfg), s.log); err != nil {
		doors.drop()
		return err
	}
	for l, settings := range doors.follow { // from here on nothing fails
		l.use(settings)
	}
	s.tracer.follow(next.cfg.Telemetry, s.log)
	s.conns.limit(next.cfg.LimitsHTTP)
	if s.opts.Level != nil {
		s.opts.Level.Set(next.cfg.Log.Slog())
	}
	s.gateway.Swap(next.snapshot)
	s.current = next
	next.authn.Settle()
	for key, l := range s.listeners {
		if !doors.kept[key] {
			s.retire(l)
			delete(s.listeners, key)
		}
	}
	for _, l := range doors.opened {
		s.listeners[doorKey(l.cfg)] = l
		go l.serve()
		s.log.Info("listening", "listener", l.cfg.Name, "address", l.Addr().String())
	}
	s.retirePools(before.pools)
	handOver(before, next)
	return nil
}

// doors are what a configuration makes of the listeners.
type doors struct {
	opened []*listener
	follow map[*listener]tlsSettings // kept ones, with what they are to go by
	kept   map[string]bool           // by doorKey
}

// drop gives everything back.
func (d *doors) drop() {
	for _, l := range d.opened {
		l.Close()
	}
	for _, t := range d.follow {
		if t.files != nil {
			t.files.Close()
		}
	}
}

// followListeners opens new addresses and makes new TLS settings for kept ones,
// which go by the old ones as yet: what comes after may fail.
func (s *Server) followListeners(next *assembly) (*doors, error) {
	d := &doors{kept: map[string]bool{}, follow: map[*listener]tlsSettings{}}
	for _, c := range next.cfg.Listeners {
		if err := s.followListener(d, c, next); err != nil {
			d.drop()
			return nil, err
		}
	}
	return d, nil
}

func (s *Server) followListener(d *doors, c config.Listener, next *assembly) error {
	for _, l := range s.listeners {
		// Connections go by the listener's name, and outlive a change of its address.
		if l.cfg.Name == c.Name && l.cfg.Egress != c.Egress {
			return &gatehouse.Error{Code: "server.listener", Message: fmt.Sprintf("the listener %s cannot become an egress listener, or cease to be one, while it is open", c.Name),
				Hint: "restart, or give it another name"}
		}
	}
	old := s.listeners[doorKey(c)]
	if old == nil {
		l, err := s.open(c, next)
		if err == nil {
			d.opened = append(d.opened, l)
		}
		return err
	}
	if !sameDoor(old.cfg, c) {
		return &gatehouse.Error{Code: "server.listener", Message: fmt.Sprintf("the listener %s cannot change its protocols or PROXY setting while it is open", c.Name),
			Hint: "restart, or give it another address"}
	}
	settings, err := s.tlsSettings(c, next)
	if err == nil {
		d.follow[old], d.kept[doorKey(c)] = settings, true
	}
	return err
}

// doorKey tells doors apart over reloads.
func doorKey(c config.Listener) string { return c.Name + " " + c.Address }

// sameDoor reports whether a listener can follow without being closed.
func sameDoor(a, b config.Listener) bool {
	return (a.TLS == nil) == (b.TLS == nil) && fmt.Sprint(a.HTTP, a.HTTP1) == fmt.Sprint(b.HTTP, b.HTTP1) &&
		fmt.Sprint(a.ProxyProtocol) == fmt.Sprint(b.ProxyProtocol)
}

// retire closes a door whose address is gone from the configuration, gently.
func (s *Server) retire(l *listener) {
	s.retired.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = l.shutdown(ctx) // what did not end in time was cut
		s.log.Info("listener closed", "listener", l.cfg.Name)
	})
}

// retirePools gives the replaced pools back. Exchanges that began before the swap
// may still hold them; Close leaves those undisturbed.
func (s *Server) retirePools(pools map[string]*upstream.Pool) {
	s.retired.Go(func() {
		for _, p := range pools {
			p.Close()
		}
	})
}

// watch reloads when one of the configuration's files changes. After a reload that
// failed it tries again now and then: what was missing may have come.
func (s *Server) watch(ctx context.Context) {
	if s.opts.Watch <= 0 {
		return
	}
	tick := time.NewTicker(s.opts.Watch)
	defer tick.Stop()
	var failed time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.mu.Lock()
			changed := s.stamp(s.current) != s.seen
			s.mu.Unlock()
			if !changed && (failed.IsZero() || now.Sub(failed) < retryReload) {
				continue
			}
			failed = time.Time{}
			if s.Reload(ctx) != nil { // it has logged why
				failed = now
			}
		}
	}
}

const retryReload = 30 * time.Second

// stamp sums up time and size of every file the configuration was made of.
func (s *Server) stamp(a *assembly) string {
	cfg := a.cfg
	files := slices.Concat([]string{s.opts.ConfigPath}, cfg.Files(), a.files)
	for _, l := range cfg.Listeners {
		if l.TLS != nil {
			for _, name := range l.TLS.ClientCerts.CA {
				files = append(files, s.path(name))
			}
		}
	}
	for _, pattern := range append([]string{cfg.Policies.Entities}, cfg.Policies.Files...) {
		if names, err := filepath.Glob(s.path(pattern)); err == nil {
			files = append(files, names...)
		}
	}
	stamp := ""
	for _, name := range files {
		if fi, err := os.Stat(name); err == nil {
			stamp += fmt.Sprintf("%s %d %d\n", name, fi.ModTime().UnixNano(), fi.Size())
		}
	}
	return stamp
}
