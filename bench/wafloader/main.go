// Command wafloader sends good requests at a fixed rate from one address, and, where
// it is told to, as many bad ones as it can from others. It prints as JSON how long
// the good ones took and how the bad ones were answered.
//
// A request counts from the moment at which it was due, so that an answer that is
// late delays none of the measurements after it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"
)

type settings struct {
	to                   string
	length               time.Duration
	rate, clients        int // of the good requests
	addresses, perClient int // of the bad ones: addresses and connections of each
}

// messages are raw requests, sent in turns.
type messages struct{ Good, Bad []string }

// report is what is printed.
type report struct {
	Good   int            `json:"good"`
	Median float64        `json:"median_us"`
	P99    float64        `json:"p99_us"`
	Max    float64        `json:"max_us"`
	Bad    map[string]int `json:"bad"` // by status
}

func main() {
	var s settings
	flag.StringVar(&s.to, "to", "", "address of the server")
	flag.DurationVar(&s.length, "for", time.Second, "how long")
	flag.IntVar(&s.rate, "rate", 200, "good requests per second")
	flag.IntVar(&s.clients, "clients", 20, "connections of the good ones")
	flag.IntVar(&s.addresses, "addresses", 0, "addresses of the flood, from 127.0.0.2 on")
	flag.IntVar(&s.perClient, "connections", 4, "connections of each")
	file := flag.String("messages", "", "file with the requests, as JSON")
	flag.Parse()
	debug.SetGCPercent(1000) // the load is to be the cheaper side
	r, err := load(s, *file)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wafloader:", err)
		os.Exit(1)
	}
}

func load(s settings, file string) (*report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var m messages
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, err
	}
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		errs  []error
		took  []time.Duration
		r     = &report{Bad: map[string]int{}}
		began = time.Now()
		end   = began.Add(s.length)
	)
	note := func(err error, times []time.Duration, statuses map[int]int) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, err)
		}
		took = append(took, times...)
		for status, n := range statuses {
			r.Bad[strconv.Itoa(status)] += n
		}
	}
	for i := range s.addresses * s.perClient {
		all.Go(func() {
			statuses, err := flood(s, i, m.Bad, end)
			note(err, nil, statuses)
		})
	}
	for i := range s.clients {
		all.Go(func() {
			times, err := good(s, i, m.Good, began, end)
			note(err, times, nil)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(took) == 0 {
		return nil, errors.New("no request")
	}
	slices.Sort(took)
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	r.Good, r.Median, r.P99, r.Max = len(took), us(took[len(took)/2]), us(took[(len(took)*99+99)/100-1]), us(took[len(took)-1])
	return r, nil
}

// good sends its share of the good requests; their moments are spread evenly over all
// clients. Each has to be answered with 200.
func good(s settings, client int, requests []string, began, end time.Time) (took []time.Duration, err error) {
	c := &connection{to: s.to, from: "127.0.0.1"}
	defer c.close()
	every := time.Second / time.Duration(s.rate)
	const settling = 200 * time.Millisecond // connections are opened
	for n := client; ; n += s.clients {
		due := began.Add(time.Duration(n) * every)
		if due.After(end) {
			return took, nil
		}
		time.Sleep(time.Until(due))
		status, err := c.call(requests[n%len(requests)])
		if err != nil {
			return nil, err
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("a good request was answered with %d", status)
		}
		if due.Sub(began) > settling {
			took = append(took, time.Since(due))
		}
	}
}

// flood sends bad requests, one after the other.
func flood(s settings, client int, requests []string, end time.Time) (statuses map[int]int, err error) {
	c := &connection{to: s.to, from: fmt.Sprintf("127.0.0.%d", 2+client%s.addresses)}
	defer c.close()
	statuses = map[int]int{}
	for n := client; time.Now().Before(end); n++ {
		status, err := c.call(requests[n%len(requests)])
		if err != nil {
			return nil, err
		}
		statuses[status]++
	}
	return statuses, nil
}

// A connection is opened when it is needed and kept as long as the server likes.
type connection struct {
	to, from string
	conn     net.Conn
	r        *bufio.Reader
}

func (c *connection) call(request string) (status int, err error) {
	if c.conn == nil {
		d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
		if c.conn, err = d.Dial("tcp", c.to); err != nil {
			return 0, err
		}
		c.r = bufio.NewReader(c.conn)
	}
	_ = c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c.conn, request); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	if res.Close {
		c.close()
	}
	return res.StatusCode, nil
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}
