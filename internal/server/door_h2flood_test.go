package server

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// others asks for something else on a connection of its own, again and again, and
// fails the test where the gateway leaves it waiting. The function it returns ends
// it, after three answers at the least, and tells how many there were.
func (h *house) others(t *testing.T) (finish func() int64) {
	served, done, stop := new(atomic.Int64), make(chan struct{}), make(chan struct{})
	c := h.client("h1")
	c.Timeout = 5 * time.Second
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			res, err := c.Get("http://" + h.Addr("plain") + "/public")
			if err != nil {
				t.Errorf("another client: %v", err)
				served.Add(3)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("another client: %d", res.StatusCode)
			}
			served.Add(1)
		}
	}()
	return func() int64 {
		waitFor(t, "answers for others", func() bool { return served.Load() >= 3 })
		close(stop)
		<-done
		return served.Load()
	}
}

// drain reads until the connection ends, and tells how.
func (f *frames) drain() <-chan string {
	end := make(chan string, 1)
	go func() {
		last := "closed"
		for {
			fr, err := f.ReadFrame()
			if err != nil {
				end <- last
				return
			}
			if g, ok := fr.(*http2.GoAwayFrame); ok {
				last = g.ErrCode.String()
			}
		}
	}()
	return end
}

// Thousands of requests that are taken back at once (CVE-2023-44487), or that the
// gateway is made to take back (CVE-2025-8671), cost the service behind no more
// than the streams a connection may have, and the connection ends.
func TestHTTP2RapidReset(t *testing.T) {
	for name, reset := range map[string]func(f *frames, id uint32) error{
		"RST_STREAM":      func(f *frames, id uint32) error { return f.WriteRSTStream(id, http2.ErrCodeCancel) },
		"a window of 0":   func(f *frames, id uint32) error { return f.WriteWindowUpdate(id, 0) },
		"too much window": func(f *frames, id uint32) error { return f.WriteWindowUpdate(id, 1<<31-1) },
		"data at its end": func(f *frames, id uint32) error { return f.WriteData(id, true, []byte("x")) },
		"its own priority": func(f *frames, id uint32) error {
			return f.WritePriority(id, http2.PriorityParam{StreamDep: id, Weight: 1})
		},
	} {
		t.Run(name, func(t *testing.T) { rapidReset(t, reset) })
	}
}

func rapidReset(t *testing.T, reset func(f *frames, id uint32) error) {
	var now, most, all atomic.Int64
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/public" {
			all.Add(1)
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			select {
			case <-r.Context().Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
		io.WriteString(w, "ok")
	})
	h := newDoors(t, doorOptions{upstream: up.URL})
	others := h.others(t)
	f := h.frames("plain")
	end := f.drain()
	const resets = 20000
	sent := 0
	for i := range uint32(resets) {
		id := 2*i + 1
		if f.open(id, true, pseudo("GET", "/any/x", here)...) != nil || reset(f, id) != nil {
			break
		}
		sent++
	}
	select {
	case how := <-end:
		t.Logf("after %d requests of %d the connection ended: %s; the service saw %d, %d at once",
			sent, resets, how, all.Load(), most.Load())
	case <-time.After(10 * time.Second):
		t.Errorf("the connection outlives %d resets; the service saw %d, %d at once", sent, all.Load(), most.Load())
	}
	t.Logf("others had %d answers meanwhile", others())
	// A cancelled request may still be under way to the service when the next one
	// begins, so the bound is not exactly 128.
	if most.Load() > 256 || all.Load() > 2000 {
		t.Errorf("the service saw %d requests, %d at once", all.Load(), most.Load())
	}
}

// heap returns the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A header without end (CVE-2023-45288) ends the connection, and is not kept. One
// of nothing but empty frames ends with the idle connection.
func TestHTTP2ContinuationFlood(t *testing.T) {
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), limits: "idle_timeout: 500ms"})
	for name, field := range map[string]func(i int) []string{
		"many fields":  func(i int) []string { return []string{fmt.Sprintf("x-%d", i), "0123456789abcdef"} },
		"empty fields": func(int) []string { return nil },
		"one field":    func(int) []string { return []string{"x-same", "v"} },
	} {
		before := heap()
		f := h.frames("plain")
		_ = f.conn.(*net.TCPConn).SetWriteBuffer(64 << 10)
		end := f.drain()
		if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.block(pseudo("GET", "/any/x", here)...)}); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for i := range 1 << 30 {
			var block []byte
			for j := range 32 {
				block = append(block, f.block(field(i*32+j)...)...)
			}
			if f.WriteContinuation(1, false, block) != nil {
				break // at the latest when the test's own deadline has passed
			}
			sent += len(block) + 9
			if len(block) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		select {
		case <-end:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the connection is open after %d bytes", name, sent)
		}
		f.conn.Close()
		if after := heap(); after > before+16<<20 {
			t.Errorf("%s: %d bytes are kept", name, after-before)
		}
		t.Logf("%s: ended after %d bytes", name, sent)
	}
	if _, rs := up.take(); len(rs) > 0 {
		t.Errorf("the service heard %+v", rs)
	}
}

// Frames that ask for an answer each, sent by somebody who reads none, end the
// connection or are answered; they pile nothing up, and others are served.
func TestHTTP2ControlFrameFloods(t *testing.T) {
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), limits: "write_timeout: 1s"})
	for name, write := range map[string]func(f *frames, i uint32) error{
		"SETTINGS": func(f *frames, i uint32) error {
			return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: i})
		},
		"PING": func(f *frames, i uint32) error {
			var b [8]byte
			binary.BigEndian.PutUint32(b[:], i)
			return f.WritePing(false, b)
		},
		"PRIORITY": func(f *frames, i uint32) error {
			return f.WritePriority(2*i+1, http2.PriorityParam{StreamDep: 2*i + 3, Weight: 7})
		},
		"WINDOW_UPDATE": func(f *frames, i uint32) error { return f.WriteWindowUpdate(0, 1) },
		"empty DATA": func(f *frames, i uint32) error {
			if i == 0 {
				return f.open(1, false, pseudo("POST", "/any/x", here)...)
			}
			return f.WriteData(1, false, nil)
		},
		"refused streams": func(f *frames, i uint32) error { return f.open(2*i+1, true, pseudo("GET", "/nowhere", here)...) },
		"broken streams":  func(f *frames, i uint32) error { return f.open(2*i+1, true, ":method", "GET") },
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			f := h.frames("plain")
			_ = f.conn.(*net.TCPConn).SetReadBuffer(4096)
			others := h.others(t)
			_ = f.conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
			i := uint32(0)
			for ; i < 60_000; i++ {
				if write(f, i) != nil {
					break
				}
			}
			answers, after := others(), heap()
			f.conn.Close()
			if after > before+16<<20 {
				t.Errorf("%d frames: %d bytes kept", i, after-before)
			}
			t.Logf("%d frames, %d KB, others had %d answers", i, (int64(after)-int64(before))>>10, answers)
		})
	}
	if res, _ := h.get("/public", ""); res.StatusCode != 200 {
		t.Error("the gateway did not survive")
	}
}

// A client that gives no window, on the stream or at all, is cut off.
func TestHTTP2ZeroWindowReader(t *testing.T) {
	t.Parallel()
	for _, listener := range everyDoor {
		t.Run(listener, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{}, 1)
			up := service(t, func(w http.ResponseWriter, r *http.Request) {
				buf := make([]byte, 64<<10)
				for {
					if _, err := w.Write(buf); err != nil {
						gone <- struct{}{}
						return
					}
				}
			})
			h := newDoors(t, doorOptions{upstream: up.URL, limits: "write_timeout: 300ms"})
			f := h.frames(listener, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			start := time.Now()
			if err := f.open(1, true, pseudo("GET", "/any/x", here)...); err != nil {
				t.Fatal(err)
			}
			if got, body := f.outcome(1); got != "reset" || body != "" {
				t.Errorf("%s after %d bytes", got, len(body))
			}
			if took := time.Since(start); took > late {
				t.Errorf("cut off after %v", took)
			}
			<-gone
			// Even a refusal waits for nobody for ever.
			if err := f.open(3, true, pseudo("GET", "/nowhere", here)...); err != nil {
				t.Fatal(err)
			}
			if got, _ := f.outcome(3); got != "reset" {
				t.Errorf("a refusal without a window: %s", got)
			}
		})
	}
}
