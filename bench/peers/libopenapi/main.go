// Command libopenapi judges one request again and again with
// libopenapi-validator, and prints the µs of processor time that each needs. It is
// a module of its own: the YAML library it needs is another than ours.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

func main() {
	document := flag.String("document", "", "file of the OpenAPI document")
	url := flag.String("url", "", "what is posted to")
	body := flag.String("body", "", "file of the body")
	headers := flag.String("headers", "", "name=value, divided by |")
	flag.Parse()
	us, err := measure(*document, *url, *body, *headers)
	if err != nil {
		fmt.Fprintln(os.Stderr, "libopenapi:", err)
		os.Exit(1)
	}
	fmt.Println(us)
}

func measure(document, url, bodyFile, headers string) (float64, error) {
	text, err := os.ReadFile(document)
	if err != nil {
		return 0, err
	}
	body, err := os.ReadFile(bodyFile)
	if err != nil {
		return 0, err
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return 0, err
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		return 0, errors.Join(errs...)
	}
	req, err := http.NewRequest(http.MethodPost, url, nil)
	if err != nil {
		return 0, err
	}
	for h := range strings.SplitSeq(headers, "|") {
		name, value, _ := strings.Cut(h, "=")
		req.Header.Add(name, value)
	}
	judge := func(n int) (time.Duration, error) {
		before := processorTime()
		for range n {
			req.Body = io.NopCloser(strings.NewReader(string(body)))
			if ok, bad := v.ValidateHttpRequestSync(req); !ok {
				return 0, errors.New(bad[0].Message + ": " + bad[0].Reason)
			}
		}
		return processorTime() - before, nil
	}
	const calls = 300
	var rounds []float64
	for range 8 {
		took, err := judge(calls)
		if err != nil {
			return 0, err
		}
		rounds = append(rounds, float64(took.Nanoseconds())/1e3/calls)
	}
	rounds = rounds[1:] // the first warms up
	slices.Sort(rounds)
	return rounds[len(rounds)/2], nil
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no reason to
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
