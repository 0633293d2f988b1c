package audit_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/audit"
)

func Example() {
	dir, err := os.MkdirTemp("", "decisions")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "decisions.jsonl")

	log, err := audit.Open(audit.Config{File: file}, slog.Default())
	if err != nil {
		panic(err)
	}
	x := &gatehouse.Exchange{ID: "01JD4XQ7ZK9M2N3P4R5S6T7V8W", Start: time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)}
	x.Request.Method, x.Request.Host, x.Request.Path = "GET", "shop.example.com", "/users/jane@example.com"
	x.Decision.Result, x.Decision.Status, x.Decision.By = gatehouse.Blocked, 403, "policy"
	x.Decision.Reason = gatehouse.Reason{Code: "policy.default_deny", Message: "no policy permits the call"}
	if err := log.Append(x); err != nil {
		panic(err)
	}
	if err := log.Close(); err != nil {
		panic(err)
	}

	files, _ := audit.Files(file)
	record, _, err := audit.Find(files, x.ID)
	if err != nil {
		panic(err)
	}
	fmt.Println(record.Result, record.Status, record.Path)
	audit.Explain(os.Stdout, record, audit.ExplainOptions{})
	// Output:
	// blocked 403 /users/[email]
	// 01JD4XQ7ZK9M2N3P4R5S6T7V8W: blocked 403 by policy
	//   policy.default_deny: no policy permits the call
	//
	//   request   GET shop.example.com/users/[email]
	//   time      2026-11-21T18:00:00.000Z
	//   bytes     0 in, 0 out
}
