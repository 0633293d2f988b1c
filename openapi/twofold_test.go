package openapi_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/openapi"
)

// A Content-Type that one reader takes for an image and a lenient one for JSON is
// refused where bodies are not looked into as well.
func TestOpaqueContentType(t *testing.T) {
	h := newHouse(t, openapi.Options{Config: open}, false)
	for contentType, want := range map[string]int{
		"image/png":                          204,
		"Image/PNG; a=b":                     204,
		"image/png;, application/json":       415,
		"image/png; application/json":        415,
		"image/png;a=b, application/json":    415,
		`image/png; a="b\"; application/js"`: 415,
		"image/png;":                         415,
		"*/*":                                415,
	} {
		if status, _, _ := h.do("PUT /v1/files/a", `{"role":"admin"}`, "Content-Type: "+contentType); status != want {
			t.Errorf("%q: %d", contentType, status)
		}
	}
}
