package ratelimit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A Rate is a number of calls in a period: "60/min", "5000/s", "100/10s".
type Rate struct {
	Count int64
	Per   time.Duration // whole seconds
}

// Bounds of a Rate. Below a microsecond between calls a limit limits nothing.
const (
	maxCount    = 1_000_000_000
	maxPer      = 31 * 24 * time.Hour
	minInterval = time.Microsecond
)

const rateHint = `calls per period, such as "60/min", "5000/s", "100/10s", "2/h" or "100000/day"`

var units = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
}

// ParseRate reads "count/period". The period is s, sec, second, min, minute, h,
// hour, d or day, with an optional whole number before it.
func ParseRate(s string) (Rate, error) {
	count, period, ok := strings.Cut(strings.TrimSpace(s), "/")
	if !ok {
		return Rate{}, rateError(s, "is not a rate")
	}
	n, err := strconv.ParseUint(strings.TrimSpace(count), 10, 63)
	if err != nil || n < 1 || n > maxCount {
		return Rate{}, rateError(s, "has no count from 1 to 1000000000")
	}
	period = strings.TrimSpace(period)
	digits := len(period) - len(strings.TrimLeft(period, "0123456789"))
	unit, ok := units[period[digits:]]
	if !ok {
		return Rate{}, rateError(s, "has no known period")
	}
	many := int64(1)
	if digits > 0 {
		if many, err = strconv.ParseInt(period[:digits], 10, 64); err != nil || many < 1 || many > int64(maxPer/unit) {
			return Rate{}, rateError(s, "has a period that is not from 1s to 31d")
		}
	}
	r := Rate{Count: int64(n), Per: time.Duration(many) * unit}
	if !r.valid() {
		return Rate{}, rateError(s, "is above a million calls a second")
	}
	return r, nil
}

func rateError(s, what string) error {
	return &gatehouse.Error{Code: "config.rate", Message: fmt.Sprintf("%.40q %s", s, what), Hint: rateHint}
}

// UnmarshalText reads what [ParseRate] reads.
func (r *Rate) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRate(string(text))
	return err
}

// MarshalText prints the rate in its shortest form.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r Rate) String() string {
	if r.IsZero() {
		return ""
	}
	period, name := r.Per/time.Second, "s"
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}} {
		if r.Per >= u.size && r.Per%u.size == 0 {
			period, name = r.Per/u.size, u.name
			break
		}
	}
	b := strconv.AppendInt(make([]byte, 0, 24), r.Count, 10)
	b = append(b, '/')
	if period != 1 {
		b = strconv.AppendInt(b, int64(period), 10)
	}
	return string(append(b, name...))
}

// IsZero reports whether no rate was given.
func (r Rate) IsZero() bool { return r == Rate{} }

// interval is the time one call takes out of the limit, rounded up so that the
// rate is never exceeded.
func (r Rate) interval() time.Duration {
	return (r.Per + time.Duration(r.Count) - 1) / time.Duration(r.Count)
}

// valid reports whether ParseRate could have made r.
func (r Rate) valid() bool {
	return r.Count >= 1 && r.Count <= maxCount && r.Per >= time.Second && r.Per <= maxPer &&
		r.Per%time.Second == 0 && r.Per/time.Duration(r.Count) >= minInterval
}
