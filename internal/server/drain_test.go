package server

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/admin"
)

// Whoever asks a gateway without connections to drain is told that it does, however
// quickly it is over.
func TestDrainIsAnswered(t *testing.T) {
	t.Parallel()
	for range 12 {
		h := newDoors(t, doorOptions{upstream: "http://127.0.0.1:1"})
		began := time.Now()
		if err := admin.Dial(h.Socket()).Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		<-h.stopped
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("stopped after %v", took)
		}
	}
}
