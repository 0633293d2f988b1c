package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse/gatehouse/jose"
)

// A task does its work n times.
type task func(n int) error

const (
	microRounds = 9
	microRound  = 30 * time.Millisecond // about, of each task
	// standardRS256 is what one raw verification needs on the machine that the bars
	// were set on.
	standardRS256 = 34 // µs
)

// scaled measures tasks in turns with the yardstick, on one processor, and
// returns the one that costs most, in µs scaled to the machine of the day.
func scaled(ctx context.Context, tasks ...task) (result, error) {
	yard, err := newYardstick()
	if err != nil {
		return result{}, err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	values, times, raw, err := interleave(ctx, yard, tasks)
	if err != nil {
		return result{}, err
	}
	worst := 0
	for i := range values {
		if median(values[i]) > median(values[worst]) {
			worst = i
		}
	}
	return result{value: median(values[worst]), runs: values[worst], ours: median(times[worst]), oursUnit: "us",
		notes: []string{fmt.Sprintf("%.3f µs measured, times %g, by a raw RS256 verification of %.1f µs",
			median(times[worst]), float64(standardRS256), median(raw))}}, nil
}

// interleave returns, of each task, the scaled and the measured µs per round, and
// those of the yardstick.
func interleave(ctx context.Context, yard task, tasks []task) (values, times [][]float64, raw []float64, err error) {
	values, times = make([][]float64, len(tasks)), make([][]float64, len(tasks))
	counts := make([]int, len(tasks))
	for i, t := range tasks {
		if counts[i], err = calibrate(t); err != nil {
			return nil, nil, nil, err
		}
	}
	yards, err := calibrate(yard)
	if err != nil {
		return nil, nil, nil, err
	}
	for range microRounds {
		for i, t := range tasks {
			if err := ctx.Err(); err != nil {
				return nil, nil, nil, err
			}
			before, err := micros(yard, yards)
			if err != nil {
				return nil, nil, nil, err
			}
			own, err := micros(t, counts[i])
			if err != nil {
				return nil, nil, nil, err
			}
			after, err := micros(yard, yards)
			if err != nil {
				return nil, nil, nil, err
			}
			day := (before + after) / 2
			raw = append(raw, day)
			times[i] = append(times[i], own)
			values[i] = append(values[i], own*standardRS256/day)
		}
	}
	return values, times, raw, nil
}

// calibrate finds out how often a task fits into a round, and warms it up.
func calibrate(t task) (int, error) {
	for n := 16; ; n *= 2 {
		us, err := micros(t, n)
		if err != nil {
			return 0, err
		}
		if total := us * float64(n); total > float64(microRound.Microseconds())/2 || n > 1<<30 {
			return n, nil
		}
	}
}

// micros is the processor time of one execution in µs: of the whole process, so
// that collecting the garbage counts, and neighbours on the machine do not.
func micros(t task, n int) (float64, error) {
	before, err := processorClock()
	if err != nil {
		return 0, err
	}
	if err := t(n); err != nil {
		return 0, err
	}
	after, err := processorClock()
	return float64(after-before) / 1e3 / float64(n), err
}

func processorClock() (int64, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return t.Nano(), err
}

// newYardstick returns the raw verification: what the standard library needs for
// the signature alone.
func newYardstick() (task, error) {
	key, err := jose.GenerateKey("yardstick", jose.RS256)
	if err != nil {
		return nil, err
	}
	raw, err := sign(key, "yard", time.Now())
	if err != nil {
		return nil, err
	}
	return rawVerify(key, []string{raw})
}

// rawVerify checks the signatures of tokens, over and over, with crypto/rsa.
func rawVerify(key *jose.SigningKey, tokens []string) (task, error) {
	public, ok := key.Public().Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%T is no RSA key", key.Public().Public())
	}
	inputs, signatures := make([][]byte, len(tokens)), make([][]byte, len(tokens))
	for i, raw := range tokens {
		t, err := jose.Parse(raw, 0)
		if err != nil {
			return nil, err
		}
		inputs[i], signatures[i] = []byte(t.Input), t.Signature
	}
	next := 0
	return func(n int) error {
		for range n {
			i := next % len(inputs)
			next++
			sum := sha256.Sum256(inputs[i])
			if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signatures[i]); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
