package expression

import (
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// A rule is an expression of the Core Rule Set and where it stands.
type rule struct {
	*Expression
	file     string
	level    int  // paranoia level; 0 where the rule names none
	argument bool // looks at arguments, and acts on a match
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
			line = strings.TrimSpace(line)
			_, level, ok := strings.Cut(line, "paranoia-level/")
			if ok && len(rules) > 0 && rules[len(rules)-1].level == 0 {
				rules[len(rules)-1].level = int(level[0] - '0')
			}
			pattern, ok := operatorArgument(line)
			if !ok || seen[pattern] {
				continue
			}
			seen[pattern] = true
			e, err := Compile(pattern)
			if err != nil {
				panic(pattern + ": " + err.Error())
			}
			argument := strings.Contains(line, "|ARGS|") && !strings.Contains(line, `"!@rx`)
			rules = append(rules, rule{Expression: e, file: path.Base(name), argument: argument})
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
