package schema

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/strictjson"
)

// everyLevel enters all containers.
var everyLevel = slices.Repeat([]Types{Array | Object}, 16)

func listed(place string, values ...string) Texts { return Texts{Place: place, Values: values} }

func numbered(from, to int) (out []string) {
	for i := from; i <= to; i++ {
		out = append(out, strconv.Itoa(i))
	}
	slices.Sort(out)
	return out
}

func TestTexts(t *testing.T) {
	sku := Texts{Place: "", Pattern: `\A[A-Z]{3}\x2d[0-9]+\z`}
	for name, c := range map[string]struct {
		schema string
		want   []Texts
	}{
		"anything":           {`{}`, nil},
		"a type is no bound": {`{"type":"integer"}`, nil},
		"boolean":            {`{"type":"boolean"}`, []Texts{listed("", "false", "true")}},
		"enum":               {`{"enum":["b","a",null,"b",true,[1],{"x":1}]}`, []Texts{listed("", "a", "b", "true")}},
		"enum of a type":     {`{"type":"string","enum":["b",1]}`, []Texts{listed("", "b")}},
		"const":              {`{"const":"card"}`, []Texts{listed("", "card")}},
		"numbers":            {`{"enum":[1,1.50,2e2,-0.0]}`, []Texts{listed("", "-0.0", "0", "1", "1.5", "1.50", "200", "2e2")}},
		"null alone":         {`{"type":"null"}`, nil},
		"a range":            {`{"type":"integer","minimum":-1,"exclusiveMaximum":2}`, []Texts{listed("", "-1", "0", "1")}},
		"a range or null":    {`{"type":["integer","null"],"exclusiveMinimum":-1,"maximum":1}`, []Texts{listed("", "0", "1")}},
		"1000 values":        {`{"type":"integer","minimum":1,"maximum":1000}`, []Texts{listed("", numbered(1, 1000)...)}},
		"1001 values":        {`{"type":"integer","minimum":0,"maximum":1000}`, nil},
		"empty range":        {`{"type":"integer","minimum":2,"maximum":1}`, nil},
		"huge range":         {`{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}`, nil},
		"largest":            {`{"type":"integer","minimum":9223372036854775807}`, []Texts{listed("", "9223372036854775807")}},
		"fractions":          {`{"type":"number","minimum":1,"maximum":5}`, nil},
		"fraction as bound":  {`{"type":"integer","minimum":0.5,"maximum":2}`, nil},
		"strings too":        {`{"minimum":1,"maximum":5}`, nil},
		"format of integers": {`{"type":"number","format":"int8","minimum":126}`, []Texts{listed("", "126", "127")}},
		"string or range":    {`{"type":["integer","string"],"minimum":1,"maximum":2,"enum":["x",1]}`, []Texts{listed("", "1", "x")}},

		"pattern":             {`{"type":"string","pattern":"^[A-Z]{3}-[0-9]+$"}`, []Texts{sku}},
		"pattern of any type": {`{"pattern":"^[A-Z]{3}-[0-9]+$"}`, nil},
		"not anchored":        {`{"type":"string","pattern":"^[A-Z]"}`, nil},
		"one alternative":     {`{"type":"string","pattern":"^a|b$"}`, nil},
		"group":               {`{"type":"string","pattern":"^(?:a|b)$"}`, []Texts{{Pattern: `\A(?:a|b)\z`}}},
		"look-ahead":          {`{"type":"string","pattern":"^(?!a)[a-z]$"}`, nil},
		"without case":        {`{"type":"string","pattern":"(?i)^ab$"}`, []Texts{{Pattern: `(?i)\Aab\z`}}},
		"many repetitions":    {`{"type":"string","pattern":"^[a-z]{1,2000}$"}`, []Texts{{Pattern: `\A[a-z]*\z`}}},
		"length":              {`{"type":"string","maxLength":8}`, nil},
		"pattern and length":  {`{"type":"string","maxLength":8,"pattern":"^[ab]*$"}`, []Texts{{Pattern: `\A[a-b]*\z`, MaxLength: 8}}},
		"format":              {`{"type":"string","format":"date"}`, []Texts{{Pattern: `\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z`}}},
		"wide format":         {`{"type":"string","format":"email"}`, nil},

		"ref":              {`{"$ref":"#/$defs/e","$defs":{"e":{"enum":["a"]}}}`, []Texts{listed("", "a")}},
		"ref beside":       {`{"$ref":"#/$defs/e","enum":["a","b"],"$defs":{"e":{"enum":["c","b"]}}}`, []Texts{listed("", "b")}},
		"allOf":            {`{"allOf":[{"type":"integer"},{"minimum":1},{"maximum":2}]}`, []Texts{listed("", "1", "2")}},
		"list or pattern":  {`{"allOf":[{"type":"string","pattern":"^[ab]$"},{"enum":["a"]}]}`, []Texts{listed("", "a")}},
		"length elsewhere": {`{"allOf":[{"type":"string","pattern":"^[ab]*$"},{"maxLength":3}]}`, []Texts{{Pattern: `\A[a-b]*\z`, MaxLength: 3}}},
		"anyOf":            {`{"anyOf":[{"enum":["a"]},{"const":"b"},{"type":"null"}]}`, []Texts{listed("", "a", "b")}},
		"anyOf, one open":  {`{"anyOf":[{"enum":["a"]},{"type":"string"}]}`, nil},
		"oneOf": {`{"oneOf":[{"enum":["a"]},{"type":"string","pattern":"^b+$","maxLength":4},{"type":"string","pattern":"^c$","maxLength":5}]}`,
			[]Texts{{Values: []string{"a"}, Pattern: `(?:\Ab+\z)|(?:\Ac\z)`, MaxLength: 5}}},
		"oneOf of ranges": {`{"oneOf":[{"type":"integer","minimum":1,"maximum":2},{"type":"integer","minimum":9,"maximum":9}]}`, []Texts{listed("", "1", "2", "9")}},
		"if":              {`{"type":"string","if":{"maxLength":1},"then":{"enum":["a"]},"else":{"enum":["bb"]}}`, []Texts{listed("", "a", "bb")}},
		"if without else": {`{"type":"string","if":{"maxLength":1},"then":{"enum":["a"]}}`, nil},
		"not":             {`{"not":{"enum":["a"]}}`, nil},
		"false":           {`{"type":"object","properties":{"a":false}}`, nil},
		"readOnly":        {`{"properties":{"a":{"enum":["x"],"readOnly":true},"b":{"enum":["y"],"writeOnly":true}}}`, []Texts{listed("/b", "y")}},

		"parts": {`{"type":"object","properties":{"a/b":{"type":"boolean"},"list":{"type":"array","prefixItems":[{"const":"p"}],"items":{"enum":["i"]}}},
			"additionalProperties":{"const":"rest"}}`,
			[]Texts{listed("/a~1b", "false", "true"), listed("/*", "rest"), listed("/list/0", "p"), listed("/list/*", "i")}},
		"patternProperties": {`{"properties":{"a":{"type":"string"}},"patternProperties":{"^a":{"enum":["x"]}},"additionalProperties":false}`,
			[]Texts{listed("/a", "x"), listed("/*", "x")}},
		"patterns, open":        {`{"patternProperties":{"^a":{"enum":["x"]}}}`, nil},
		"name and backtracking": {`{"properties":{"a":{"enum":["x"]}},"patternProperties":{"(?!a)b":true},"additionalProperties":{"const":"y"}}`, []Texts{listed("/a", "x")}},
		"parts of allOf":        {`{"allOf":[{"properties":{"a":{"type":"string"}}},{"properties":{"a":{"pattern":"^x$"}}}]}`, []Texts{{Place: "/a", Pattern: `\Ax\z`}}},
		"parts of all branches": {`{"oneOf":[{"properties":{"a":{"const":"x"}}},{"properties":{"a":{"const":"y"}}}]}`, []Texts{listed("/a", "x", "y")}},
		"parts of one branch":   {`{"oneOf":[{"properties":{"a":{"const":"x"}}},{"properties":{"b":{"const":"y"}}}]}`, nil},
		"parts of closed branches": {`{"oneOf":[{"properties":{"a":{"const":"x"}},"additionalProperties":false},{"properties":{"b":{"const":"y"}},"additionalProperties":false}]}`,
			[]Texts{listed("/a", "x"), listed("/b", "y")}},
		"parts of what has some": {`{"anyOf":[{"type":"string","enum":["s"]},{"type":"object","properties":{"a":{"const":"x"}}},{"type":"array","items":{"const":"i"}}]}`,
			[]Texts{listed("", "s"), listed("/a", "x"), listed("/*", "i")}},
		"a list or a string": {`{"anyOf":[{"enum":["s"]},{"type":"array","items":{"enum":["s","t"]}}]}`, []Texts{listed("", "s"), listed("/*", "s", "t")}},
		"circle": {`{"$ref":"#/$defs/c","$defs":{"c":{"type":"object","properties":{"kind":{"enum":["leaf"]},"more":{"type":"array","items":{"$ref":"#/$defs/c"}},"one":{"$ref":"#/$defs/c"}}}}}`,
			[]Texts{listed("/kind", "leaf")}},
		"dynamic": {`{"$dynamicRef":"#e","$defs":{"e":{"$dynamicAnchor":"e","enum":["a"]}}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, err := compiled(t, false, c.schema, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, s.Texts(everyLevel, false)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTextsOfOldDialect(t *testing.T) {
	for name, c := range map[string]struct {
		schema string
		want   []Texts
	}{
		"nullable":   {`{"type":"string","enum":["a"],"nullable":true}`, []Texts{listed("", "a")}},
		"exclusive":  {`{"type":"integer","minimum":1,"exclusiveMinimum":true,"maximum":4,"exclusiveMaximum":true}`, []Texts{listed("", "2", "3")}},
		"ref beside": {`{"properties":{"a":{"$ref":"#/$defs/e","enum":["b"]}},"$defs":{"e":{"enum":["c"]}}}`, []Texts{listed("/a", "c")}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, err := compiled(t, true, c.schema, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, s.Texts(everyLevel, false)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTextsSpelled(t *testing.T) {
	s, _, err := compiled(t, false, `{"properties":{"a":{"minimum":1,"maximum":2,"type":["integer","null"]},"b":{"pattern":"^b$"},"c":{"items":{"pattern":"^c$"}}}}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Texts{listed("/a", "1", "2"), {Place: "/b", Pattern: `\Ab\z`}, {Place: "/c/*", Pattern: `\Ac\z`}}
	if diff := cmp.Diff(want, s.Texts(everyLevel, true)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:2], s.Texts([]Types{Object, Object}, true)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:2], s.Texts([]Types{Object}, true)); diff != "" {
		t.Error(diff)
	}
	if got := s.Texts([]Types{Array, Array}, true); got != nil {
		t.Error(got)
	}
}

// TestTextsAreBounded has schemas that lead to ever more places, or to one on ever more
// ways.
func TestTextsAreBounded(t *testing.T) {
	wide := func(n int, value string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"m` + strconv.Itoa(i) + `":` + value)
		}
		return `{` + b.String()[1:] + `}`
	}
	deep := `{"enum":["x"]}`
	for range 40 {
		deep = `{"allOf":[` + deep + `],"properties":{"n":{"const":"y"}}}`
	}
	doubled, defs := `{"$ref":"#/$defs/d0"}`, ""
	for i := range 60 {
		defs += `,"d` + strconv.Itoa(i) + `":{"anyOf":[{"$ref":"#/$defs/d` + strconv.Itoa(i+1) + `"},{"$ref":"#/$defs/d` + strconv.Itoa(i+1) + `"}]}`
	}
	defs = `{` + defs[1:] + `,"d60":{"enum":["x"]}}`
	for name, text := range map[string]string{
		"members":    `{"properties":` + wide(5000, `{"type":"boolean"}`) + `}`,
		"in members": `{"properties":` + wide(100, `{"properties":`+wide(100, `{"type":"boolean"}`)+`}`) + `}`,
		"allOf":      deep,
		"doubled":    `{"allOf":[` + doubled + `],"$defs":` + defs + `}`,
		"branching":  `{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"b":{"$ref":"#/$defs/b"},"c":{"$ref":"#/$defs/c"}}},"b":{"properties":{"a":{"$ref":"#/$defs/a"},"c":{"$ref":"#/$defs/c"},"x":{"enum":["x"]}}},"c":{"properties":{"a":{"$ref":"#/$defs/a"},"b":{"$ref":"#/$defs/b"}}}}}`,
		"patterns":   `{"properties":` + wide(1000, `{"type":"boolean"}`) + `,"patternProperties":` + strings.ReplaceAll(wide(200, `true`), `"m`, `"^(x+x+)+y`) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			s, _, err := compiled(t, false, text, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := s.Texts(everyLevel, false)
			if len(got) > maxTexts {
				t.Errorf("%d places", len(got))
			}
			t.Logf("%d places", len(got))
		})
	}
}

// TestFormatPatterns: what a format accepts, its pattern matches.
func TestFormatPatterns(t *testing.T) {
	for name, texts := range map[string][]string{
		"date":            {"2024-02-29"},
		"time":            {"23:59:60Z", "00:00:00.123456789+05:30", "12:00:00z"},
		"date-time":       {"2024-02-29T23:59:60Z", "2024-01-01t00:00:00-00:00", "2024-01-01T00:00:00.5z"},
		"time-local":      {"23:59:59", "00:00:00.1"},
		"date-time-local": {"2024-02-29T23:59:59.25", "2024-02-29t00:00:00"},
		"uuid":            {"2EB8AA08-aa98-11ea-b4aa-73b441d16380"},
		"ipv4":            {"0.0.0.0", "255.255.255.255"},
		"ipv6":            {"::", "2001:DB8::192.0.2.33", "0000:0000:0000:0000:0000:ffff:255.255.255.255", "1:2:3:4:5:6:7:8"},
	} {
		pattern, known := formatPatterns[name]
		if !known {
			t.Errorf("%s has no pattern", name)
			continue
		}
		for _, text := range texts {
			if !formats[name].text([]byte(text)) {
				t.Errorf("%q is no %s", text, name)
			}
			if !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("%q does not match the pattern of %s", text, name)
			}
		}
	}
	if len(formatPatterns) != 8 {
		t.Errorf("%d patterns, 8 are tested", len(formatPatterns))
	}
}

// TestTextsHold: of a value that a random schema accepts, every scalar has a text that its
// place lists, or whose pattern it matches.
func TestTextsHold(t *testing.T) {
	checked, places := 0, 0
	check := func(t *rapid.T) {
		s, ok := genSchema(t, 3).(map[string]any)
		if !ok {
			return
		}
		s["$defs"] = map[string]any{"a": genSchema(t, 2), "b": genSchema(t, 2), "c": genSchema(t, 1), "x": map[string]any{"$dynamicAnchor": "x"}}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.ReplaceAll(string(text), `"b.json#x"`, `"#x"`))
		c, _, err := compiled(t, false, string(text), Options{})
		if err != nil {
			if strings.Contains(err.Error(), "leads back to itself") {
				return
			}
			t.Fatalf("%s: %v", text, err)
		}
		levels := rapid.SliceOfN(rapid.SampledFrom([]Types{Array, Object}), 4, 4).Draw(t, "levels")
		texts := c.Texts(levels, false)
		if places += len(texts); len(texts) == 0 {
			return
		}
		for range 20 {
			v, err := json.Marshal(genValue(t, 3))
			if err != nil {
				t.Fatal(err)
			}
			tp := tape(t, string(v))
			if !c.Check(tp, 0, nil) {
				continue
			}
			for i := range texts {
				eachAt(tp, 0, strings.Split(texts[i].Place, "/")[1:], levels, func(at int) {
					checked++
					if !texts[i].hold(tp, at) {
						t.Fatalf("schema %s\nvalue %s\nis not held by %+v", text, v, texts[i])
					}
				})
			}
		}
	}
	for range 8 {
		rapid.Check(t, check)
	}
	t.Logf("%d places, %d values checked", places, checked)
	if checked == 0 {
		t.Error("no value was checked")
	}
}

// eachAt calls f with the scalars at a place of containers of these kinds. "*" counts only for names and indexes that
// genSchema never mentions.
func eachAt(t *strictjson.Tape, i int, place []string, levels []Types, f func(int)) {
	tok := &t.Tokens[i]
	if len(place) == 0 {
		if !tok.Kind.IsContainer() && tok.Kind != strictjson.Null {
			f(i)
		}
		return
	}
	switch {
	case tok.Kind == strictjson.Object && levels[0] == Object:
		for name := i + 1; name < int(tok.Next); name = int(t.Tokens[name+1].Next) {
			n := string(t.StringBytes(name))
			if n == place[0] || place[0] == "*" && !slices.Contains([]string{"a", "b", "c"}, n) {
				eachAt(t, name+1, place[1:], levels[1:], f)
			}
		}
	case tok.Kind == strictjson.Array && levels[0] == Array:
		n := 0
		for v := i + 1; v < int(tok.Next); v = int(t.Tokens[v].Next) {
			if strconv.Itoa(n) == place[0] || place[0] == "*" && n >= 3 {
				eachAt(t, v, place[1:], levels[1:], f)
			}
			n++
		}
	}
}

// hold reports whether the scalar at token i is one of those the Texts are of.
func (x *Texts) hold(t *strictjson.Tape, i int) bool {
	switch t.Tokens[i].Kind {
	case strictjson.Number:
		return slices.ContainsFunc(x.Values, func(v string) bool {
			var n json.Number
			return json.Unmarshal([]byte(v), &n) == nil && equalNumbers(t.Raw(i), []byte(v))
		})
	case strictjson.String:
		s := string(t.StringBytes(i))
		return slices.Contains(x.Values, s) || x.Pattern != "" && regexp.MustCompile(x.Pattern).MatchString(s) && (x.MaxLength == 0 || utf8.RuneCountInString(s) <= x.MaxLength)
	}
	return slices.Contains(x.Values, string(t.Raw(i)))
}
