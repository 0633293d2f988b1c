package authn

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the tokens that are remembered: in number, and in bytes of token text
// (what is derived from a token is a small multiple of it).
const (
	defaultTokenCache = 65536
	tokenCacheBytes   = 64 << 20
	cacheShards       = 64
)

// cached is a verified token within one profile and under one set of keys. It is
// immutable, save for the mark.
type cached struct {
	token    string
	profile  *profile
	keys     *keyVersion
	audience []string
	verified verified
	hash     uint64
	recent   atomic.Bool // used since the hand last passed
}

// meant reports whether the token is for the API that is called. An empty list
// asks nothing beyond the issuer's audience.
func (e *cached) meant(resourceAudience []string) bool {
	return len(resourceAudience) == 0 || meet(e.audience, resourceAudience)
}

// A tokenCache remembers verified tokens, within bounds. The hash is seeded, so
// that nobody can aim at one place in it, and only finds candidates: the token is
// compared in full. What is forgotten is verified again.
type tokenCache struct {
	seed   maphash.Seed
	shards [cacheShards]cacheShard
	size   int // entries per shard
	bytes  int // per shard
}

// A cacheShard forgets by the second-chance rule: the hand goes round, and what
// was used since it last came by may stay.
type cacheShard struct {
	mu    sync.RWMutex
	found map[uint64]*cached
	ring  []*cached
	hand  int
	bytes int
	_     [24]byte // keeps neighbours' locks on other cache lines
}

func newTokenCache(size int) *tokenCache {
	c := &tokenCache{seed: maphash.MakeSeed(), size: max(size/cacheShards, 1), bytes: tokenCacheBytes / cacheShards}
	for i := range c.shards {
		c.shards[i].found = map[uint64]*cached{}
	}
	return c
}

func (c *tokenCache) hash(token string) uint64 { return maphash.String(c.seed, token) }

func (c *tokenCache) shard(hash uint64) *cacheShard { return &c.shards[hash>>(64-6)] }

// get returns what is remembered of exactly this token, or nil.
func (c *tokenCache) get(hash uint64, token string) *cached {
	s := c.shard(hash)
	s.mu.RLock()
	e := s.found[hash]
	s.mu.RUnlock()
	if e == nil || e.token != token {
		return nil
	}
	if !e.recent.Load() { // a load is cheap between processors, a store is not
		e.recent.Store(true)
	}
	return e
}

// put remembers e, in place of what had its hash, and forgets others until it is
// within bounds.
func (c *tokenCache) put(hash uint64, e *cached, now time.Time) {
	e.hash = hash
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.found[hash]; old != nil {
		for i, r := range s.ring {
			if r == old {
				s.remove(i)
				break
			}
		}
	}
	for len(s.ring) > 0 && (len(s.ring) >= c.size || s.bytes+len(e.token) > c.bytes) {
		s.evict(now)
	}
	s.found[hash] = e
	s.ring = append(s.ring, e)
	s.bytes += len(e.token)
}

// evict forgets one entry.
func (s *cacheShard) evict(now time.Time) {
	for {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		if e := s.ring[s.hand]; !e.recent.Swap(false) || !e.verified.goodAt(now) {
			s.remove(s.hand)
			return
		}
		s.hand++
	}
}

func (s *cacheShard) remove(i int) {
	e, last := s.ring[i], len(s.ring)-1
	delete(s.found, e.hash)
	s.bytes -= len(e.token)
	s.ring[i], s.ring[last] = s.ring[last], nil
	s.ring = s.ring[:last]
}

// len returns the number of remembered tokens.
func (c *tokenCache) len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.ring)
		s.mu.RUnlock()
	}
	return n
}
