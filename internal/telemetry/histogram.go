package telemetry

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gatehouse/gatehouse"
	"github.com/prometheus/client_golang/prometheus"
)

// Upper bounds of the buckets, in seconds.
var (
	requestBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05,
		0.1, 0.3, 0.5, 0.7, 1, 3, 5, 7, 10}
	tokenBuckets = []float64{.000001, .0000025, .000005, .00001, .000025, .00005, .0001, .00025, .0005,
		0.001, 0.01, 0.1, 0.3, 0.5, 1.0}
	controlBuckets = []float64{.0000002, .0000005, .000001, .000002, .000005, .00001, .000025, .00005, .0001, .00025,
		.0005, .001, .0025, .01, .1, 1}
)

// shards is the number of copies of what every request counts, a power of two:
// processors that add to one word wait for each other.
var shards = func() int {
	return 1 << bits.Len(uint(min(runtime.GOMAXPROCS(0), 16)-1))
}()

// shardOf picks a shard for an exchange. Exchanges are pooled per processor, so
// their addresses spread the processors.
func shardOf(x *gatehouse.Exchange) uint {
	return uint(uint64(uintptr(unsafe.Pointer(x)))*0x9e3779b97f4a7c15>>40) & uint(shards-1)
}

// A histogram counts durations in buckets: two atomic additions each, against
// four and a compare-and-swap of client_golang's. A scrape may see an observation
// in its bucket and not yet in the sum, which Prometheus allows for.
type histogram struct {
	bounds []int64 // upper bounds in ns, ascending
	words  []atomic.Uint64
	stride int // words of one shard: the buckets, +Inf, the sum; whole cache lines
	mask   uint
}

func newHistogram(bounds []int64, shards int) *histogram {
	h := &histogram{bounds: bounds, mask: uint(shards - 1)}
	h.stride = (len(bounds) + 2 + 7) &^ 7
	h.words = make([]atomic.Uint64, h.stride*shards)
	return h
}

// nanoseconds turns bounds in seconds into ns.
func nanoseconds(seconds []float64) []int64 {
	ns := make([]int64, len(seconds))
	for i, s := range seconds {
		ns[i] = int64(s*1e9 + 0.5)
	}
	return ns
}

func (h *histogram) observe(shard uint, d time.Duration) {
	i := 0
	for i < len(h.bounds) && int64(d) > h.bounds[i] {
		i++
	}
	words := h.words[int(shard&h.mask)*h.stride:]
	words[i].Add(1)
	words[len(h.bounds)+1].Add(uint64(max(d, 0)))
}

// read returns the number of observations, their sum in seconds and the
// cumulative buckets by their bounds in seconds.
func (h *histogram) read(seconds []float64) (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(seconds))
	var total uint64
	for i := range len(h.bounds) + 2 {
		var n uint64
		for s := 0; s < len(h.words); s += h.stride {
			n += h.words[s+i].Load()
		}
		switch {
		case i < len(h.bounds):
			count += n
			buckets[seconds[i]] = count
		case i == len(h.bounds):
			count += n
		default:
			total = n
		}
	}
	return count, float64(total) / 1e9, buckets
}

// A histogramVec is a set of histograms by label values: a prometheus.Collector.
type histogramVec struct {
	desc    *prometheus.Desc
	seconds []float64
	bounds  []int64

	mu    sync.Mutex
	items map[[3]string]*histogram
	names int // how many of the three label values are in use
}

func newHistogramVec(name, help string, seconds []float64, labels ...string) *histogramVec {
	return &histogramVec{desc: prometheus.NewDesc(name, help, labels, nil), seconds: seconds,
		bounds: nanoseconds(seconds), items: make(map[[3]string]*histogram), names: len(labels)}
}

// with returns the histogram of the label values, at most three.
func (v *histogramVec) with(shards int, labels ...string) *histogram {
	var key [3]string
	copy(key[:], labels)
	v.mu.Lock()
	defer v.mu.Unlock()
	h := v.items[key]
	if h == nil {
		h = newHistogram(v.bounds, shards)
		v.items[key] = h
	}
	return h
}

func (v *histogramVec) Describe(ch chan<- *prometheus.Desc) { ch <- v.desc }

func (v *histogramVec) Collect(ch chan<- prometheus.Metric) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, h := range v.items {
		count, sum, buckets := h.read(v.seconds)
		ch <- prometheus.MustNewConstHistogram(v.desc, count, sum, buckets, key[:v.names]...)
	}
}
