package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/gatehouse/gatehouse"
	"github.com/prometheus/client_golang/prometheus"
)

// endpointMetrics are the series of one endpoint, found by a look into small maps
// that are copied when they grow.
type endpointMetrics struct {
	name string
	// exported says that an operation here is tagged "export": its clients are
	// counted one by one even when the series run out.
	exported atomic.Bool

	mu       sync.Mutex // for whoever adds to one of these
	cells    atomic.Pointer[map[uint32]*cell]
	exports  atomic.Pointer[map[string]prometheus.Counter]
	controls atomic.Pointer[[]*controlMetrics] // as the judgments usually stand
}

// A cell is what one method, status code and ending count.
type cell struct {
	requests prometheus.Counter
	duration *histogram
}

func (m *Metrics) endpoint(name string) *endpointMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.byEndpoint[name]
	if e == nil && len(m.byEndpoint) >= m.maxEndpoints {
		name = other
		e = m.byEndpoint[name]
	}
	if e == nil {
		e = &endpointMetrics{name: label(name)}
		e.cells.Store(&map[uint32]*cell{})
		e.exports.Store(&map[string]prometheus.Counter{})
		e.controls.Store(&[]*controlMetrics{})
		m.byEndpoint[name] = e
	}
	return e
}

// class is the value of the label status.
func class(d *gatehouse.Decision) int {
	switch {
	case d.Result == gatehouse.Blocked:
		return blocked
	case d.Status >= 500 || d.Status == 0 && d.Result == gatehouse.Failed:
		return serverError
	case d.Status >= 400 || d.Status == 0: // the client left
		return clientError
	}
	return success
}

func (e *endpointMetrics) cell(m *Metrics, method int, d *gatehouse.Decision) *cell {
	status := d.Status
	if uint(status) > 999 {
		status = 999
	}
	class := class(d)
	key := uint32(method)<<16 | uint32(class)<<12 | uint32(status)
	if c := (*e.cells.Load())[key]; c != nil {
		return c
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	cells := *e.cells.Load()
	if c := cells[key]; c != nil {
		return c
	}
	c := &cell{requests: m.requests.WithLabelValues(e.name, methods[method], classNames[class]),
		duration: m.durations.with(1, e.name, methods[method], codeLabel(status))}
	cells = maps.Clone(cells)
	cells[key] = c
	e.cells.Store(&cells)
	return c
}

// export returns the counter of the bytes that the client of x got here.
func (e *endpointMetrics) export(m *Metrics, x *gatehouse.Exchange) prometheus.Counter {
	id := clientID(x.Principal)
	if c := (*e.exports.Load())[id]; c != nil {
		return c
	}
	id = m.clients.name(id)
	if c := (*e.exports.Load())[id]; c != nil {
		return c
	}
	if id != other && !e.exported.Load() && !m.exportSeries.admits([3]string{e.name, id}) {
		id = other
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	exports := *e.exports.Load()
	if c := exports[id]; c != nil {
		return c
	}
	c := m.exports.WithLabelValues(e.name, id)
	exports = maps.Clone(exports)
	exports[id] = c
	e.exports.Store(&exports)
	return c
}

// control returns the metrics of the control that made judgment i. The controls
// of an endpoint nearly always come in the same order.
func (e *endpointMetrics) control(m *Metrics, i int, name string) *controlMetrics {
	known := *e.controls.Load()
	if i < len(known) && known[i].name == name {
		return known[i]
	}
	c := m.controls.get(name)
	if i == len(known) && i < maxOrder {
		e.mu.Lock()
		if known = *e.controls.Load(); i == len(known) {
			grown := append(known[:i:i], c)
			e.controls.Store(&grown)
		}
		e.mu.Unlock()
	}
	return c
}

// maxOrder bounds the remembered order of controls.
const maxOrder = 64
