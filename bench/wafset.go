package main

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/gatehouse/gatehouse/waf"
)

// The WAF's rows without sockets put the room beside Coraza as a user of both would
// call them: the same Core Rule Set, the same directives, the same messages.

// A wafSide judges a message and says which rule blocks it, 0 for none.
type wafSide func(ctx context.Context, m *waf.Message) (blockedBy int, err error)

// wafOnly is the room, with nobody's budget in the way: the rows know how often the
// rules are asked, and bound it themselves. Nothing is sampled for the shadow, which
// is not on the path.
func wafOnly() (*waf.WAF, error) {
	cfg := waf.Config{Shadow: -1, Replay: waf.ReplayConfig{Budget: time.Minute, Burst: time.Hour}}.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	w, err := waf.New(cfg, waf.Options{})
	if err != nil {
		return nil, err
	}
	return w, w.Distrust()
}

// wafRoom is the one that all rows share, made when the first asks for it.
var wafRoom = sync.OnceValues(wafOnly)

// gatehouseAt returns our side at a paranoia level, and that of it which fails where
// the screen does not prove the message.
func gatehouseAt(paranoia int) (judge, prove wafSide, err error) {
	w, err := wafRoom()
	if err != nil {
		return nil, nil, err
	}
	guard, err := w.Guard(waf.Policy{Paranoia: paranoia}.WithDefaults())
	if err != nil {
		return nil, nil, err
	}
	inspect := func(ctx context.Context, m *waf.Message, must bool) (int, error) {
		in, res, err := guard.Inspect(ctx, m, waf.Caller{Addr: m.Client.Addr()})
		in.Close() // whatever the error
		switch {
		case err != nil:
			return 0, err
		case must && !in.Proven:
			return 0, fmt.Errorf("%s %s is not proven: rule %d", m.Method, m.Target, in.Failed)
		case res.Interruption != nil:
			return res.Interruption.RuleID, nil
		}
		return 0, nil
	}
	return func(ctx context.Context, m *waf.Message) (int, error) { return inspect(ctx, m, false) },
		func(ctx context.Context, m *waf.Message) (int, error) { return inspect(ctx, m, true) }, nil
}

// corazaDirectives are what Coraza's documentation tells a user of the Core Rule Set
// to load, blocking, at a paranoia level, without the audit log.
func corazaDirectives(paranoia int) string {
	return strings.Join([]string{
		"Include @coraza.conf-recommended",
		"SecRuleEngine On",
		"SecAuditEngine Off",
		"Include @crs-setup.conf.example",
		fmt.Sprintf(`SecAction "id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=%d"`, paranoia),
		"Include @owasp_crs/*.conf",
	}, "\n")
}

// corazaRooms are Coraza's sides by paranoia level.
var (
	corazaRooms = map[int]coraza.WAF{}
	corazaMutex sync.Mutex
)

func corazaAt(paranoia int) (wafSide, error) {
	corazaMutex.Lock()
	defer corazaMutex.Unlock()
	w := corazaRooms[paranoia]
	if w == nil {
		var err error
		w, err = coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(corazaDirectives(paranoia)))
		if err != nil {
			return nil, fmt.Errorf("coraza: %w", err)
		}
		corazaRooms[paranoia] = w
	}
	return func(_ context.Context, m *waf.Message) (int, error) { return corazaJudge(w, m) }, nil
}

// corazaJudge runs the request's phases of one transaction.
func corazaJudge(w coraza.WAF, m *waf.Message) (blockedBy int, err error) {
	tx := w.NewTransaction()
	defer func() {
		if failed := tx.Close(); err == nil {
			err = failed
		}
	}()
	by := func(i *types.Interruption, err error) (int, error) {
		if i == nil {
			return 0, err
		}
		return i.RuleID, err
	}
	tx.ProcessConnection(m.Client.Addr().String(), int(m.Client.Port()), m.Server.Addr().String(), int(m.Server.Port()))
	tx.ProcessURI(m.Target, m.Method, m.Proto)
	for i := range m.Header {
		f := &m.Header[i]
		tx.AddRequestHeader(f.Name, f.Value)
		if f.Name == "Host" {
			tx.SetServerName(f.Value)
		}
	}
	if i := tx.ProcessRequestHeaders(); i != nil {
		return by(i, nil)
	}
	if m.HasBody {
		if i, _, err := tx.WriteRequestBody(m.Body); i != nil || err != nil {
			return by(i, err)
		}
	}
	return by(tx.ProcessRequestBody())
}

const (
	// A round of each side is split into turns, so that what disturbs the machine meets
	// both alike; altogether it is long enough for the collector to come by.
	wafRounds = 9
	wafRound  = 300 * time.Millisecond // about, of each side
	wafTurn   = 50 * time.Millisecond
)

// wafTurns are what both sides needed, round by round; ours are at 0.
type wafTurns struct {
	us       [2][]float64 // µs a message
	blocked  [2]int       // of one pass over the messages
	total    [2]float64   // µs
	messages [2]float64
	mallocs  [2]float64
	bytes    [2]float64
}

// wafVersus lets both sides judge the messages in turns, as many as fit into a turn,
// and at least one. Where the messages differ in kind, a turn is whole passes over
// them.
func wafVersus(ctx context.Context, ours, theirs wafSide, messages []*waf.Message, passes bool) (*wafTurns, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	t, next := &wafTurns{}, [2]int{}
	var tasks [2]task
	var counts [2]int
	turns := int(wafRound / wafTurn)
	for k, side := range []wafSide{ours, theirs} {
		tasks[k] = func(n int) error {
			for range n {
				m := messages[next[k]%len(messages)]
				next[k]++
				if _, err := side(ctx, m); err != nil {
					return err
				}
			}
			return ctx.Err()
		}
		first := messages
		if k == 1 && !passes {
			first = messages[:min(len(messages), 8)] // they are alike, and theirs takes its time
		}
		us, err := micros(func(n int) error {
			for _, m := range first {
				by, err := side(ctx, m)
				if err != nil {
					return err
				}
				if by != 0 {
					t.blocked[k]++
				}
			}
			return ctx.Err()
		}, len(first))
		if err != nil {
			return nil, err
		}
		counts[k] = max(1, int(float64(wafTurn.Microseconds())/us))
		if passes {
			counts[k] = max(1, counts[k]/len(messages)) * len(messages)
		}
		turns = max(1, min(turns, int(float64(wafRound.Microseconds())/(us*float64(counts[k])))))
	}
	for i := range wafRounds + 1 { // the first warms up
		var sum [2]float64
		for j := range 2 * turns {
			k := (i + (j+1)/2) % 2 // ours, theirs, theirs, ours, ours …
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			us, err := micros(tasks[k], counts[k])
			if err != nil {
				return nil, err
			}
			runtime.ReadMemStats(&after)
			sum[k] += us / float64(turns)
			if n := float64(counts[k]); i > 0 {
				t.total[k] += us * n
				t.messages[k] += n
				t.mallocs[k] += float64(after.Mallocs - before.Mallocs)
				t.bytes[k] += float64(after.TotalAlloc - before.TotalAlloc)
			}
		}
		for k := range sum {
			if i > 0 {
				t.us[k] = append(t.us[k], sum[k])
			}
		}
	}
	return t, nil
}

// result is about Coraza's processor time over ours.
func (t *wafTurns) result() result {
	r := result{ours: median(t.us[0]), theirs: median(t.us[1]), oursUnit: "us", theirsUnit: "us"}
	for i, ours := range t.us[0] {
		r.runs = append(r.runs, t.us[1][i]/ours)
	}
	r.value = median(r.runs)
	for k, name := range []string{"gatehouse", "coraza"} {
		n := t.messages[k]
		r.notes = append(r.notes, fmt.Sprintf("%s: %.0f allocations and %.1f KB a message, %.1f µs on average over %.0f",
			name, t.mallocs[k]/n, t.bytes[k]/n/1e3, t.total[k]/n, n))
	}
	return r
}

var (
	wafClient = netip.MustParseAddrPort("203.0.113.7:41000")
	wafServer = netip.MustParseAddrPort("192.0.2.2:443")
)
