package expression

import (
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// A rule is an expression of the Core Rule Set and the file it stands in.
type rule struct {
	*Expression
	file string
}

// coreRules reads every @rx of the Core Rule Set, negated ones too.
var coreRules = sync.OnceValue(func() (rules []rule) {
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf")
	if err != nil {
		panic(err)
	}
	seen := map[string]bool{}
	for _, name := range files {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			panic(err)
		}
		for line := range strings.Lines(string(text)) {
			pattern, ok := operatorArgument(strings.TrimSpace(line))
			if !ok || seen[pattern] {
				continue
			}
			seen[pattern] = true
			e, err := Compile(pattern)
			if err != nil {
				panic(pattern + ": " + err.Error())
			}
			rules = append(rules, rule{e, path.Base(name)})
		}
	}
	return rules
})

// operatorArgument returns the pattern of a directive's line with an @rx.
func operatorArgument(line string) (string, bool) {
	if !strings.HasPrefix(line, "SecRule ") {
		return "", false
	}
	at := strings.Index(line, `"@rx `)
	skip := len(`"@rx `)
	if not := strings.Index(line, `"!@rx `); at < 0 && not >= 0 {
		at, skip = not, skip+1
	}
	if at < 0 {
		return "", false
	}
	rest := line[at+skip:]
	for i := 0; i < len(rest); i++ {
		if rest[i] == '"' && (i == 0 || rest[i-1] != '\\') {
			return strings.ReplaceAll(rest[:i], `\"`, `"`), true
		}
	}
	return "", false
}

func TestCoreRulesAreRead(t *testing.T) {
	if n := len(coreRules()); n < 280 {
		t.Fatalf("%d expressions of the Core Rule Set, want about 300", n)
	}
}
