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
	current atomic.Pointer[audit.Log]
}

func openRecorder(cfg audit.Config, log *slog.Logger) (*recorder, error) {
	l, err := audit.Open(cfg, log)
	if err != nil {
		return nil, err
	}
	r := &recorder{cfg: cfg}
	r.current.Store(l)
	return r, nil
}

// Append implements gatehouse.Recorder.
func (r *recorder) Append(x *gatehouse.Exchange) error { return r.current.Load().Append(x) }

// Ready returns why requests must be refused, or nil.
func (r *recorder) Ready() error { return r.current.Load().Ready() }

// follow opens the log anew where its configuration changed. The one before is
// closed a little later: exchanges may be about to append to it.
func (r *recorder) follow(cfg audit.Config, log *slog.Logger) error {
	if cfg.File == r.cfg.File && cfg.MaxSize == r.cfg.MaxSize && cfg.Keep == r.cfg.Keep && cfg.OnError == r.cfg.OnError && slices.Equal(cfg.Mask, r.cfg.Mask) {
		return nil
	}
	next, err := audit.Open(cfg, log)
	if err != nil {
		return err
	}
	before := r.current.Swap(next)
	r.cfg = cfg
	time.AfterFunc(5*time.Second, func() { before.Close() })
	return nil
}

func (r *recorder) close() error { return r.current.Load().Close() }
