//go:build cpuprofile

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"
)

// profiled is how long a gatehouse that was built with this tag writes a CPU profile
// of itself into the folder GATEHOUSE_CPUPROFILE, from its start: for `make pgo`.
const profiled = 20 * time.Second

var _ = profile(os.Getenv("GATEHOUSE_CPUPROFILE"))

func profile(dir string) (done struct{}) {
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.pprof", os.Getpid())))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		os.Exit(1)
	}
	time.AfterFunc(profiled, func() {
		pprof.StopCPUProfile()
		f.Close()
	})
	return
}
