package server

import (
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/audit"
)

// recorder is the decision log, exchangeable by a reload.
type recorder struct {
	cfg     audit.Config
	current atomic.Pointer[audit.Log] // nil where the configuration says off
}

func openRecorder(cfg audit.Config, log *slog.Logger) (*recorder, error) {
	l, err := openLog(cfg, log)
	if err != nil {
		return nil, err
	}
	r := &recorder{cfg: cfg}
	r.current.Store(l)
	return r, nil
}

// openLog returns nil where no log is to be kept.
func openLog(cfg audit.Config, log *slog.Logger) (*audit.Log, error) {
	if cfg.Off {
		log.Warn("no decision is recorded: decisions.off is set")
		return nil, nil
	}
	return audit.Open(cfg, log)
}

// Append implements gatehouse.Recorder.
func (r *recorder) Append(x *gatehouse.Exchange) error {
	if l := r.current.Load(); l != nil {
		return l.Append(x)
	}
	return nil
}

// Ready returns why requests must be refused, or nil.
func (r *recorder) Ready() error {
	if l := r.current.Load(); l != nil {
		return l.Ready()
	}
	return nil
}

// Stats are those of the current log, zero where there is none.
func (r *recorder) Stats() audit.Stats {
	if l := r.current.Load(); l != nil {
		return l.Stats()
	}
	return audit.Stats{}
}

// follow opens the log anew where its configuration changed. The one before is
// closed a little later: exchanges may be about to append to it.
func (r *recorder) follow(cfg audit.Config, log *slog.Logger) error {
	if cfg.File == r.cfg.File && cfg.MaxSize == r.cfg.MaxSize && cfg.Keep == r.cfg.Keep && cfg.OnError == r.cfg.OnError && cfg.Off == r.cfg.Off && slices.Equal(cfg.Mask, r.cfg.Mask) {
		return nil
	}
	next, err := openLog(cfg, log)
	if err != nil {
		return err
	}
	before := r.current.Swap(next)
	r.cfg = cfg
	if before != nil {
		time.AfterFunc(5*time.Second, func() { before.Close() })
	}
	return nil
}

func (r *recorder) close() error {
	if l := r.current.Load(); l != nil {
		return l.Close()
	}
	return nil
}
