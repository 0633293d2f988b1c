//go:build unix && (amd64 || arm64)

package strictjson

import (
	"math"
	"syscall"
	"testing"
)

func TestTextOf4GiB(t *testing.T) {
	// Mapped, never touched: it takes no memory.
	text, err := syscall.Mmap(-1, 0, math.MaxUint32, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Munmap(text) }()
	var tape Tape
	if e, ok := tape.Read(text, nil).(*Error); !ok || e.Code != CodeSize {
		t.Errorf("got %v", e)
	}
}
