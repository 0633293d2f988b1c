package http1

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// told answers with what it was told.
type told struct{}

func (told) ServeHTTP1(_ context.Context, r *Request, b *Body, w *ResponseWriter) {
	text, err := io.ReadAll(b)
	if err != nil {
		w.Abort()
		return
	}
	_ = w.WriteHead(200, nil)
	_, _ = io.WriteString(w, r.Target+" "+string(text))
}

func (told) RefuseHTTP1(_ context.Context, _ *Request, err *gatehouse.Error, w *ResponseWriter) {
	_ = w.WriteHead(err.Status, nil)
}

// On one processor goroutines let each other go first: everybody gets an answer,
// the right one, and in time.
func TestOneProcessor(t *testing.T) {
	defer countProcessors()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := &Server{Handler: told{}}
	s.init()
	if !single.Load() {
		t.Fatal("one processor is not known as one")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go s.ServeConn(context.Background(), NewSocket(nc), nil)
		}
	}()
	c := &Client{Head: 10 * time.Second, Silence: 10 * time.Second, Idle: time.Minute, MaxIdle: 32,
		Dial: func(context.Context) (net.Conn, error) {
			nc, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				return nil, err
			}
			return NewSocket(nc), nil
		}}
	defer c.Close()
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			for j := range 50 {
				path, body := fmt.Sprintf("/%d/%d", i, j), strings.Repeat("x", 1<<(j%16))
				status, text, err := ask(c, &Outgoing{Method: "POST", Path: path, Host: "h", Whole: []byte(body)})
				if err != nil || status != 200 || text != path+" "+body {
					t.Errorf("%s: %d, %d bytes, %v", path, status, len(text), err)
					return
				}
			}
		})
	}
	callers.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c.Close()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
