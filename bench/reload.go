package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse/internal/admin"
)

// reloadUnderLoad reloads a configuration of 500 routes 20 times while clients
// call, and counts every request that did not go well. Each reload changes a
// header that the answers carry, so that one without effect is noticed.
func reloadUnderLoad(ctx context.Context, b *bench) (result, error) {
	const reloads, workers = 20, 16
	origin, address, err := startOrigin(ctx, b)
	if err != nil {
		return result{}, err
	}
	defer origin.stop()
	s, err := newSite(b, address, manyRoutes(0), "permit (principal in Role::\"clerk\", action, resource);\n")
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	if err := s.run(ctx, b, "/things7/1001"); err != nil {
		return result{}, err
	}
	yaml, err := os.ReadFile(filepath.Join(s.dir, "gatehouse.yaml"))
	if err != nil {
		return result{}, err
	}
	loadCtx, end := context.WithCancel(ctx)
	defer end()
	c := &callers{site: s}
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { c.call(loadCtx, i) })
	}
	control := admin.Dial(s.socket)
	var took []float64
	for i := 1; i <= reloads && err == nil; i++ {
		pause(ctx, 200*time.Millisecond)
		if err = s.configure(strings.Replace(string(yaml), generation(0), generation(i), 1)); err != nil {
			break
		}
		start := time.Now()
		if err = control.Reload(ctx); err != nil {
			break
		}
		took = append(took, float64(time.Since(start).Milliseconds()))
		err = c.await(ctx, fmt.Sprint(i))
	}
	end()
	wg.Wait()
	if err != nil {
		return result{}, fmt.Errorf("reload: %w; gatehouse said: %s", err, s.process.said.String())
	}
	r := result{oursUnit: "requests", value: float64(c.failed.Load())}
	r.ours, r.runs = r.value, []float64{r.value}
	r.notes = []string{fmt.Sprintf("%d requests on %d connections, %d of them opened anew on the way, during %d reloads of %.0f ms (median, on the processor that serves)",
		c.done.Load(), workers, c.opened.Load()-workers, reloads, median(took))}
	if c.failed.Load() > 0 {
		r.notes = append(r.notes, "the first failure: "+c.first.Load().(string))
	}
	return r, nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func generation(n int) string { return fmt.Sprintf("x-generation: \"%d\"", n) }

// manyRoutes is an API with 500 operations.
func manyRoutes(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apis:\n  - name: shop\n    hosts: [%s]\n    upstream: orders\n    authenticate: [main]\n"+
		"    headers: {response: {set: {%s}}}\n    operations:\n", host, generation(n))
	for i := range 500 {
		fmt.Fprintf(&b, "      - {%s: \"/things%d/{id}\", id: op%d}\n", []string{"get", "get", "any", "get"}[i%4], i, i)
	}
	return b.String()
}

// callers speak HTTP/1.1 on connections of their own: an http.Transport would
// hide failures by trying again.
type callers struct {
	site   *site
	done   atomic.Int64
	failed atomic.Int64
	opened atomic.Int64
	first  atomic.Value // string

	seen sync.Map // generations that answers carried
}

// await waits until an answer shows the new generation.
func (c *callers) await(ctx context.Context, generation string) error {
	for range 500 {
		if _, ok := c.seen.Load(generation); ok {
			return ctx.Err()
		}
		pause(ctx, 10*time.Millisecond)
	}
	return fmt.Errorf("no answer shows generation %s", generation)
}

// call sends one request after the other; a worker out of four opens a connection
// for every tenth, and the listener with it.
func (c *callers) call(ctx context.Context, worker int) {
	var conn net.Conn
	var r *bufio.Reader
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for i := 0; ctx.Err() == nil; i++ {
		if conn == nil {
			var err error
			if conn, err = net.DialTimeout("tcp", c.site.address, 5*time.Second); err != nil {
				c.fail(ctx, err)
				pause(ctx, 10*time.Millisecond)
				continue
			}
			r = bufio.NewReader(conn)
			c.opened.Add(1)
		}
		leave := worker%4 == 0 && i%10 == 9
		keep, err := c.once(conn, r, worker, i, leave)
		c.done.Add(1)
		if err != nil {
			c.fail(ctx, err)
		}
		if err != nil || !keep {
			conn.Close()
			conn = nil
		}
	}
}

// once sends a request and checks the whole answer.
func (c *callers) once(conn net.Conn, r *bufio.Reader, worker, i int, leave bool) (keep bool, err error) {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return false, err
	}
	connection := ""
	if leave {
		connection = "Connection: close\r\n"
	}
	path := fmt.Sprintf("/things%d/%d", (i*7+worker)%500, i)
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%sAccept: application/json\r\nAuthorization: Bearer %s\r\n\r\n",
		path, host, connection, c.site.tokens[i%len(c.site.tokens)]); err != nil {
		return false, err
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return false, err
	}
	if res.StatusCode != 200 || string(body) != originBody {
		return false, fmt.Errorf("%s answered %d with %d bytes", path, res.StatusCode, len(body))
	}
	c.seen.Store(res.Header.Get("X-Generation"), true)
	return !res.Close && !leave, nil
}

func (c *callers) fail(ctx context.Context, err error) {
	if ctx.Err() == nil { // what ends with the load is none
		c.failed.Add(1)
		c.first.CompareAndSwap(nil, err.Error())
	}
}
