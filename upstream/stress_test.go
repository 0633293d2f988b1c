package upstream

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Many requests at once, some of them cancelled, answered early or dropped: no
// two are ever mixed up, no body is read late, nothing stays in flight.
func TestNoExchangeMeetsAnother(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Id")
		w.Header().Set("X-Id", id)
		switch r.Header.Get("X-Do") {
		case "drop":
			panic(http.ErrAbortHandler)
		case "early":
			w.WriteHeader(413)
			return
		case "hint":
			w.WriteHeader(103)
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s %s %s %d", id, r.URL.RawQuery, b, len(r.Header))
	})
	for name, pool := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pool(t)
			p.cfg.Breaker.Failures = never
			var wg sync.WaitGroup
			for g := range 6 {
				wg.Go(func() {
					x := &gatehouse.Exchange{} // reused, as the gateway does
					for i := range 20 {
						one(t, p, x, fmt.Sprintf("%d-%d", g, i))
						x.Reset()
					}
				})
			}
			wg.Wait()
			eventually(t, "nothing in flight", func() bool { return p.Endpoints()[0].InFlight == 0 })
		})
	}
}

func one(t *testing.T, p *Pool, x *gatehouse.Exchange, id string) {
	do := []string{"", "", "", "hint", "early", "drop", "cancel"}[rand.IntN(7)]
	fields := rand.IntN(40)
	x.Outbound.Method, x.Outbound.Authority, x.Outbound.Path, x.Outbound.Query = "GET", "h", "/", "q="+id
	x.Outbound.Header.Add("X-Id", id)
	x.Outbound.Header.Add("X-Do", do)
	for i := range fields {
		x.Outbound.Header.Add(fmt.Sprintf("X-F%d", i), id)
	}
	body := ""
	if rand.IntN(2) == 0 {
		x.Outbound.Method, body = "POST", id+strings.Repeat("b", rand.IntN(9000))
		x.Request.Body = gatehouse.Body{Source: strings.NewReader(body), Length: int64(len(body))}
		if rand.IntN(2) == 0 {
			x.Request.Body.Length = -1
		}
		if rand.IntN(2) == 0 {
			_ = x.Request.Body.ReadWhole(1 << 20)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if do == "cancel" {
		time.AfterFunc(time.Duration(rand.IntN(1000))*time.Microsecond, cancel)
	}
	w := &recorder{}
	err := p.Forward(ctx, x, w)
	if err != nil {
		if do != "drop" && do != "cancel" && do != "early" {
			t.Errorf("%s %q: %v", id, do, err)
		}
		return
	}
	if got := w.header.Get("X-Id"); got != id {
		t.Errorf("%s got the answer to %q", id, got)
	}
	if do == "early" {
		return
	}
	want := fmt.Sprintf("%s q=%s %s ", id, id, body)
	if !strings.HasPrefix(w.text(), want) {
		t.Errorf("%s: body %.80q, want %.80q", id, w.text(), want)
	}
}
