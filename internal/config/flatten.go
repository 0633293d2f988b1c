package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A leaf is one value of a configuration.
type leaf struct {
	path   string // by index: apis[0].name
	named  string // by name where things have one: apis[shop].name
	text   string
	secret bool
}

// flatten lists every value that is set, in the order of the structs.
func (c *Config) flatten() []leaf {
	var leaves []leaf
	walk(reflect.ValueOf(c).Elem(), "", "", false, func(v reflect.Value, path, named string, secret bool) {
		if c.source != nil && !secret {
			if n := c.source.exact(path); n != nil && n.expanded {
				secret = true
			}
		}
		leaves = append(leaves, leaf{path, named, render(v), secret || isSecretPath(path) || userinfo.MatchString(render(v))})
	})
	return leaves
}

// walk calls visit for every scalar below v that is not its type's zero value.
func walk(v reflect.Value, path, named string, secret bool, visit func(v reflect.Value, path, named string, secret bool)) {
	if _, ok := asText(v); ok && v.Kind() != reflect.Pointer {
		if !v.IsZero() {
			visit(v, path, named, secret)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if _, ok := asText(v.Elem()); ok { // a pointer makes zero a value: mode off
			visit(v.Elem(), path, named, secret)
			return
		}
		walk(v.Elem(), path, named, secret, visit)
	case reflect.Struct:
		walkStruct(v, path, named, secret, visit)
	case reflect.Slice:
		for i := range v.Len() {
			name := item(named, i)
			if s := nameOf(v.Index(i)); s != "" {
				name = named + "[" + s + "]"
			}
			walk(v.Index(i), item(path, i), name, secret, visit)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			if value := v.MapIndex(k); value.IsZero() { // off, "" or 0 under a key somebody wrote
				visit(value, join(path, k.String()), join(named, k.String()), secret)
			} else {
				walk(value, join(path, k.String()), join(named, k.String()), secret, visit)
			}
		}
	default:
		if !v.IsZero() {
			visit(v, path, named, secret)
		}
	}
}

func walkStruct(v reflect.Value, path, named string, secret bool, visit func(v reflect.Value, path, named string, secret bool)) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if f.Type.Kind() == reflect.Struct && (options == "inline" || f.Anonymous && name == "") {
			walkStruct(v.Field(i), path, named, secret, visit)
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		hidden := secret || strings.Contains(f.Tag.Get("jsonschema"), "format=password")
		walk(v.Field(i), join(path, name), join(named, name), hidden, visit)
	}
}

// nameOf returns the name or id of a thing in a list.
func nameOf(v reflect.Value) string {
	if v.Kind() != reflect.Struct {
		return ""
	}
	for _, field := range []string{"Name", "ID"} {
		if f := v.FieldByName(field); f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
			return f.String()
		}
	}
	return ""
}

func asText(v reflect.Value) (string, bool) {
	if !v.IsValid() || !v.CanInterface() {
		return "", false
	}
	if d, ok := v.Interface().(time.Duration); ok {
		return d.String(), true
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		if b, err := m.MarshalText(); err == nil {
			return string(b), true
		}
	}
	if s, ok := v.Interface().(fmt.Stringer); ok && v.Kind() == reflect.Struct {
		return s.String(), true
	}
	return "", false
}

func render(v reflect.Value) string {
	if s, ok := asText(v); ok {
		return s
	}
	return fmt.Sprint(v.Interface())
}
