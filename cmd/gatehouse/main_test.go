package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/audit"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"gatehouse": main}) }

// TestScripts runs the words as a person does: testdata/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			port, err := freePort()
			env.Setenv("PORT", port)
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exitcode":  exitCode,
			"await":     await,
			"ask":       ask,
			"decisions": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(writeDecisions(ts.MkAbs("data"))) },
			"tunable":   func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(writeTunable(ts.MkAbs("data"))) },
		},
	})
}

// exitCode runs a command and compares its exit code: exitcode 2 gatehouse …
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE COMMAND ...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = err.Error()[len("exit status "):]
	}
	if code != args[0] {
		ts.Fatalf("exit code is %s, want %s", code, args[0])
	}
}

// await waits for a file, ten seconds at the most: await FILE
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	name := ts.MkAbs(args[0])
	for range 500 {
		if _, err := os.Stat(name); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("%s does not appear", args[0])
}

// freePort finds a port for a gateway that a script talks to, below those that the
// kernel gives to others meanwhile.
func freePort() (string, error) {
	for {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			return port, l.Close()
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			return "", err
		}
	}
}

// ask sends a request to the gateway at $PORT, and leaves the request's id in $ID:
// ask METHOD TARGET JSON
func ask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: ask METHOD TARGET JSON")
	}
	req, err := http.NewRequest(args[0], "http://127.0.0.1:"+ts.Getenv("PORT")+args[1], strings.NewReader(args[2]))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	ts.Check(res.Body.Close())
	ts.Setenv("ID", res.Header.Get("X-Request-Id"))
}

// writeDecisions writes a decision log with two decisions: one refused, one that
// would have been.
func writeDecisions(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	log, err := audit.Open(audit.Config{File: filepath.Join(dir, "decisions.jsonl")}.WithDefaults(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	api := &gatehouse.API{Name: "shop"}
	op := &gatehouse.Operation{API: api, ID: "getOrder", Method: "GET", Path: "/orders/{id}", Endpoint: "GET /orders/{id}"}
	for id, mode := range map[string]gatehouse.Mode{"01JD0000000000000000000001": gatehouse.Enforce, "01JD0000000000000000000002": gatehouse.Monitor} {
		x := &gatehouse.Exchange{ID: id, Start: time.Now(), API: api, Operation: op, Principal: gatehouse.Anonymous}
		x.Peer.Addr = netip.MustParseAddr("192.0.2.1")
		x.Request = gatehouse.Request{Proto: "HTTP/1.1", Method: "GET", Scheme: "https", Authority: "shop.localhost", Host: "shop.localhost", Path: "/orders/17"}
		reason := gatehouse.Reason{Code: "policy.denied", Message: "no policy permits it", At: gatehouse.Position{File: "policies/shop.cedar", Line: 3, Column: 1}}
		x.Decision.Judge(gatehouse.Judgment{Control: "policy", Step: gatehouse.StepJudgeHead, Mode: mode,
			Verdict: gatehouse.Denied(403, reason), WouldBlock: mode == gatehouse.Monitor})
		x.Decision.Result, x.Decision.Status = gatehouse.Answered, 200
		if mode == gatehouse.Enforce {
			x.Decision.Result, x.Decision.Status, x.Decision.By, x.Decision.Reason = gatehouse.Blocked, 403, "policy", reason
		}
		if err := log.Append(x); err != nil {
			return err
		}
	}
	return log.Close()
}

// writeTunable writes a decision log in which many callers meet one rule of the WAF at
// one field, and one address another at another.
func writeTunable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	log, err := audit.Open(audit.Config{File: filepath.Join(dir, "decisions.jsonl")}.WithDefaults(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	api := &gatehouse.API{Name: "shop"}
	op := &gatehouse.Operation{API: api, ID: "editProfile", Method: "PUT", Path: "/me", Endpoint: "PUT /me"}
	met := func(i int, peer, rule, variable string) error {
		x := &gatehouse.Exchange{ID: fmt.Sprintf("01JD00000000000000000%05d", i), Start: time.Now(), API: api, Operation: op, Principal: gatehouse.Anonymous}
		x.Peer.Addr = netip.MustParseAddr(peer)
		v := gatehouse.Denied(403, gatehouse.Reason{Code: "waf.blocked", Message: "rule " + rule + " in " + variable})
		v.Details = []gatehouse.Detail{{Code: "waf." + rule, Parameter: variable, Message: "XSS Attack Detected: «<x>»"}}
		x.Decision.Judge(gatehouse.Judgment{Control: "waf.request", Step: gatehouse.StepJudgeBody, Mode: gatehouse.Monitor, Verdict: v, WouldBlock: true})
		x.Decision.Result, x.Decision.Status = gatehouse.Answered, 200
		return log.Append(x)
	}
	for i := range 20 {
		if err := errors.Join(met(i, "192.0.2."+strconv.Itoa(i), "941100", "ARGS:json.bio"), met(100+i, "198.51.100.7", "942100", "ARGS:q")); err != nil {
			return err
		}
	}
	return log.Close()
}
