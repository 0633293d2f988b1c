package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// moody answers with what it got, unless the path says otherwise.
func moody(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.Contains(r.URL.Path, "/early"): // and reads nothing
		w.Header().Set("X-Who", r.Header.Get("X-Who"))
		io.WriteString(w, "early "+r.Header.Get("X-Who"))
		return
	case strings.Contains(r.URL.Path, "/break"):
		_, _ = io.CopyN(io.Discard, r.Body, 100)
		panic(http.ErrAbortHandler)
	case strings.Contains(r.URL.Path, "/half"):
		w.Header().Set("Content-Length", "100000")
		io.WriteString(w, r.Header.Get("X-Who"))
		panic(http.ErrAbortHandler)
	case strings.Contains(r.URL.Path, "/error"):
		w.WriteHeader(500)
		io.WriteString(w, "secret of "+r.Header.Get("X-Who"))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Who", r.Header.Get("X-Who"))
	fmt.Fprintf(w, "%s %d ", r.Header.Get("X-Who"), len(body))
	_, _ = w.Write(body)
}

// Many callers at once, some of which break off, of a service that sometimes
// answers early, breaks off or fails: nobody sees what is another's, and nothing
// that is answered in full is wrong.
func TestNobodySeesAnothersMessage(t *testing.T) {
	t.Parallel()
	for _, reader := range []string{"compat", "strict"} {
		for _, protocol := range []string{"http1", "h2c"} {
			var up *httptest.Server
			if protocol == "h2c" {
				up = service(t, moody, "h2c")
			} else {
				up = service(t, moody)
			}
			h := newDoors(t, doorOptions{upstream: up.URL, protocol: protocol, listeners: fmt.Sprintf("  - {name: plain, address: 127.0.0.1:0, http1: %[1]s}\n  - {name: tls, address: 127.0.0.1:0, http1: %[1]s, tls: {certificates: [{internal: true}]}}", reader)})
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					proto := []string{"h1", "h2c", "h1s", "h2"}[g%4]
					c := h.client(proto)
					defer c.CloseIdleConnections()
					for i := range 30 {
						if err := exchangeOnce(c, h.url(proto, "/any/"), fmt.Sprintf("w%d-%d", g, i)); err != nil {
							t.Errorf("%s, %s: %v", reader, protocol, err)
						}
					}
				})
			}
			wg.Wait()
			h.Stop()
		}
	}
}

func exchangeOnce(c *http.Client, url, who string) error {
	mood := []string{"good", "good", "good", "early", "break", "half", "error", "gone"}[rand.IntN(8)]
	size := []int{0, 10, 1500, 3000, 16 << 10, 16<<10 + 1, 100_000, 400_000}[rand.IntN(8)]
	body := bytes.Repeat([]byte(who+"|"), size/(len(who)+1)+1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var in io.Reader = bytes.NewReader(body)
	switch rand.IntN(3) {
	case 0:
		in = io.MultiReader(in) // of no known length
	case 1:
		in = &slowReader{in}
	}
	if mood == "gone" {
		time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, cancel)
	}
	req, err := http.NewRequestWithContext(ctx, "POST", url+mood, in)
	if err != nil {
		return err
	}
	req.Header.Set("X-Who", who)
	res, err := c.Do(req)
	if err != nil {
		return nil // broken off
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if other := res.Header.Get("X-Who"); other != "" && other != who {
		return fmt.Errorf("%s (%s) got the head of %s", who, mood, other)
	}
	if bytes.Contains(got, []byte("secret")) {
		return fmt.Errorf("%s (%s) got %.100q", who, mood, got)
	}
	want := fmt.Sprintf("%s %d %s", who, len(body), body)
	switch {
	case err != nil:
		if mood == "good" {
			return fmt.Errorf("%s: %w", who, err)
		}
	case res.StatusCode == 200 && mood == "early":
		want = "early " + who
		fallthrough
	case res.StatusCode == 200:
		if string(got) != want {
			return fmt.Errorf("%s (%s, %d bytes) got %.100q", who, mood, len(body), got)
		}
	case mood == "good" && res.StatusCode != 503: // the breaker may be open
		return fmt.Errorf("%s: %d %.200s", who, res.StatusCode, got)
	}
	return nil
}

// slowReader gives its bytes in several pieces.
type slowReader struct{ r io.Reader }

func (s *slowReader) Read(p []byte) (int, error) {
	if rand.IntN(4) == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	return s.r.Read(p[:min(len(p), 1+rand.IntN(20_000))])
}
