// Package telemetry tells operators how the gateway is doing: Prometheus metrics,
// OpenTelemetry traces, and the process's own log.
//
// [Metrics] and [Tracer] are [gatehouse.Observer]s: they learn from a finished
// Exchange, keep nothing of it, never block, and make no decision.
//
//   - Metrics have a bounded number of series whatever the traffic: endpoints
//     come from the configuration, client ids only from verified Principals and
//     up to a limit, addresses are cut to /24 and /48 and limited too; what
//     exceeds a limit is counted as "other". Durations are kept in histograms of
//     our own, exported through [prometheus.Collector]: two atomic additions each.
//   - Spans are made afterwards, from the Exchange of a sampled trace only, and
//     sent by OTLP over HTTP. The trace context itself (W3C traceparent) is read
//     and written by package gateway.
//   - The log is JSON by log/slog, its secrets masked and every value inert.
package telemetry
