// Command handshaker makes full TLS 1.3 handshakes with a server for a while, and
// prints as JSON how many there were. It offers one key exchange, one cipher and
// one kind of certificate, so that every server does the same work, and resumes
// nothing.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

func main() {
	address := flag.String("to", "", "address of the server")
	name := flag.String("name", "shop.example.com", "name of the server")
	length := flag.Duration("for", time.Second, "how long")
	clients := flag.Int("clients", 32, "handshakes at the same time")
	flag.Parse()
	debug.SetGCPercent(1000) // the load is to be the cheaper side
	n, took, err := load(*address, *name, *length, *clients)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(map[string]float64{"handshakes": float64(n), "seconds": took.Seconds()})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "handshaker:", err)
		os.Exit(1)
	}
}

func load(address, name string, length time.Duration, clients int) (n int, took time.Duration, err error) {
	c, err := newClient(name)
	if err != nil {
		return 0, 0, err
	}
	counts, errs := make([]int, clients), make([]error, clients)
	var all sync.WaitGroup
	began := time.Now()
	for i := range clients {
		all.Go(func() {
			for errs[i] == nil && time.Since(began) < length {
				errs[i] = once(c, address)
				counts[i]++
			}
		})
	}
	all.Wait()
	for _, k := range counts {
		n += k
	}
	return n, time.Since(began), errors.Join(errs...)
}

func once(c *client, address string) error {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	// A reset at the end leaves no port waiting on either side: there are fewer of
	// them than handshakes in a minute.
	_ = conn.(*net.TCPConn).SetLinger(0)
	return c.handshake(conn)
}
