package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"github.com/gatehouse/gatehouse/waf"
)

// wafMemoryCommand is the argument by which the bench calls itself to look at the
// memory of one set of rules: Coraza keeps what it has compiled for the whole process,
// so that a second set in the same one would seem cheaper than it is.
const wafMemoryCommand = "waf-memory"

// wafSize is what one process says of its set.
type wafSize struct {
	Heap int64 // bytes of the set, garbage collected
	APIs int64 // of policies and guards for fifty APIs beside it
	Peak int64 // resident, of the whole process, after some large requests
}

const wafAPIs = 50

// wafMemory loads a set, judges by it and prints its size.
func wafMemory(of string) error {
	var (
		size wafSize
		side wafSide
		err  error
	)
	ctx, before := context.Background(), heap()
	switch of {
	case "gatehouse":
		_, side, err = gatehouseAt(1)
	case "coraza":
		side, err = corazaAt(1)
	default:
		err = fmt.Errorf("whose memory is %q?", of)
	}
	if err != nil {
		return err
	}
	size.Heap = heap() - before
	for _, m := range wafPosts(wafLarge, 8) {
		if _, err := side(ctx, m); err != nil {
			return err
		}
	}
	if size.Peak, err = statusOf(os.Getpid(), "VmHWM:"); err != nil {
		return err
	}
	if of == "gatehouse" {
		if size.APIs, err = wafOfAPIs(); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(size)
}

// wafOfAPIs is what fifty APIs cost that all have policies of their own: every level, and
// thresholds of their own.
func wafOfAPIs() (int64, error) {
	w, err := wafRoom()
	if err != nil {
		return 0, err
	}
	before := heap()
	var guards []*waf.Guard
	for i := range wafAPIs {
		g, err := w.Guard(waf.Policy{Paranoia: 1 + i%4, Inbound: 6 + i}.WithDefaults())
		if err != nil {
			return 0, err
		}
		guards = append(guards, g)
	}
	grown := heap() - before
	runtime.KeepAlive(guards)
	return grown, nil
}

// wafSizes describes both sets for the reader.
func wafSizes(ctx context.Context) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	var sizes [2]wafSize
	for i, of := range []string{"gatehouse", "coraza"} {
		out, err := exec.CommandContext(ctx, self, wafMemoryCommand, of).Output()
		if err != nil {
			return "", fmt.Errorf("memory of %s: %w", of, err)
		}
		if err := json.Unmarshal(out, &sizes[i]); err != nil {
			return "", err
		}
	}
	ours, theirs := sizes[0], sizes[1]
	return fmt.Sprintf("one set of rules: %.1f MB of heap beside Coraza's %.1f, %.0f MB resident at most beside %.0f; %d APIs of different policies: %.1f MB more",
		float64(ours.Heap)/1e6, float64(theirs.Heap)/1e6, float64(ours.Peak)/1e6, float64(theirs.Peak)/1e6, wafAPIs, float64(ours.APIs)/1e6), nil
}
