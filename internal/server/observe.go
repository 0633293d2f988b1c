package server

import (
	"context"
	"io"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/telemetry"
)

// newMetrics registers what the rooms count, and what the server itself holds.
func (s *Server) newMetrics() (*telemetry.Metrics, error) {
	m := telemetry.NewMetrics(s.reg, telemetry.Options{Version: s.opts.Version})
	if err := m.Connections("all", func() float64 { return float64(s.conns.open()) }); err != nil {
		return nil, err
	}
	if err := m.ObserverDrops("traces", func() float64 { return float64(s.tracer.dropped()) }); err != nil {
		return nil, err
	}
	if err := m.Rules(s.state.rules.counts); err != nil {
		return nil, err
	}
	return m, m.DecisionLog(func() telemetry.DecisionLog {
		st := s.record.Stats()
		return telemetry.DecisionLog{Written: st.Written, Lost: st.Lost, Errors: st.Errors, Failing: st.Failing}
	})
}

// tracer is the exporter of spans, exchangeable by a reload.
type tracer struct {
	version string
	cfg     telemetry.Traces
	current atomic.Pointer[telemetry.Tracer]
	lost    atomic.Int64 // by those before
}

func newTracer(cfg telemetry.Config, version string, log *slog.Logger) (*tracer, error) {
	t := &tracer{version: version, cfg: cfg.Traces}
	first, err := telemetry.NewTracer(cfg.Traces, version, log)
	if err != nil {
		return nil, err
	}
	t.current.Store(first)
	return t, nil
}

// Observe implements gatehouse.Observer.
func (t *tracer) Observe(x *gatehouse.Exchange) {
	if c := t.current.Load(); c != nil && x.Trace.Sampled {
		c.Observe(x)
	}
}

func (t *tracer) dropped() int64 {
	if c := t.current.Load(); c != nil {
		return t.lost.Load() + c.Dropped()
	}
	return t.lost.Load()
}

// follow exports to where the new configuration says.
func (t *tracer) follow(cfg telemetry.Config, log *slog.Logger) {
	if reflect.DeepEqual(cfg.Traces, t.cfg) {
		return
	}
	next, err := telemetry.NewTracer(cfg.Traces, t.version, log)
	if err != nil {
		log.Error("traces are exported as before", "error", err)
		return
	}
	t.cfg = cfg.Traces
	if before := t.current.Swap(next); before != nil {
		go func() {
			shutdown(before)
			t.lost.Add(before.Dropped())
		}()
	}
}

func (t *tracer) close() {
	if c := t.current.Load(); c != nil {
		shutdown(c)
	}
}

func shutdown(t *telemetry.Tracer) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = t.Shutdown(ctx) // what it could not send is counted as dropped
}

// NewLog returns a JSON log with masked secrets, and the knob of its level.
func NewLog(w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	base := telemetry.NewLogger(telemetry.LogConfig{Level: "debug"}, w)
	return slog.New(levelled{base.Handler(), level}), level
}

// levelled is a slog.Handler whose level can change while it runs.
type levelled struct {
	slog.Handler
	level *slog.LevelVar
}

func (l levelled) Enabled(_ context.Context, at slog.Level) bool { return at >= l.level.Level() }

func (l levelled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return levelled{l.Handler.WithAttrs(attrs), l.level}
}

func (l levelled) WithGroup(name string) slog.Handler {
	return levelled{l.Handler.WithGroup(name), l.level}
}
