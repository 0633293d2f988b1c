package strictjson

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// split feeds text in chunks that end at the given offsets, and returns the pieces'
// bytes joined by kind: elements one by one, and all bytes in order.
func split(s *Splitter, text string, cuts ...int) (elements []string, all string, err error) {
	whole := ""
	feed := func(chunk string) error {
		s.Feed([]byte(chunk))
		for {
			piece, err := s.Next()
			if err != nil || piece.Kind == More {
				return err
			}
			all += string(piece.Bytes)
			if piece.Kind == Element {
				elements = append(elements, string(piece.Bytes))
			}
		}
	}
	from := 0
	for _, to := range append(cuts, len(text)) {
		if err := feed(text[from:to]); err != nil {
			return elements, all, err
		}
		from = to
	}
	piece, err := s.End()
	if piece.Kind == Whole {
		whole = string(piece.Bytes)
		elements = []string{whole}
	}
	return elements, all + whole, err
}

func TestSplitter(t *testing.T) {
	for _, c := range []struct {
		text     string
		elements []string
		code     string
		offset   int
	}{
		{text: `[]`}, {text: " [ \n] "},
		{text: `[1]`, elements: []string{"1"}},
		{text: "[1 ,\n2\t, -3e5]", elements: []string{"1", "2", "-3e5"}},
		{text: `[{"a":"]"},["}"],"\"]",true]`, elements: []string{`{"a":"]"}`, `["}"]`, `"\"]"`, "true"}},
		{text: `["\\","\\\"",""]`, elements: []string{`"\\"`, `"\\\""`, `""`}},
		{text: `[ {} , [ [ ] ] ]`, elements: []string{"{}", "[ [ ] ]"}},
		{text: ` {"a":[1,2]} `, elements: []string{`{"a":[1,2]} `}},
		{text: `12`, elements: []string{"12"}},
		// An element that is no JSON is found out by who reads it.
		{text: `[{]}`, elements: []string{"{]"}, code: CodeSyntax, offset: 3},
		{text: `[tru,1x]`, elements: []string{"tru", "1x"}},
		{text: ``, code: CodeEmpty}, {text: `  `, code: CodeEmpty, offset: 2},
		{text: `[`, code: CodeTruncated, offset: 1},
		{text: `[1`, code: CodeTruncated, offset: 2},
		{text: `[1,`, code: CodeTruncated, offset: 3, elements: []string{"1"}},
		{text: `["a]`, code: CodeTruncated, offset: 4},
		{text: `[1,]`, code: CodeSyntax, offset: 3, elements: []string{"1"}},
		{text: `[,1]`, code: CodeSyntax, offset: 1},
		{text: `[1 2]`, code: CodeSyntax, offset: 3, elements: []string{"1"}},
		{text: `[1:2]`, code: "", elements: []string{"1:2"}},
		{text: `["a":2]`, code: CodeSyntax, offset: 4, elements: []string{`"a"`}},
		{text: `[1}`, code: CodeSyntax, offset: 2, elements: []string{"1"}},
		{text: `[}`, code: CodeSyntax, offset: 1},
		{text: `[]]`, code: CodeTrailing, offset: 2},
		{text: `[1] x`, code: CodeTrailing, offset: 4, elements: []string{"1"}},
		{text: "\xef\xbb\xbf[]", code: CodeBOM},
	} {
		for cut := range len(c.text) + 1 {
			var s Splitter
			elements, all, err := split(&s, c.text, cut)
			if diff := cmp.Diff(c.elements, elements); diff != "" {
				t.Fatalf("%q cut at %d: %s", c.text, cut, diff)
			}
			code, offset := "", 0
			if err != nil {
				code, offset = err.(*Error).Code, err.(*Error).Offset
			} else if all != c.text {
				t.Fatalf("%q cut at %d becomes %q", c.text, cut, all)
			}
			if code != c.code || offset != c.offset {
				t.Fatalf("%q cut at %d: %s at %d, want %s at %d", c.text, cut, code, offset, c.code, c.offset)
			}
		}
	}
}

func TestSplitterBounds(t *testing.T) {
	long := `"` + strings.Repeat("x", 50) + `"`
	for _, c := range []struct {
		s    Splitter
		text string
		code string
	}{
		{Splitter{MaxElement: 52}, "[1," + long + "]", ""},
		{Splitter{MaxElement: 51}, "[1," + long + "]", CodeSize},
		{Splitter{MaxElement: 20}, `[{"a":[` + strings.Repeat("1,", 20), CodeSize},
		{Splitter{MaxWhole: 52}, long, ""},
		{Splitter{MaxWhole: 51}, long, CodeSize},
		{Splitter{MaxItems: 2}, "[1,2]", ""},
		{Splitter{MaxItems: 2}, "[1,2,3]", CodeItems},
	} {
		for _, step := range []int{1, 7, 1000} {
			c.s.Reset()
			var cuts []int
			for at := step; at < len(c.text); at += step {
				cuts = append(cuts, at)
			}
			_, _, err := split(&c.s, c.text, cuts...)
			code := ""
			if err != nil {
				code = err.(*Error).Code
			}
			if code != c.code {
				t.Errorf("%q by %d: %q, want %q", c.text, step, code, c.code)
			}
			if err != nil {
				if _, again := c.s.Next(); again != err {
					t.Error("an error is not final")
				}
				if _, again := c.s.End(); again != err {
					t.Error("an error is not final at the end")
				}
			}
			if cap(c.s.held) > 4*len(c.text) {
				t.Errorf("holds %d bytes", cap(c.s.held))
			}
		}
	}
}

// agree says whether the splitter, with every element read, judges as Read does.
func agree(t *testing.T, text string, cuts ...int) {
	t.Helper()
	var tape Tape
	var s Splitter
	s.MaxElement, s.MaxWhole = 1<<30, 1<<30
	whole := tape.Read([]byte(text), nil)
	elements, all, err := split(&s, text, cuts...)
	if err == nil && all != text {
		t.Fatalf("%q cut at %v becomes %q", text, cuts, all)
	}
	lim := Limits{Depth: 63}
	if !s.Array() {
		lim.Depth = 64
	}
	inner := (&lim).WithDefaults()
	for _, e := range elements {
		if read := tape.Read([]byte(e), &inner); err == nil && read != nil {
			err = read
		}
	}
	if (err == nil) != (whole == nil) {
		t.Fatalf("%q cut at %v: in pieces %v, whole %v", text, cuts, err, whole)
	}

	// With a tape, the splitter does the reading.
	reading := Splitter{MaxElement: 1 << 30, MaxWhole: 1 << 30, Tape: new(Tape), Limits: &inner}
	again, all, err := split(&reading, text, cuts...)
	if !reading.Array() {
		return
	}
	if (err == nil) != (whole == nil) || err == nil && (all != text || !cmp.Equal(elements, again)) {
		t.Fatalf("%q cut at %v: read in pieces %v %q, whole %v", text, cuts, err, again, whole)
	}
	if err != nil && (err.(*Error).Offset < 0 || err.(*Error).Offset > len(text)) {
		t.Fatalf("%q cut at %v: %v", text, cuts, err)
	}
}

// Faults of an element are told with their offset in the stream, wherever the
// chunks end.
func TestSplitterOffsets(t *testing.T) {
	for text, want := range map[string]Error{
		`[{"a":1},{"b":1,"b":2}]`: {CodeDuplicateName, 16},
		`[1, "\q"]`:               {CodeEscape, 5},
		"[1,\n[2,[\"\xff\"]]]":    {CodeUTF8, 9},
		`[[01]]`:                  {CodeNumber, 3},
	} {
		for cut := range len(text) + 1 {
			s := Splitter{Tape: new(Tape)}
			_, _, err := split(&s, text, cut)
			if e, ok := err.(*Error); !ok || *e != want {
				t.Errorf("%q cut at %d: %v, want %v", text, cut, err, &want)
			}
		}
	}
	s := Splitter{}
	s.Feed([]byte(" [1 , 22]"))
	var offsets []int
	for {
		p, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind == More {
			break
		}
		offsets = append(offsets, p.Offset)
	}
	if want := []int{0, 2, 3, 6, 8}; !cmp.Equal(want, offsets) {
		t.Errorf("pieces at %v, want %v", offsets, want)
	}
}

func TestSplitterAgreesWithRead(t *testing.T) {
	for _, text := range append(accepted, "["+order+" , "+order+"]") {
		agree(t, text)
	}
	for _, c := range refusals {
		for cut := range len(c.text) + 1 {
			if c.limits == (Limits{}) {
				agree(t, c.text, cut)
			}
		}
	}
}

func FuzzSplitter(f *testing.F) {
	for _, text := range accepted {
		f.Add(text, uint64(1))
		f.Add("["+text+","+text+"]", uint64(2))
	}
	for _, c := range refusals {
		f.Add(c.text, uint64(3))
		f.Add("["+c.text+"]", uint64(4))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		agree(t, text)
		var every []int
		for at := 1; at < len(text); at++ {
			every = append(every, at)
		}
		agree(t, text, every...)
		if len(text) > 0 {
			r := rand.New(rand.NewPCG(seed, 0))
			var cuts []int
			for at := 0; at < len(text); at += 1 + r.IntN(7) {
				cuts = append(cuts, at)
			}
			agree(t, text, cuts...)
		}
	})
}
