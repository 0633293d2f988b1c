package telemetry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Connections registers the gauge of a listener's open connections. A later call
// for the same listener takes the earlier one's place.
func (m *Metrics) Connections(listener string, open func() float64) error {
	return m.register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_connections", Help: "Open connections.",
		ConstLabels: prometheus.Labels{"listener": label(listener)}}, open))
}

// ObserverDrops registers the counter of what an observer dropped.
func (m *Metrics) ObserverDrops(observer string, dropped func() float64) error {
	return m.register(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "gatehouse_observer_dropped_total",
		Help: "Exchanges that an observer dropped.", ConstLabels: prometheus.Labels{"observer": label(observer)}}, dropped))
}

// DecisionLog is the state of the decision log.
type DecisionLog struct {
	Written, Lost, Errors int64 // since the start
	Failing               bool
}

// DecisionLog registers the counters of the decision log, its gaps above all.
func (m *Metrics) DecisionLog(state func() DecisionLog) error {
	counter := func(name, help string, f func() int64) error {
		return m.register(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return float64(f()) }))
	}
	return errors.Join(
		counter("gatehouse_decision_log_records_total", "Decisions written.", func() int64 { return state().Written }),
		counter("gatehouse_decision_log_lost_total", "Decisions lost: gaps in the log.", func() int64 { return state().Lost }),
		counter("gatehouse_decision_log_errors_total", "Failed attempts to write.", func() int64 { return state().Errors }),
		m.register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_decision_log_writable",
			Help: "1 while the decision log can be written."}, func() float64 {
			if state().Failing {
				return 0
			}
			return 1
		})))
}

// register puts c in the place of an equal collector.
func (m *Metrics) register(c prometheus.Collector) error {
	err := m.reg.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		m.reg.Unregister(already.ExistingCollector)
		return m.reg.Register(c)
	}
	return err
}

// Rules are the counts of the WAF, over all configurations of this process.
type Rules struct {
	Proven, Replayed, Refused, Shadowed, Mismatches int64
}

// Rules registers the WAF's counts.
func (m *Metrics) Rules(state func() Rules) error {
	counter := func(name, help string, f func(Rules) int64) error {
		return m.register(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return float64(f(state())) }))
	}
	return errors.Join(
		counter("gatehouse_waf_proven_total", "Requests that were proven to match no rule.", func(r Rules) int64 { return r.Proven }),
		counter("gatehouse_waf_replayed_total", "Requests that went through all rules.", func(r Rules) int64 { return r.Replayed }),
		counter("gatehouse_waf_refused_total", "Requests that nobody judged: their caller's budget was used up, or all places taken.", func(r Rules) int64 { return r.Refused }),
		counter("gatehouse_waf_shadowed_total", "Proven requests that went through all rules as well, to check the proof.", func(r Rules) int64 { return r.Shadowed }),
		counter("gatehouse_waf_mismatches_total", "Proofs found wrong: a defect of Gatehouse.", func(r Rules) int64 { return r.Mismatches }))
}
