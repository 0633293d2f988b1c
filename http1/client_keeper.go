package http1

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// beat is the keeper's pace, and so the grain of all time limits of clients.
const beat = 100 * time.Millisecond

// clock is the time of the keeper's last round in nanoseconds since epoch, not
// moved by whoever sets the time of day. It is right while any client has a
// connection.
var clock atomic.Int64

var epoch = time.Now()

// keep looks after all clients that have connections. A goroutine runs while
// there are any.
var keep keeper

type keeper struct {
	mu      sync.Mutex
	clients map[*Client]struct{}
	waits   []*Wait
	running bool
}

// add is called under the client's lock.
func (k *keeper) add(c *Client) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.clients == nil {
		k.clients = map[*Client]struct{}{}
	}
	k.clients[c] = struct{}{}
	k.start()
}

// start is called under the keeper's lock.
func (k *keeper) start() {
	if !k.running {
		k.running = true
		clock.Store(int64(time.Since(epoch)))
		go k.run()
	}
}

// remove is called under the client's lock.
func (k *keeper) remove(c *Client) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.clients, c)
}

func (k *keeper) run() {
	t := time.NewTicker(beat)
	defer t.Stop()
	var list []*Client
	for now := range t.C {
		at := int64(now.Sub(epoch))
		clock.Store(at)
		list = list[:0]
		k.mu.Lock()
		for _, w := range k.waits {
			if !w.over && w.ctx.Err() != nil {
				w.over = true
				w.stop.Interrupt()
			}
		}
		if len(k.clients) == 0 && len(k.waits) == 0 {
			k.running = false
			k.mu.Unlock()
			return
		}
		for c := range k.clients {
			list = append(list, c)
		}
		k.mu.Unlock()
		for i, c := range list {
			c.inspect(at)
			list[i] = nil
		}
	}
}

// inspect cuts off calls that have ended or take too long, and closes connections
// that were not used for long or that the other side has closed.
func (c *Client) inspect(now int64) {
	var gone []*clientConn
	c.mu.Lock()
	for _, cn := range c.conns {
		if cn.ctx != nil && !cn.cut && cn.overdue(now) {
			cn.cut = true
			_ = cn.net.SetDeadline(longAgo)
		}
	}
	gone = c.sweep(now, gone)
	if len(c.conns) == 0 {
		c.watched = false
		keep.remove(c)
	}
	c.mu.Unlock()
	for _, cn := range gone {
		cn.close()
	}
}

var longAgo = time.Unix(1, 0)

// maxLooks is how many idle connections are looked at in one round.
const maxLooks = 32

// sweep takes the connections that are not worth keeping off the lists.
func (c *Client) sweep(now int64, gone []*clientConn) []*clientConn {
	looks := 0
	if c.next >= len(c.idle) {
		c.next = 0
	}
	kept := c.idle[:0]
	for i, cn := range c.idle {
		bad := now-cn.idleSince > int64(c.Idle)
		if !bad && i >= c.next && looks < maxLooks && now-cn.idleSince > int64(beat) {
			looks++
			bad = cn.spoken()
		}
		if bad {
			c.forget(cn)
			gone = append(gone, cn)
			continue
		}
		kept = append(kept, cn)
	}
	clear(c.idle[len(kept):])
	c.idle = kept
	c.next += looks
	return gone
}

// A Wait has something interrupted when a context ends, within a tenth of a
// second: a read of a request's body, say. It costs no goroutine and no timer.
type Wait struct {
	ctx   context.Context
	stop  interface{ Interrupt() }
	index int
	over  bool
}

// Begin begins to look after ctx. stop.Interrupt is called at most once, under a
// lock, and must be quick.
func (w *Wait) Begin(ctx context.Context, stop interface{ Interrupt() }) {
	keep.mu.Lock()
	defer keep.mu.Unlock()
	w.ctx, w.stop, w.over, w.index = ctx, stop, false, len(keep.waits)
	keep.waits = append(keep.waits, w)
	keep.start()
}

// End ends it: Interrupt is not under way and will not be called.
func (w *Wait) End() {
	keep.mu.Lock()
	defer keep.mu.Unlock()
	last := len(keep.waits) - 1
	keep.waits[w.index] = keep.waits[last]
	keep.waits[w.index].index = w.index
	keep.waits[last] = nil
	keep.waits = keep.waits[:last]
	w.ctx, w.stop = nil, nil
}
