//go:build race

package ratelimit

const raceEnabled = true // sync.Pool then drops what it is given at random
