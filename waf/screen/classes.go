package screen

import "github.com/gatehouse/gatehouse/waf/expression"

// A class is a set of bytes, and what can still match a text that consists of
// nothing else. Most values of APIs are numbers, identifiers or plain words.
type class struct {
	set   expression.Bytes
	alive bits
}

// plain are the classes every Index knows, small ones first.
var plain = []string{
	"0123456789",
	"0123456789abcdef-",
	"0123456789abcdefghijklmnopqrstuvwxyz_-.",
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.",
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.:+,/=",
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-., ",
}

// classify works out the classes.
func (x *Index) classify(more []expression.Bytes) {
	for _, s := range plain {
		var set expression.Bytes
		set.AddString(s)
		x.addClass(set)
	}
	for _, set := range more {
		x.addClass(set)
	}
}

func (x *Index) addClass(set expression.Bytes) {
	c := class{set: set, alive: newBits(len(x.ops))}
	for i := range x.ops {
		o := &x.ops[i]
		if o.rx == nil || o.needs(&set) && o.rx.CanMatch(&set) {
			c.alive.add(i)
		}
	}
	at := len(x.classes)
	for at > 0 && x.classes[at-1].set.Len() > set.Len() {
		at--
	}
	x.classes = append(x.classes[:at], append([]class{c}, x.classes[at:]...)...)
}

// alive returns the operators that a text of these bytes may match, nil for all.
func (x *Index) alive(present *expression.Bytes) bits {
	for i := range x.classes {
		if x.classes[i].set.Contains(present) {
			return x.classes[i].alive
		}
	}
	return nil
}
