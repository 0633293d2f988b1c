// Command echo is a service to put behind a gateway: it answers with the request
// it got, line by line.
//
//	go run ./examples/echo [ADDRESS]     127.0.0.1:9000 where not given
//
// Under /fail it answers 500 with what a careless service would tell, /wait takes
// three seconds, and /events sends an event each second until the client leaves.
package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"
)

func main() {
	address := "127.0.0.1:9000"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	http.HandleFunc("/", echo)
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	http.HandleFunc("/fail", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "panic: nil map in orders.go:17\ndatabase password=hunter2", http.StatusInternalServerError)
	})
	http.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(3 * time.Second):
			echo(w, r)
		case <-r.Context().Done():
		}
	})
	http.HandleFunc("/events", events)
	fmt.Fprintln(os.Stderr, "echo on", address)
	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, nil))
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "echo/1.0")
	fmt.Fprintf(w, "%s %s %s\nHost: %s\n", r.Method, r.RequestURI, r.Proto, r.Host)
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range r.Header[name] {
			fmt.Fprintf(w, "%s: %s\n", name, value)
		}
	}
}

func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for n := 1; r.Context().Err() == nil; n++ {
		fmt.Fprintf(w, "data: %d\n\n", n)
		http.NewResponseController(w).Flush()
		time.Sleep(time.Second)
	}
}
