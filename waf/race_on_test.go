//go:build race

package waf

const raceEnabled = true // the engine is ten times slower then
