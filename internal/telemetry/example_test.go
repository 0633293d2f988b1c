package telemetry_test

import (
	"fmt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/telemetry"
	"github.com/prometheus/client_golang/prometheus"
)

func Example() {
	reg := prometheus.NewRegistry()
	m := telemetry.NewMetrics(reg, telemetry.Options{Version: "1.0"})

	x := &gatehouse.Exchange{Operation: &gatehouse.Operation{Endpoint: "GET /orders/{id}"}}
	x.Request.Method = "GET"
	x.Decision.Result, x.Decision.Status = gatehouse.Answered, 200
	m.Observe(x)

	families, err := reg.Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		if f.GetName() == "api_requests_total" {
			fmt.Println(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	// Output: 1
}
