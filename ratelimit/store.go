package ratelimit

import (
	"context"
	"time"
)

// A Store keeps counts and suspicions, made once and shared by every
// configuration's Limiter. Implementations are safe for concurrent use.
type Store interface {
	Counts
	Watchlist
}

// Counts decides about limits.
type Counts interface {
	// Secret is what keys are hashed with. It stays the same for as long as the
	// counts live, and among all who share them.
	Secret() [2]uint64
	// Decide judges all asks at the instant now as one step: if every one passes,
	// all are carried out, else none. It fills in the asks' results and returns
	// the index of the refusing ask that has the longest Wait, or -1. It keeps
	// neither the slice nor what it points to.
	Decide(ctx context.Context, now time.Time, asks []Ask) (refused int, err error)
}

// Watchlist remembers who broke a limit of its own.
type Watchlist interface {
	// Mark adds a suspect, unless its Owner stands on the list already.
	Mark(ctx context.Context, s Suspect) error
	// Marked reports whether owner is on the list at the instant now.
	Marked(ctx context.Context, now time.Time, owner Key) (bool, error)
	// Forget takes owner off the list.
	Forget(ctx context.Context, owner Key) error
	// Suspects returns at most max entries of the list, the latest first.
	Suspects(ctx context.Context, now time.Time, max int) ([]Suspect, error)
}

// Deed is what a Store is asked to do to a limit.
type Deed uint8

const (
	// Take takes one call out of the limit, and refuses where none is left.
	Take Deed = iota
	// Peek refuses where none is left, and takes nothing.
	Peek
	// Charge takes one call, be none left, down to Limit.Debt. It never refuses.
	Charge
	// Return gives one call back that was taken Ago. It never refuses.
	Return
)

// An Ask is one limit that is asked for one key.
type Ask struct {
	Key   Key
	Limit *Limit
	Do    Deed
	// Ago is, for Return, how long ago the call was taken. What the limit would
	// have forgotten since is not given back.
	Ago time.Duration
	// Owner is whoever the key stands for, the zero Key where nobody may become
	// suspicious by it. Strict applies in place of Limit while it is.
	Owner  Key
	Strict *Limit

	// Results.

	Refused bool
	// Suspected says that Strict applied.
	Suspected bool
	// Left is how many calls may follow at once.
	Left int64
	// Wait is the time until the next call may pass, 0 where it may now, and
	// Recover the time until the whole limit is back.
	Wait, Recover time.Duration

	shard uint32 // scratch of Memory
	slot  int32
}

// applied is the limit that the Store judged by.
func (a *Ask) applied() *Limit {
	if a.Suspected {
		return a.Strict
	}
	return a.Limit
}

// A Limit is the arithmetic of one level.
type Limit struct {
	// Count calls in Period is the rate.
	Count  int64
	Period time.Duration
	// Exact makes it a sliding window of Period. Otherwise it is GCRA: each call
	// takes Interval out of Burst times Interval, which comes back as time passes.
	Exact    bool
	Burst    int64
	Interval time.Duration
	// Debt is how many calls beyond Burst a Charge may take.
	Debt int64
}

// newLimit returns the limit of a rate; burst 0 means the rate's count.
func newLimit(r Rate, burst int64, exact bool) Limit {
	if burst == 0 || exact {
		burst = r.Count
	}
	return Limit{Count: r.Count, Period: r.Per, Exact: exact, Burst: burst, Interval: r.interval()}
}

// scaled returns the part of l that remains for a suspect, at least one call.
func (l Limit) scaled(factor float64) Limit {
	r := Rate{Count: max(1, int64(float64(l.Count)*factor)), Per: l.Period}
	return newLimit(r, max(1, int64(float64(l.Burst)*factor)), l.Exact)
}

// A Suspect is whoever broke a limit of its own.
type Suspect struct {
	Owner Key `json:"-"`
	// Kind is "client", "user", "address" or some of them joined by "+".
	Kind string `json:"kind"`
	// Name is the client ("issuer#id"), user ("issuer#sub") or address (IPv6: the
	// /64) in inert characters; several are separated by a space.
	Name string `json:"name"`
	// Level is the limit that was broken.
	Level string    `json:"level"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}
