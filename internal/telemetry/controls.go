package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/gatehouse/gatehouse"
	"github.com/prometheus/client_golang/prometheus"
)

// maxControls bounds the number of controls that are told apart.
const maxControls = 256

// A controlSet holds the metrics of every control, and is their
// prometheus.Collector.
type controlSet struct {
	took, verdicts *prometheus.Desc
	bounds         []int64

	mu     sync.Mutex
	byName atomic.Pointer[map[string]*controlMetrics]
}

// controlMetrics counts one control's verdicts, by mode and outcome, and its time.
type controlMetrics struct {
	name     string
	took     *histogram
	verdicts []verdictShard
}

// A verdictShard counts [mode][outcome]; the last of each stands for a value that
// the vocabulary does not have. It fills whole cache lines.
type verdictShard [4][8]atomic.Uint64

func (s *controlSet) init() {
	s.took = prometheus.NewDesc("gatehouse_control_duration_seconds", "Time a control took for a verdict.", []string{"control"}, nil)
	s.verdicts = prometheus.NewDesc("gatehouse_control_verdicts_total", "Verdicts of a control.",
		[]string{"control", "mode", "outcome"}, nil)
	s.bounds = nanoseconds(controlBuckets)
	s.byName.Store(&map[string]*controlMetrics{})
}

func (s *controlSet) get(name string) *controlMetrics {
	if c := (*s.byName.Load())[name]; c != nil {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := *s.byName.Load()
	if len(known) >= maxControls {
		name = other
	}
	if c := known[name]; c != nil {
		return c
	}
	c := &controlMetrics{name: label(name), took: newHistogram(s.bounds, shards), verdicts: make([]verdictShard, shards)}
	known = maps.Clone(known)
	known[c.name] = c
	s.byName.Store(&known)
	return c
}

func (c *controlMetrics) observe(shard uint, j *gatehouse.Judgment) {
	c.took.observe(shard, j.Took)
	c.verdicts[shard][j.Mode&3][j.Verdict.Outcome&7].Add(1)
}

func (s *controlSet) Describe(ch chan<- *prometheus.Desc) {
	ch <- s.took
	ch <- s.verdicts
}

func (s *controlSet) Collect(ch chan<- prometheus.Metric) {
	for _, c := range *s.byName.Load() {
		count, sum, buckets := c.took.read(controlBuckets)
		ch <- prometheus.MustNewConstHistogram(s.took, count, sum, buckets, c.name)
		for mode := range c.verdicts[0] {
			for outcome := range c.verdicts[0][mode] {
				var n uint64
				for i := range c.verdicts {
					n += c.verdicts[i][mode][outcome].Load()
				}
				if n > 0 {
					ch <- prometheus.MustNewConstMetric(s.verdicts, prometheus.CounterValue, float64(n), c.name,
						gatehouse.Mode(mode).String(), gatehouse.Outcome(outcome).String())
				}
			}
		}
	}
}
