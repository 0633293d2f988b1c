package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A decoder fills Go values from nodes, strictly, and reports every mismatch.
type decoder struct {
	report *reporter
	// ignore are values that were reported already.
	ignore []*node
}

// into fills the value target points to.
func (d *decoder) into(n *node, target any) { d.decode(n, reflect.ValueOf(target).Elem(), "", nil) }

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
	prefixType      = reflect.TypeFor[netip.Prefix]()
	modeType        = reflect.TypeFor[gatehouse.Mode]()
)

// decode fills v from n. enum are the words a scalar may be, if it is bound.
func (d *decoder) decode(n *node, v reflect.Value, path string, enum []string) {
	if slices.Contains(d.ignore, n) {
		d.report.broken = append(d.report.broken, path)
		return
	}
	if n.kind == null {
		return // "key:" with nothing after it leaves the default
	}
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		d.decode(n, p.Elem(), path, enum)
		v.Set(p)
		return
	}
	switch {
	case v.Type() == durationType:
		d.duration(n, v, path)
		return
	case v.Type() == prefixType:
		d.prefix(n, v, path)
		return
	case v.CanAddr() && v.Addr().Type().Implements(textUnmarshaler):
		d.unmarshal(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Slice:
		d.list(n, v, path, enum)
	case reflect.Map:
		d.dictionary(n, v, path, enum)
	case reflect.Interface:
		v.Set(reflect.ValueOf(n.any()))
	default:
		d.scalar(n, v, path, enum)
	}
}

func (d *decoder) wrong(n *node, path, want string) {
	have := n.kind.String()
	if n.kind == scalar {
		have = n.plain.String()
	}
	d.report.failed(n, path, "config.type", fmt.Sprintf("%s expected, found %s", want, have), "")
}

// A structField is one key a mapping may have.
type structField struct {
	index []int
	enum  []string
}

// fieldsOf returns the keys of a struct, those of embedded and inline structs
// among them.
func fieldsOf(t reflect.Type) map[string]structField {
	fields := map[string]structField{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || (!f.IsExported() && !f.Anonymous) {
			continue
		}
		if f.Type.Kind() == reflect.Struct && (options == "inline" || f.Anonymous && name == "") {
			for k, inner := range fieldsOf(f.Type) {
				fields[k] = structField{append([]int{i}, inner.index...), inner.enum}
			}
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		fields[name] = structField{[]int{i}, enumOf(f)}
	}
	return fields
}

// enumOf reads the words a field may be from its jsonschema tag.
func enumOf(f reflect.StructField) []string {
	var words []string
	for part := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
		if w, ok := strings.CutPrefix(part, "enum="); ok {
			words = append(words, w)
		}
	}
	return words
}

func (d *decoder) structure(n *node, v reflect.Value, path string) {
	if n.kind == scalar && v.Type() == contractType {
		d.scalar(n, v.FieldByName("File"), path, nil)
		return
	}
	if n.kind != mapping {
		d.wrong(n, path, "a mapping")
		return
	}
	fields := fieldsOf(v.Type())
	for _, m := range n.members {
		name := m.key.text
		f, known := fields[name]
		if !known {
			keys := keysOf(fields)
			best := nearest(name, keys)
			if best != "" && n.get(best) == nil {
				d.report.broken = append(d.report.broken, join(path, best))
			}
			d.report.nodeAt(m.key, join(path, name), Error, "config.unknown_key", fmt.Sprintf("unknown key %q", name),
				DidYouMean(name, keys))
			continue
		}
		d.decode(m.value, v.FieldByIndex(f.index), join(path, name), f.enum)
	}
}

func (d *decoder) list(n *node, v reflect.Value, path string, enum []string) {
	if n.kind == scalar && v.Type() == redirectsType {
		word := reflect.MakeSlice(v.Type(), 1, 1)
		d.scalar(n, word.Index(0), path, []string{RedirectsRefuse, RedirectsSameHost})
		v.Set(word)
		return
	}
	if n.kind != sequence {
		d.wrong(n, path, "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, it := range n.items {
		if it.kind == null {
			d.report.failed(it, item(path, i), "config.type", "an empty item in a list", "")
			continue
		}
		d.decode(it, out.Index(i), item(path, i), enum)
	}
	v.Set(out)
}

func (d *decoder) dictionary(n *node, v reflect.Value, path string, enum []string) {
	if n.kind != mapping || v.Type().Key().Kind() != reflect.String {
		d.wrong(n, path, "a mapping")
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.members))
	for _, m := range n.members {
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(m.value, value, join(path, m.key.text), enum)
		out.SetMapIndex(reflect.ValueOf(m.key.text).Convert(v.Type().Key()), value)
	}
	v.Set(out)
}

func (d *decoder) scalar(n *node, v reflect.Value, path string, enum []string) {
	if n.kind != scalar {
		d.wrong(n, path, wanted(v.Kind()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		// Numbers are taken as they are written: version: 1.10 stays "1.10".
		if n.plain == boolean && !n.quoted {
			d.wrong(n, path, "text")
			return
		}
		v.SetString(n.text)
	case reflect.Bool:
		if n.quoted || (n.text != "true" && n.text != "false") {
			d.wrong(n, path, wanted(v.Kind()))
			return
		}
		v.SetBool(n.text == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(digits(n), 0, v.Type().Bits())
		if !d.number(n, v, path, err) {
			return
		}
		v.SetInt(i)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(digits(n), 0, v.Type().Bits())
		if !d.number(n, v, path, err) {
			return
		}
		v.SetUint(u)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(digits(n), v.Type().Bits())
		if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			err = strconv.ErrRange
		}
		if !d.number(n, v, path, err) {
			return
		}
		v.SetFloat(f)
	default:
		d.wrong(n, path, "nothing")
		return
	}
	if len(enum) > 0 && !slices.Contains(enum, n.text) {
		d.report.failed(n, path, "config.unknown_value", fmt.Sprintf("unknown value %s", d.show(n)), DidYouMean(n.text, enum))
	}
}

// digits returns the text of a number; of quoted text nothing, which is none.
func digits(n *node) string {
	if n.quoted {
		return ""
	}
	return n.text
}

func (d *decoder) number(n *node, v reflect.Value, path string, err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, strconv.ErrRange):
		d.report.failed(n, path, "config.type", fmt.Sprintf("%s is out of range", d.show(n)), "")
	default:
		d.wrong(n, path, wanted(v.Kind()))
	}
	return false
}

// show quotes a value for a message, unless it may be a secret.
func (d *decoder) show(n *node) string {
	if n.expanded {
		return fmt.Sprintf("%q", n.raw)
	}
	if len(n.text) > 60 {
		return fmt.Sprintf("%q…", n.text[:60])
	}
	return fmt.Sprintf("%q", n.text)
}

func wanted(k reflect.Kind) string {
	switch {
	case k == reflect.String:
		return "text"
	case k == reflect.Bool:
		return "true or false"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "a whole number"
	}
	return "a number"
}

func (d *decoder) duration(n *node, v reflect.Value, path string) {
	if n.kind != scalar {
		d.wrong(n, path, "a duration")
		return
	}
	t, err := time.ParseDuration(n.text)
	switch {
	case err != nil && n.plain != text && n.plain != boolean:
		d.report.failed(n, path, "config.type", "a duration needs a unit", fmt.Sprintf("%ss for seconds, %sm for minutes", n.text, n.text))
		return
	case err != nil:
		d.report.failed(n, path, "config.type", fmt.Sprintf("%s is not a duration", d.show(n)), "a number and a unit: 500ms, 30s, 5m, 1h")
		return
	case t < 0:
		d.report.failed(n, path, "config.type", "a duration is not negative", "")
		return
	}
	v.SetInt(int64(t))
}

// prefix reads a network; an address alone is the network of that one address.
func (d *decoder) prefix(n *node, v reflect.Value, path string) {
	if n.kind != scalar {
		d.wrong(n, path, "a network")
		return
	}
	p, err := netip.ParsePrefix(n.text)
	if a, e := netip.ParseAddr(n.text); err != nil && e == nil && a.Zone() == "" {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil {
		d.report.failed(n, path, "config.type", fmt.Sprintf("%s is not a network", d.show(n)), "in CIDR notation: 10.0.0.0/8, fd00::/8")
		return
	}
	if p != p.Masked() {
		d.report.nodeAt(n, path, Warning, "config.network", "the network has bits set behind its prefix length",
			fmt.Sprintf("%s is meant", p.Masked()))
	}
	v.Set(reflect.ValueOf(p.Masked()))
}

func (d *decoder) unmarshal(n *node, v reflect.Value, path string) {
	if n.kind != scalar {
		d.wrong(n, path, "a value")
		return
	}
	if v.Type() == modeType {
		modes := []string{"off", "monitor", "enforce"}
		if !slices.Contains(modes, n.text) {
			d.report.failed(n, path, "config.unknown_value", fmt.Sprintf("unknown mode %s", d.show(n)), DidYouMean(n.text, modes))
			return
		}
	}
	err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text))
	if err == nil {
		return
	}
	var e *gatehouse.Error
	switch {
	case n.expanded:
		d.report.failed(n, path, "config.type", fmt.Sprintf("what %s stands for is not valid here", d.show(n)), "")
	case errors.As(err, &e):
		d.report.failed(n, path, "config.type", e.Message, e.Hint)
	default:
		d.report.failed(n, path, "config.type", err.Error(), "")
	}
}

// any returns the node as plain Go values.
func (n *node) any() any {
	switch n.kind {
	case sequence:
		list := make([]any, len(n.items))
		for i, it := range n.items {
			list[i] = it.any()
		}
		return list
	case mapping:
		m := make(map[string]any, len(n.members))
		for _, e := range n.members {
			m[e.key.text] = e.value.any()
		}
		return m
	case scalar:
		if n.quoted {
			return n.text
		}
		switch n.plain {
		case boolean:
			return n.text == "true"
		case integer:
			if i, err := strconv.ParseInt(n.text, 0, 64); err == nil {
				return i
			}
		case float:
			if f, err := strconv.ParseFloat(n.text, 64); err == nil {
				return f
			}
		}
		return n.text
	}
	return nil
}
