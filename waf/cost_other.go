//go:build !linux

package waf

import "time"

// stepBack does nothing: elsewhere threads have no priority of their own to give up.
func stepBack() {}

// processorUsed is a clock: elsewhere there is none of a thread's processor time.
func processorUsed() time.Duration { return time.Duration(time.Now().UnixNano()) }
