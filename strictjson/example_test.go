package strictjson_test

import (
	"errors"
	"fmt"

	"github.com/gatehouse/gatehouse/strictjson"
)

func ExampleTape() {
	var tape strictjson.Tape
	if err := tape.Read([]byte(`{"id": 7, "tags": ["a\u002fb", "c"]}`), nil); err != nil {
		fmt.Println(err)
		return
	}
	tags := tape.Get(0, "tags")
	first := tags + 1
	fmt.Println(tape.Tokens[tags].Kind, tape.Tokens[tags].Count)
	fmt.Printf("%s is %s at %s\n", tape.Raw(first), tape.AppendString(nil, first), tape.Pointer(first))
	// Output:
	// array 2
	// "a\u002fb" is a/b at /tags/0
}

func ExampleError() {
	var tape strictjson.Tape
	err := tape.Read([]byte(`{"role":"user","\u0072ole":"admin"}`), &strictjson.Limits{Depth: 10})
	var e *strictjson.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code, e.Offset)
	}
	// Output: json.duplicate_name 15
}

func ExampleSplitter() {
	var tape strictjson.Tape
	s := strictjson.Splitter{Tape: &tape, MaxElement: 1 << 10}
	for _, chunk := range []string{`[{"id":1}, {"i`, `d":2}`, ` ]`} {
		s.Feed([]byte(chunk))
		for {
			piece, err := s.Next()
			if err != nil {
				fmt.Println(err)
				return
			}
			if piece.Kind == strictjson.More {
				break
			}
			if piece.Kind == strictjson.Element {
				fmt.Printf("%s has %d member\n", piece.Bytes, tape.Tokens[0].Count)
			}
		}
	}
	_, err := s.End()
	fmt.Println(err)
	// Output:
	// {"id":1} has 1 member
	// {"id":2} has 1 member
	// <nil>
}
