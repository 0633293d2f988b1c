package transform

import (
	"path/filepath"

	"github.com/gatehouse/gatehouse/waf/expression"
)

// Func transforms one value.
type Func func(s string) string

// Transformation is one transformation by its name.
type Transformation struct {
	// Name is the lower-case name; of several spellings the first one Coraza
	// registers ("normalisepath" for normalizePath too).
	Name string
	// Apply returns the value the next transformation or the operator is given.
	Apply Func
	// Triggers is a promise: if none of these bytes occurs in s, Apply(s) == s. Nil
	// makes no promise; the empty set says that Apply never changes anything. The
	// set is shared and read-only.
	Triggers *expression.Bytes

	step step
}

// A step is a transformation as the engine sees it: the result, and whether the
// transformation says it changed the value. multiMatch depends on what it says, which is
// not always so: t:urlDecode claims a change for every "%", t:removeWhitespace keeps
// silent about the invalid UTF-8 it replaces.
type step func(s string) (out string, changed bool)

// Lookup returns the transformation of a lower-case name, as written after "t:".
func Lookup(name string) (*Transformation, bool) {
	t, ok := byName[name]
	return t, ok
}

const (
	digits   = "0123456789"
	lower    = "abcdefghijklmnopqrstuvwxyz"
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hexadec  = digits + "abcdefABCDEF"
	ctypeSep = " \t\n\r\f\v" // C's isspace
)

var byName = index(
	entry("base64decode", nil, base64Decode),
	entry("base64decodeext", nil, base64DecodeExt),
	entry("base64encode", nil, base64Encode),
	entry("cmdline", of(upper+`"'\^,; `+"\t\r\n"), commandLine),
	// C2 begins U+0085 and U+00A0; A0 counts alone where it is no part of a character.
	entry("compresswhitespace", of(ctypeSep+"\xc2\xa0"), compressWhitespace),
	entry("cssdecode", of(`\`), cssDecode),
	entry("escapeseqdecode", of(`\`), escapeSeqDecode),
	entry("hexdecode", of(hexadec), hexDecode),
	entry("hexencode", nil, hexEncode),
	entry("htmlentitydecode", of("&"), htmlEntityDecode),
	entry("jsdecode", of(`\`), jsDecode),
	entry("length", nil, length),
	entry("lowercase", nonASCII(upper), lowercase),
	entry("md5", nil, md5Sum),
	entry("none", of(""), none),
	entry("normalisepath", of(pathTriggers()), normalisePath),
	entry("normalisepathwin", of(pathTriggers()+`\: `), normalisePathWin),
	// "/*" and "*/" both hold the star, "<!--" and "-->" the dash.
	entry("removecomments", of("*-#"), removeComments),
	entry("removecommentschar", of("*-#"), removeCommentsChar),
	entry("removenulls", of("\x00"), removeNulls),
	entry("removewhitespace", nonASCII(ctypeSep), removeWhitespace),
	entry("replacecomments", of("*"), replaceComments),
	entry("replacenulls", of("\x00"), replaceNulls),
	entry("sha1", nil, sha1Sum),
	entry("uppercase", nonASCII(lower), uppercase),
	entry("urldecode", of("%+"), urlDecode),
	entry("urldecodeuni", of("%+"), urlDecodeUni),
	entry("urlencode", allBut("*"+digits+upper+lower), urlEncode),
	entry("utf8tounicode", nonASCII(""), utf8ToUnicode),
	entry("trim", of(ctypeSep), trim),
	entry("trimleft", of(ctypeSep), trimLeft),
	entry("trimright", of(ctypeSep), trimRight),
)

func entry(name string, triggers *expression.Bytes, f step) *Transformation {
	return &Transformation{
		Name:     name,
		Triggers: triggers,
		Apply:    func(s string) string { out, _ := f(s); return out },
		step:     f,
	}
}

func index(list ...*Transformation) map[string]*Transformation {
	m := make(map[string]*Transformation, len(list)+2)
	for _, t := range list {
		m[t.Name] = t
	}
	m["normalizepath"] = m["normalisepath"]
	m["normalizepathwin"] = m["normalisepathwin"]
	return m
}

func of(text string) *expression.Bytes {
	var set expression.Bytes
	set.AddString(text)
	return &set
}

func nonASCII(text string) *expression.Bytes {
	set := of(text)
	set.AddRange(0x80, 0xff)
	return set
}

func allBut(text string) *expression.Bytes {
	set := of(text)
	for i := range set {
		set[i] = ^set[i]
	}
	return set
}

// pathTriggers are the bytes filepath.Clean looks at. Coraza calls it on every
// system, and so on Windows it is given Windows' rules.
func pathTriggers() string {
	if filepath.Separator == '\\' {
		return `/.\:`
	}
	return "/."
}

func none(s string) (string, bool) { return s, false }
