package config

import (
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// joinPlain puts together what the tokenizer takes apart against YAML 1.2
// (section 7.3.3): inside of a flow mapping it takes every colon for the end of a
// key, so that {scopes: [orders:read]} would hold a mapping.
func joinPlain(tokens token.Tokens) token.Tokens {
	out := tokens[:0:0]
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		for i+2 < len(tokens) && isPlain(t) && tokens[i+1].Type == token.MappingValueType && isPlain(tokens[i+2]) &&
			touches(t, tokens[i+1]) && touches(tokens[i+1], tokens[i+2]) {
			rest := tokens[i+2]
			t.Value += ":" + rest.Value
			t.Origin += ":" + rest.Origin
			t.Type = token.StringType
			t.Next = rest.Next
			if rest.Next != nil {
				rest.Next.Prev = t
			}
			i += 2
		}
		out = append(out, t)
	}
	return out
}

func isPlain(t *token.Token) bool {
	return t.CharacterType == token.CharacterTypeMiscellaneous && t.Indicator == token.NotIndicator
}

// touches reports whether b begins where a ends.
func touches(a, b *token.Token) bool {
	return a.Position.Line == b.Position.Line && a.Position.Column+utf8.RuneCountInString(a.Value) == b.Position.Column
}

// tooDeep reports a place where collections nest beyond what the parser may be
// given. Block collections on lines of their own need indentation, so the size
// of the file bounds them; these are the others.
func tooDeep(tokens token.Tokens) (line, column int, deep bool) {
	flow, openers, last := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != last {
			last, openers = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow = max(flow-1, 0)
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType, token.AliasType:
			openers++
		}
		if flow > maxDepth || openers > maxOpeners {
			return t.Position.Line, t.Position.Column, true
		}
	}
	return 0, 0, false
}
