package server

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// h2specFailures are h2spec's cases that doors fail, each with its reason.
var h2specFailures = []struct{ listeners, name, why string }{
	{"plain plain-strict", "http2/3.5/2", "what does not begin as HTTP/2 is HTTP/1.1 there, and answered in it"},
	{"plain plain-strict tls tls-strict", "http2/6.5.3/1", "net/http closes the connection where a setting comes twice in a frame"},
	{"plain plain-strict tls tls-strict", "http2/8.1.2.2/1", "refused with a 400 (RFC 9113, 8.1.1 allows it) where h2spec wants the stream reset"},
	{"plain plain-strict tls tls-strict", "http2/8.1.2.2/2", "refused with a 400, likewise"},
}

// Each case of h2spec, the strict ones included, has the outcome that
// docs/http2.md tells. A new failure fails, and so does an unexpected success.
func TestHTTP2Spec(t *testing.T) {
	t.Parallel()
	tool := filepath.Join(t.TempDir(), "h2spec")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", tool, "github.com/summerwind/h2spec/cmd/h2spec")
	build.Dir = filepath.Join("..", "..", "tools")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building h2spec: %v\n%s", err, text)
	}
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("answer ", 64)) // there is data to hold back
	})
	h := newDoors(t, doorOptions{upstream: up.URL})
	for _, listener := range everyDoor {
		t.Run(listener, func(t *testing.T) {
			t.Parallel()
			cases := h.h2spec(t, tool, listener)
			if len(cases) < 140 {
				t.Errorf("only %d cases were run", len(cases))
			}
			expected := map[string]string{}
			for _, f := range h2specFailures {
				if slices.Contains(strings.Fields(f.listeners), listener) {
					expected[f.name] = f.why
				}
			}
			for name, failed := range cases {
				if why, ok := expected[name]; failed != "" && !ok {
					t.Errorf("%s: %s", name, failed)
				} else if failed == "" && ok {
					t.Errorf("%s succeeds, though it should not: %s", name, why)
				}
				delete(expected, name)
			}
			for name := range expected {
				t.Errorf("%s was not run", name)
			}
			t.Logf("%d cases", len(cases))
		})
	}
}

// h2spec runs all cases at a listener, and returns why they failed, empty where
// they did not. A case that is skipped has failed.
func (h *house) h2spec(t *testing.T, tool, listener string) map[string]string {
	t.Helper()
	_, port, err := net.SplitHostPort(h.Addr(listener))
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report.xml")
	args := []string{"--strict", "--host", "127.0.0.1", "--port", port, "--path", "/any/x",
		"--timeout", "5", // a door waits for a second before it closes a connection that it has given up
		"--junit-report", report}
	if strings.HasPrefix(listener, "tls") {
		args = append(args, "--tls", "--insecure")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, tool, args...).CombinedOutput()
	text, missing := os.ReadFile(report)
	if missing != nil {
		t.Fatalf("h2spec: %v %v\n%s", err, missing, said)
	}
	var result struct {
		Suites []struct {
			Cases []struct {
				Package   string    `xml:"package,attr"`
				ClassName string    `xml:"classname,attr"`
				Failure   *string   `xml:"failure"`
				Error     *string   `xml:"error"`
				Skipped   *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{}
	for _, s := range result.Suites {
		for i, c := range s.Cases {
			why := ""
			switch {
			case c.Failure != nil:
				why = c.ClassName + ": " + *c.Failure
			case c.Error != nil:
				why = c.ClassName + ": " + *c.Error
			case c.Skipped != nil:
				why = c.ClassName + ": skipped"
			}
			cases[fmt.Sprintf("%s/%d", c.Package, i+1)] = why
		}
	}
	return cases
}
