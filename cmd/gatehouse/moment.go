package main

import "time"

// moment reads a time, or a duration from now into the past (-1) or the future
// (1); "" is the zero time.
func moment(s string, now time.Time, direction time.Duration) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(direction * d).UTC().Truncate(time.Second), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("%q is no time: write 24h, 2026-01-31 or 2026-01-31T12:00:00Z", s)
}
