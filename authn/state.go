package authn

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// pollEvery is how often watched files are looked at.
const pollEvery = 500 * time.Millisecond

// A State is what outlives a configuration: key sets, answers of introspection,
// used DPoP proofs, revocations and the files that are watched. A process has one;
// each [Service] of each configuration stands on it.
type State struct {
	keys    *keyStore
	replay  *replayStore
	nonces  *nonceSource
	revoked *revokedSet
	asked   introspectionStats
	skipped atomic.Int64 // judged without the list, on_unreachable: open
	log     atomic.Pointer[slog.Logger]

	mu      sync.Mutex
	answers map[string]*answerCache // by issuer configuration
	files   map[string]*watchedFile

	stop chan struct{}
	done chan struct{}
	once sync.Once
}

// A watchedFile is polled from the moment a configuration names it. It is kept
// when a later one does not: streams that began under the earlier one go on
// asking.
type watchedFile struct {
	follower interface{ poll(now time.Time) error }
	mu       sync.Mutex
	err      string // of the last poll
}

// NewState makes an empty State and begins to watch files.
func NewState() *State {
	s := &State{
		keys: newKeyStore(), replay: newReplayStore(), nonces: newNonceSource(),
		revoked: newRevokedSet(defaultRevocations),
		answers: make(map[string]*answerCache), files: make(map[string]*watchedFile),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	s.log.Store(slog.New(slog.DiscardHandler))
	s.keys.report = func(issuer string, err error) {
		s.log.Load().Error("an issuer's keys could not be fetched; the last good ones stay", "issuer", issuer, "error", err)
	}
	go s.watch()
	return s
}

// Close ends all background work and waits for it.
func (s *State) Close() {
	s.once.Do(func() {
		close(s.stop)
		<-s.done
		s.keys.Close()
	})
}

func (s *State) watch() {
	defer close(s.done)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			s.poll(now)
		}
	}
}

// poll looks at every watched file once.
func (s *State) poll(now time.Time) {
	s.mu.Lock()
	files := make(map[string]*watchedFile, len(s.files))
	for name, f := range s.files {
		files[name] = f
	}
	s.mu.Unlock()
	for name, f := range files {
		f.look(name, now, s.log.Load())
	}
}

// look polls one file, and says so when its condition changes.
func (f *watchedFile) look(name string, now time.Time, log *slog.Logger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := ""
	if err := f.follower.poll(now); err != nil {
		text = err.Error()
	}
	if text == f.err {
		return
	}
	if text != "" {
		log.Error("a watched file cannot be used", "file", name, "error", text)
	} else {
		log.Info("a watched file is usable again", "file", name)
	}
	f.err = text
}

// follow returns the follower of a file, made and read when it is new. A file
// that cannot be read is not followed.
func follow[F interface{ poll(time.Time) error }](s *State, kind, path string, now time.Time, make func(path string) F) (F, error) {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	key := kind + " " + path
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.files[key]; ok {
		f := w.follower.(F)
		w.mu.Lock()
		defer w.mu.Unlock()
		return f, f.poll(now)
	}
	f := make(path)
	if err := f.poll(now); err != nil {
		return f, err
	}
	s.files[key] = &watchedFile{follower: f}
	return f, nil
}

// useAnswers returns the cache of each issuer that is asked, and forgets those of
// issuers that are no longer configured or changed.
func (s *State) useAnswers(issuers []IssuerConfig) map[string]*answerCache {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, byName := make(map[string]*answerCache), make(map[string]*answerCache)
	for _, c := range issuers {
		if c.Introspection == nil {
			continue
		}
		in := *c.Introspection
		c.Introspection = nil
		key := fmt.Sprintf("%+v %+v", c, in)
		cache := s.answers[key]
		if cache == nil {
			cache = newAnswerCache(in.CacheSize, 16*in.Concurrency)
		}
		kept[key], byName[c.Name] = cache, cache
	}
	s.answers = kept
	return byName
}

// Revoke ends credentials at once, in this process. To make it last, write it
// with [AppendRevocation], too.
func (s *State) Revoke(r Revocation) error { return s.revoked.add(r, time.Now()) }

// Stats are counters of the State, for metrics.
type Stats struct {
	Introspections        int64 // questions put to issuers
	IntrospectionFailures int64 // of them without a usable answer
	IntrospectionHits     int64 // tokens judged by a remembered answer
	Revocations           int64 // held by calls of Revoke
	RevocationSkipped     int64 // requests judged without the list, on_unreachable: open
	Proofs                int64 // used DPoP proofs remembered
}

// Stats reads the counters.
func (s *State) Stats() Stats {
	return Stats{
		Introspections: s.asked.asked.Load(), IntrospectionFailures: s.asked.failed.Load(),
		IntrospectionHits: s.asked.remembered.Load(), Revocations: s.revoked.count.Load(),
		RevocationSkipped: s.skipped.Load(), Proofs: s.replay.count.Load(),
	}
}
