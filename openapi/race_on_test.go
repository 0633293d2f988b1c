//go:build race

package openapi_test

// raced: the race detector makes everything slower, and pools forgetful.
const raced = true
