package gatehouse_test

import (
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestExchangeKeeps(t *testing.T) {
	type one struct{}
	two := new(int)
	var x gatehouse.Exchange
	if x.Kept(one{}) != nil {
		t.Error("something was kept before")
	}
	x.Keep(one{}, "a")
	x.Keep(two, "b")
	x.Keep(one{}, "c")
	if x.Kept(one{}) != "c" || x.Kept(two) != "b" {
		t.Errorf("kept %v and %v", x.Kept(one{}), x.Kept(two))
	}
	x.Keep(two, nil)
	if x.Kept(two) != nil {
		t.Error("it was not let go")
	}
	x.Reset()
	if x.Kept(one{}) != nil {
		t.Error("it outlives the exchange")
	}
	if n := testing.AllocsPerRun(100, func() { x.Keep(two, two); x.Reset() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
