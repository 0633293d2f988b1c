package server

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// A header list that is larger than a door allows, in whatever guise, is refused
// and never forwarded, costs no more memory than an allowed one, and says in
// advance that it will be.
func TestHTTP2HeaderList(t *testing.T) {
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	many := func(n int, field func(i int) (name, value string)) []string {
		var fields []string
		for i := range n {
			name, value := field(i)
			fields = append(fields, name, value)
		}
		return fields
	}
	same := func(name, value string) func(int) (string, string) {
		return func(int) (string, string) { return name, value }
	}
	for _, c := range []struct {
		name   string
		fields []string
	}{
		{"many fields", many(101, func(i int) (string, string) { return fmt.Sprintf("x-%d", i), "v" })},
		{"long fields", many(80, func(i int) (string, string) { return fmt.Sprintf("x-%d", i), strings.Repeat("a", 2000) })},
		{"one of 200 KB", []string{"x-a", strings.Repeat("a", 200<<10)}},
		{"a path of 200 KB", nil},
		// Some bytes of HPACK that stand for megabytes: references to one entry.
		{"a bomb", many(4000, same("x-a", strings.Repeat("a", 3900)))},
		{"a bomb of cookies", many(4000, same("cookie", strings.Repeat("a", 3900)))},
		{"crumbs of cookies", many(4000, same("cookie", "a=1"))},
		{"empty values", many(20000, same("x-a", ""))},
	} {
		before := heap()
		f := h.frames("plain")
		fields := pseudo("GET", "/any/x", here, c.fields...)
		if c.fields == nil {
			fields = pseudo("GET", "/any/"+strings.Repeat("a", 200<<10), here)
		}
		f.openLong(1, fields)
		got, _ := f.outcome(1)
		if got != "431" && got != "414" && got != "reset" && got != "goaway" && got != "closed" {
			t.Errorf("%s: %s", c.name, got)
		}
		f.conn.Close()
		if after := heap(); after > before+8<<20 {
			t.Errorf("%s: %d bytes are kept", c.name, after-before)
		}
		if _, rs := up.take(); len(rs) > 0 {
			t.Errorf("%s: the service heard of %s %.80s", c.name, rs[0].method, rs[0].target)
		}
		t.Logf("%s: %s", c.name, got)
	}
}

// openLong sends the head of a request in as many frames as it takes. Where the
// gateway hangs up before the end, the outcome shows it.
func (f *frames) openLong(stream uint32, fields []string) {
	const most = 16 << 10
	block := f.block(fields...)
	first := block[:min(most, len(block))]
	block = block[len(first):]
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndHeaders: len(block) == 0, EndStream: true})
	for len(block) > 0 && err == nil {
		next := block[:min(most, len(block))]
		block = block[len(next):]
		err = f.WriteContinuation(stream, len(block) == 0, next)
	}
}

// What a connection may do is said at its beginning.
func TestHTTP2AnnouncesItsLimits(t *testing.T) {
	t.Parallel()
	h := newDoors(t, doorOptions{upstream: newWire(t).url()})
	for _, listener := range everyDoor {
		fr, err := h.frames(listener).ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		settings, ok := fr.(*http2.SettingsFrame)
		if !ok {
			t.Fatalf("%s begins with %v", listener, fr)
		}
		streams, _ := settings.Value(http2.SettingMaxConcurrentStreams)
		list, _ := settings.Value(http2.SettingMaxHeaderListSize)
		if streams != 128 || list == 0 || list > 128<<10 {
			t.Errorf("%s: %d streams, header lists of %d bytes", listener, streams, list)
		}
	}
}
