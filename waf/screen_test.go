package waf

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
)

// sound compares a Guard's proof with the reference; it returns what failed first,
// 0 where the message was proven.
func sound(g *Guard, m *Message) (failed int, wrong string) {
	in := &Inspection{guard: g}
	defer in.Close()
	ok, err := in.prove(context.Background(), m)
	if err != nil {
		return 0, err.Error()
	}
	if !ok {
		return in.Failed, ""
	}
	answered := false
	if m.HasAnswer {
		if _, err := in.parsed.answer(m); err != nil {
			return 0, err.Error()
		}
		answered = in.proof.Answer()
		in.Failed = in.proof.Failed()
	}
	copied := *m
	copied.HasAnswer = answered
	res, err := g.waf.reference.judge(context.Background(), g.profile, &copied)
	if err != nil {
		return 0, err.Error()
	}
	if len(res.Rules) > 0 || res.Interruption != nil {
		return 0, fmt.Sprintf("proven, but the reference says %v %v", ruleIDs(res), res.Interruption)
	}
	if m.HasAnswer && !answered {
		return in.Failed, ""
	}
	return 0, ""
}

func TestScreenOnCRSTests(t *testing.T) {
	w := testWAF(t, Config{Rules: RulesConfig{Responses: true}})
	tests, err := crsTests()
	if err != nil {
		t.Fatal(err)
	}
	for pl := 1; pl <= 4; pl++ {
		if only := os.Getenv("PL"); only != "" && only != strconv.Itoa(pl) {
			continue
		}
		g, err := w.Guard(Policy{Paranoia: pl, Inbound: 5, Outbound: 4})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		proven, all, by := 0, 0, map[int]int{}
		parallel(len(tests), func(i int) {
			for _, s := range tests[i].stages {
				failed, wrong := sound(g, s.message)
				mu.Lock()
				all++
				if wrong != "" {
					t.Errorf("PL%d %s: %s", pl, tests[i].name, wrong)
				} else if failed == 0 {
					proven++
				}
				by[failed]++
				mu.Unlock()
			}
		})
		t.Logf("PL%d: %d of %d proven; %v", pl, proven, all, by)
	}
}
