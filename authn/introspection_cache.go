package authn

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// An answerCache remembers what one issuer said, by the SHA-256 of the token,
// and lets one question at a time be put about each token. It is part of the
// State: an unchanged issuer keeps its answers over a reload.
type answerCache struct {
	mu       sync.RWMutex
	good     map[tokenHash]*answer
	bad      map[tokenHash]*answer
	goodSize int
	badSize  int

	asking    map[tokenHash]*question
	maxAsking int
}

type question struct {
	done   chan struct{}
	answer *answer
	err    error
}

func newAnswerCache(size, maxAsking int) *answerCache {
	return &answerCache{
		good: make(map[tokenHash]*answer), bad: make(map[tokenHash]*answer), asking: make(map[tokenHash]*question),
		goodSize: size, badSize: max(size/8, 1), maxAsking: maxAsking,
	}
}

// get returns an answer that is still believed, or nil.
func (c *answerCache) get(hash tokenHash, now time.Time) *answer {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.find(hash, now)
}

// find is get for who holds the lock.
func (c *answerCache) find(hash tokenHash, now time.Time) *answer {
	a := c.good[hash]
	if a == nil {
		a = c.bad[hash]
	}
	if a == nil || !now.Before(a.until) {
		return nil
	}
	return a
}

func (c *answerCache) put(hash tokenHash, a *answer, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.good, hash)
	delete(c.bad, hash)
	if !now.Before(a.until) {
		return
	}
	if a.err != nil {
		makeRoom(c.bad, c.badSize, now)
		c.bad[hash] = a
	} else {
		makeRoom(c.good, c.goodSize, now)
		c.good[hash] = a
	}
}

// makeRoom drops answers until one more fits: of a few that the map yields in no
// particular order, the expired ones, or else the one that expires first.
func makeRoom(m map[tokenHash]*answer, size int, now time.Time) {
	for len(m) >= size {
		var first tokenHash
		var earliest time.Time
		n := 0
		for hash, a := range m {
			if !now.Before(a.until) {
				delete(m, hash)
				continue
			}
			if n == 0 || a.until.Before(earliest) {
				first, earliest = hash, a.until
			}
			if n++; n == 8 {
				break
			}
		}
		if len(m) >= size {
			delete(m, first)
		}
	}
}

// once runs ask for a token unless that is under way, and waits for its result
// for as long as ctx allows.
func (c *answerCache) once(ctx context.Context, hash tokenHash, now time.Time, ask func() (*answer, error)) (*answer, error) {
	c.mu.Lock()
	if a := c.find(hash, now); a != nil { // it came in since the caller looked
		c.mu.Unlock()
		return a, nil
	}
	q := c.asking[hash]
	if q == nil {
		if len(c.asking) >= c.maxAsking {
			c.mu.Unlock()
			return nil, unreachable(errors.New("too many questions are waiting"))
		}
		q = &question{done: make(chan struct{}), err: unreachable(errors.New("the question broke off"))}
		c.asking[hash] = q
		go func() {
			defer func() {
				_ = recover() // costs this question its answer, and no other
				c.mu.Lock()
				delete(c.asking, hash)
				c.mu.Unlock()
				close(q.done)
			}()
			q.answer, q.err = ask()
		}()
	}
	c.mu.Unlock()
	select {
	case <-q.done:
		return q.answer, q.err
	case <-ctx.Done():
		return nil, &gatehouse.Error{Code: codeIntrospectUnreachable, Status: http.StatusServiceUnavailable,
			Message: "the request ended before the issuer answered", Err: ctx.Err()}
	}
}
