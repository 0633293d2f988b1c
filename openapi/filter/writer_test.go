package filter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/strictjson"
)

var _ gatehouse.VerdictWriter = (*Writer)(nil)

// stream filters text in chunks of n bytes.
func stream(o *Options, text string, n int) (out string, f *Writer, err error) {
	var b bytes.Buffer
	f = NewWriter(&b, o)
	for from := 0; from < len(text) && err == nil; from += n {
		_, err = f.Write([]byte(text[from:min(len(text), from+n)]))
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return b.String(), f, err
}

func testOptions(t testing.TB) *Options {
	s, err := ParseSelection("id,card,note,items/name")
	if err != nil {
		t.Fatal(err)
	}
	m := masker(t, Rule{Fields: []string{"card"}, Mask: MaskLast4}, Rule{Detect: []string{"email"}, Mask: MaskEmail})
	return &Options{View: m.For(nil), Select: s}
}

// A stream gives what the whole gives, wherever the chunks end and whenever it is
// let go.
func TestWriterIsBody(t *testing.T) {
	o := testOptions(t)
	for _, text := range []string{
		`[]`, " [ ]\n", `[1, "ada@example.com" ,null]`, `{"id":1,"x":2}`, ` "bob@example.com" `, `12`, `{"a":[{"id":1}]}`,
		"[\n  {\"id\": 1, \"card\": \"4111111111111111\", \"secret\": {\"a\": []}},\n  {\"note\": \"ada@example.com\", \"items\": [{\"name\": \"ä\", \"n\": 1.50}]}\n]\n",
	} {
		var r Record
		want, err := Body([]byte(text), o, &r)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, hold := range []int{1, 20, 0} {
			o.Hold = hold
			for n := 1; n <= len(text)+1; n++ {
				got, f, err := stream(o, text, n)
				if err != nil || got != string(want) {
					t.Fatalf("%q by %d: %v %q, want %q", text, n, err, got, want)
				}
				if diff := cmp.Diff(r.Places, f.Record().Places); diff != "" || r.Masked != f.Record().Masked || r.Unselected != f.Record().Unselected {
					t.Fatalf("%q by %d: another record\n%s", text, n, diff)
				}
			}
		}
		o.Whole = true
		if got, _, err := stream(o, text, 3); err != nil || got != string(want) {
			t.Errorf("%q held whole: %v %q, want %q", text, err, got, want)
		}
		o.Whole = false
	}
}

func TestNothingToDo(t *testing.T) {
	text := []byte(`{ "a" : [1.0,2] }`)
	out, err := Body(text, &Options{}, nil)
	if err != nil || &out[0] != &text[0] {
		t.Error("a copy is made of what does not change")
	}
	if got, f, err := stream(&Options{}, "["+string(text)+" ]", 5); err != nil || got != "["+string(text)+" ]" || f.Verdict().Reason.Code != "" {
		t.Errorf("%q %v", got, err)
	}
}

func TestWriterRefuses(t *testing.T) {
	long := `"` + strings.Repeat("x", 100) + `"`
	for _, c := range []struct {
		name, text, code string
		o                Options
	}{
		{"nothing", "", strictjson.CodeEmpty, Options{}},
		{"cut off", `[{"id":1},{"id"`, strictjson.CodeTruncated, Options{}},
		{"no end", `[{"id":1}`, strictjson.CodeTruncated, Options{}},
		{"two members of a name", `[{"id":1},{"id":1,"id":2}]`, strictjson.CodeDuplicateName, Options{}},
		{"broken element", `[{"id":1},{"id":01}]`, strictjson.CodeNumber, Options{}},
		{"broken object", `{"id":tru}`, strictjson.CodeSyntax, Options{}},
		{"trailing data", `[1] [2]`, strictjson.CodeTrailing, Options{}},
		{"HTML", `<html>`, strictjson.CodeSyntax, Options{}},
		{"too long an element", `[1,` + long + `]`, strictjson.CodeSize, Options{MaxElement: 100}},
		{"too long a text", long, strictjson.CodeSize, Options{MaxWhole: 100}},
		{"too long an array held whole", `[` + long + `]`, strictjson.CodeSize, Options{MaxWhole: 100, Whole: true}},
		{"too many elements", `[1,2,3]`, strictjson.CodeItems, Options{Limits: strictjson.Limits{Items: 2}}},
		{"too deep", `[[[1]]]`, strictjson.CodeDepth, Options{Limits: strictjson.Limits{Depth: 2}}},
		{"too deep for one level", `[[1]]`, strictjson.CodeDepth, Options{Limits: strictjson.Limits{Depth: 1}}},
	} {
		for _, n := range []int{1, 4, 1000} {
			out, f, err := stream(&c.o, c.text, n)
			var e *gatehouse.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Status != 502 {
				t.Errorf("%s by %d: %v, want %s", c.name, n, err, c.code)
				continue
			}
			if out != "" {
				t.Errorf("%s by %d: %q goes out though it is held back", c.name, n, out)
			}
			v := f.Verdict()
			if v.Outcome != gatehouse.Deny || v.Status != 502 || v.Reason.Code != c.code || strings.Contains(v.Reason.Message, "xxx") {
				t.Errorf("%s: %+v", c.name, v)
			}
			if _, again := f.Write([]byte("1")); again != err || f.Close() != err {
				t.Errorf("%s: the error is not final", c.name)
			}
		}
		if _, err := Body([]byte(c.text), &c.o, nil); c.o.MaxElement == 0 && err == nil {
			t.Errorf("%s: accepted in one piece", c.name)
		}
	}
}

// What goes out before a fault is never a JSON text.
func TestAbortedStreamIsNoText(t *testing.T) {
	text := `[{"id":1},{"id":2},{"id":3},{"id":4,}]`
	for n := 1; n <= len(text); n++ {
		out, _, err := stream(&Options{Hold: 1}, text, n)
		if err == nil {
			t.Fatal("accepted")
		}
		if !strings.HasPrefix(text, out) || (&strictjson.Tape{}).Read([]byte(out), nil) == nil {
			t.Errorf("by %d: %q", n, out)
		}
	}
}

type failing struct{ after int }

var errDoor = errors.New("the door is shut")

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errDoor
	}
	return len(p), nil
}

func TestDoorFails(t *testing.T) {
	text := "[" + strings.Repeat(`{"id":1},`, 100) + "1]"
	for _, hold := range []int{1, 100, 1 << 20} {
		f := NewWriter(&failing{after: 50}, &Options{Hold: hold})
		_, err := io.Copy(f, strings.NewReader(text))
		if err == nil {
			err = f.Close()
		}
		if !errors.Is(err, errDoor) {
			t.Errorf("held %d: %v", hold, err)
		}
	}
	f := NewWriter(io.Discard, &Options{})
	if _, err := f.Write([]byte("[1]")); err != nil || f.Close() != nil || f.Close() != nil {
		t.Error("cannot be closed twice")
	}
	if _, err := f.Write([]byte("x")); err == nil {
		t.Error("takes more after Close")
	}
}

func TestMemoryDoesNotGrow(t *testing.T) {
	o := testOptions(t)
	row := []byte(`{"id":12,"card":"4111111111111111","note":"write to ada@example.com","hidden":[1,2,3]},`)
	chunk := bytes.Repeat(row, 400)
	f := NewWriter(io.Discard, o)
	write := func(p []byte) {
		if _, err := f.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	write([]byte("["))
	for range 5 {
		write(chunk)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 80 {
		write(chunk)
	}
	runtime.ReadMemStats(&after)
	write([]byte("0]"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 256<<10 {
		t.Errorf("%d bytes were allocated for %d bytes of answer", grown, 80*len(chunk))
	}
	if len(f.Record().Places) != 2 || f.Record().Masked != 2*85*400 {
		t.Errorf("%+v", f.Record())
	}
}

func FuzzWriter(f *testing.F) {
	f.Add(`[{"id":1,"card":"4111111111111111"} , {"note":"ada@example.com","x":[{}]}]`, 3)
	f.Add(`{"items":[{"name":1,"n":2}]}`, 1)
	o := testOptions(f)
	o.Hold = 1
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n <= 0 || len(text) > 1<<12 {
			return
		}
		want, wholeErr := Body([]byte(text), o, nil)
		got, _, err := stream(o, text, n)
		if (err == nil) != (wholeErr == nil) || err == nil && got != string(want) {
			t.Fatalf("%q by %d: %q %v, whole %q %v", text, n, got, err, want, wholeErr)
		}
	})
}

func ExampleWriter() {
	fields, err := ParseSelection("id")
	if err != nil {
		fmt.Println(err)
		return
	}
	var answer strings.Builder
	f := NewWriter(&answer, &Options{Select: fields})
	for _, chunk := range []string{`[{"id":1,"na`, `me":"Ada"},{"id`, `":2,"name":"Bob"}]`} {
		if _, err := f.Write([]byte(chunk)); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(f.Close(), answer.String())
	// Output: <nil> [{"id":1},{"id":2}]
}
