package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// processors are the two that a comparison of servers uses: one for the server
// under test, one for the load and the origin; or both for both, as "0,1".
type processors struct{ server, load string }

func (p processors) String() string {
	return fmt.Sprintf("servers on processor %s, load and origin on processor %s", p.server, p.load)
}

// twoProcessors picks the first two that this process may use.
func twoProcessors() (processors, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return processors{}, fmt.Errorf("affinity: %w", err)
	}
	var found []int
	for i := 0; i < len(set)*64 && len(found) < 2; i++ {
		if set.IsSet(i) {
			found = append(found, i)
		}
	}
	if len(found) < 2 {
		return processors{}, fmt.Errorf("two processors are needed: one for the server, one for the load")
	}
	return processors{server: strconv.Itoa(found[0]), load: strconv.Itoa(found[1])}, nil
}

// A use is how long a processor was busy and how long it was there, in ticks.
type use struct{ busy, all float64 }

// processorUse reads /proc/stat (proc(5)). Time that the hypervisor took away
// counts as not having been there.
func processorUse(cpu string) (use, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return use{}, err
	}
	name := "cpu" + cpu
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 8 || f[0] != name {
			continue
		}
		var u use
		for i, s := range f[1:8] { // user nice system idle iowait irq softirq
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return use{}, err
			}
			u.all += v
			if i != 3 && i != 4 {
				u.busy += v
			}
		}
		return u, nil
	}
	return use{}, fmt.Errorf("%s is not in /proc/stat", name)
}

func (u use) since(before use) float64 {
	if u.all == before.all {
		return 0
	}
	return (u.busy - before.busy) / (u.all - before.all)
}
