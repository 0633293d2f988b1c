package seclang

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3/experimental/plugins/macro"

	"github.com/gatehouse/gatehouse/waf/expression"
)

// operatorDef says how an operator's argument is read.
type operatorDef struct {
	name string // for Operator.Name; "" if it is the name in lower case
	read func(r *reader, ru *rule, op *Operator) error
}

// operators are Coraza's operators; their names have a case.
var operators = map[string]operatorDef{
	"beginsWith":           {read: withMacro},
	"contains":             {read: withMacro},
	"detectSQLi":           {},
	"detectXSS":            {},
	"endsWith":             {read: withMacro},
	"eq":                   {read: withMacro},
	"ge":                   {read: withMacro},
	"geoLookup":            {},
	"gt":                   {read: withMacro},
	"inspectFile":          {read: external},
	"ipMatch":              {read: withNetworks},
	"ipMatchF":             {name: "ipmatchfromfile", read: networksFromFile},
	"ipMatchFromDataset":   {read: networksFromDataset},
	"ipMatchFromFile":      {read: networksFromFile},
	"le":                   {read: withMacro},
	"lt":                   {read: withMacro},
	"noMatch":              {},
	"pm":                   {read: withPhrases},
	"pmFromDataset":        {read: phrasesFromDataset},
	"pmFromFile":           {read: phrasesFromFile},
	"pmf":                  {name: "pmfromfile", read: phrasesFromFile},
	"rbl":                  {read: external},
	"restpath":             {read: withRestPath},
	"rx":                   {read: withExpression},
	"streq":                {read: withMacro},
	"strmatch":             {read: withMacro},
	"unconditionalMatch":   {},
	"validateByteRange":    {read: withByteRanges},
	"validateNid":          {read: withNationalID},
	"validateSchema":       {read: withSchema},
	"validateUrlEncoding":  {},
	"validateUtf8Encoding": {},
	"within":               {read: withMacro},
}

// readOperator reads "@name argument", "!@name argument", or a regular
// expression, with "!" before it or not.
func (r *reader) readOperator(ru *rule, text string) error {
	switch {
	case text == "!":
		text = "!@rx"
	case text == "" || text[0] != '@' && text[0] != '!':
		text = "@rx " + text
	case text[0] == '!' && text[1] != '@':
		text = "!@rx " + text[1:]
	}
	word, argument, _ := strings.Cut(text, " ")
	op := &Operator{Negated: word[0] == '!', Argument: strings.TrimSpace(argument)}
	name := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(word), "!"), "@")
	def, ok := operators[name]
	if !ok {
		return fmt.Errorf("unknown operator %q", name)
	}
	if op.Name = def.name; op.Name == "" {
		op.Name = strings.ToLower(name)
	}
	ru.operator = op
	if def.read == nil {
		return nil
	}
	if err := def.read(r, ru, op); err != nil {
		return fmt.Errorf("operator %s: %w", name, err)
	}
	return nil
}

func withMacro(_ *reader, _ *rule, op *Operator) error {
	_, err := macro.NewMacro(op.Argument)
	return err
}

// byteEscape finds \x80 to \xff, and all that could be one.
var byteEscape = regexp.MustCompile(`\\x[^0-7]`)

// withExpression checks that the expression compiles. What is text, without an
// escape beyond ASCII, is only parsed, which is all that can fail;
// expression.Compile takes ten times as long.
func withExpression(_ *reader, _ *rule, op *Operator) error {
	if utf8.ValidString(op.Argument) && !byteEscape.MatchString(op.Argument) {
		_, err := syntax.Parse("(?sm)"+op.Argument, syntax.Perl)
		return err
	}
	_, err := expression.Compile(op.Argument)
	return err
}

// external are the operators that ask a program or a name server.
func external(_ *reader, ru *rule, op *Operator) error {
	ru.doubt("the operator %s asks the world outside", op.Name)
	return nil
}

var pathToken = regexp.MustCompile(`\{([^\}]+)\}`)

func withRestPath(_ *reader, ru *rule, op *Operator) error {
	text := strings.ReplaceAll(op.Argument, "/", `\/`)
	for _, token := range pathToken.FindAllStringSubmatch(text, -1) {
		text = strings.Replace(text, token[0], "(?P<"+token[1]+">[^?/]+)", 1)
	}
	_, err := regexp.Compile(text)
	ru.doubt("the operator restpath sets ARGS_PATH")
	return err
}

func withNationalID(_ *reader, _ *rule, op *Operator) error {
	country, text, ok := strings.Cut(op.Argument, " ")
	if !ok || country != "cl" && country != "us" {
		return errors.New(`expected "cl" or "us" and a regular expression`)
	}
	_, err := regexp.Compile(text)
	return err
}

// withSchema only looks for the file: Coraza compiles it.
func withSchema(r *reader, ru *rule, op *Operator) error {
	if strings.ToLower(path.Ext(op.Argument)) != ".json" {
		return errors.New("expected a file with the ending .json")
	}
	ru.doubt("the operator validateSchema looks at the body, whatever its target")
	_, err := r.readFile(op.Argument)
	return err
}

func withByteRanges(_ *reader, _ *rule, op *Operator) error {
	if op.Argument == "" {
		return nil
	}
	for part := range strings.SplitSeq(op.Argument, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		for _, bound := range []string{from, to} {
			if n, err := strconv.Atoi(bound); err != nil {
				return err
			} else if n < 0 || n > 255 {
				return fmt.Errorf("%d is no byte", n)
			}
		}
	}
	return nil
}

// Phrases: Coraza keeps each set it has built in a cache for the whole process,
// under a name that doesn't tell its content; see phraseSets.

func withPhrases(_ *reader, ru *rule, op *Operator) error {
	text := strings.ToLower(op.Argument)
	return ru.setPhrases(op, text, strings.Split(text, " "))
}

func phrasesFromDataset(r *reader, ru *rule, op *Operator) error {
	entries, ok := r.datasets[op.Argument]
	if !ok {
		return fmt.Errorf("there is no dataset %q", op.Argument)
	}
	phrases := make([]string, len(entries))
	for i, entry := range entries {
		phrases[i] = lowerASCII(entry)
	}
	return ru.setPhrases(op, op.Argument, phrases)
}

func phrasesFromFile(r *reader, ru *rule, op *Operator) error {
	lines, err := r.operatorFile(ru, op)
	if err != nil {
		return err
	}
	for i := range lines {
		lines[i] = strings.ToLower(lines[i])
	}
	return ru.setPhrases(op, strings.Join(r.searchPath(), ",")+op.Argument, lines)
}

func (ru *rule) setPhrases(op *Operator, cacheKey string, phrases []string) error {
	op.Phrases = phrases
	for _, phrase := range phrases {
		if phrase == "" {
			ru.doubt("the operator %s has an empty phrase", op.Name)
			break
		}
	}
	if !phraseSets.same(cacheKey, phrases) {
		ru.doubt("Coraza may use an earlier set of phrases for the operator %s", op.Name)
	}
	return nil
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func withNetworks(_ *reader, _ *rule, op *Operator) error {
	op.Phrases = networks(op.Argument)
	return nil
}

func networksFromFile(r *reader, ru *rule, op *Operator) error {
	lines, err := r.operatorFile(ru, op)
	op.Phrases = networks(strings.Join(lines, ","))
	return err
}

func networksFromDataset(r *reader, _ *rule, op *Operator) error {
	entries := r.datasets[op.Argument]
	if len(entries) == 0 {
		return fmt.Errorf("there is no dataset %q", op.Argument)
	}
	op.Phrases = networks(strings.Join(entries, ","))
	return nil
}

func networks(list string) []string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// searchPath lists where a file that an operator names is looked for: beside the
// file that is being read, then in the working directory.
func (r *reader) searchPath() []string {
	if wd, err := os.Getwd(); err == nil && wd != "" {
		return []string{r.dir, wd}
	}
	return []string{r.dir}
}

// operatorFile reads the lines of the file that op names, without empty ones and
// comments.
func (r *reader) operatorFile(ru *rule, op *Operator) ([]string, error) {
	name, data, err := r.findFile(op.Argument)
	if err != nil {
		return nil, err
	}
	ru.text[0] = replaceArgument(ru.text[0], op.Argument, name)
	var lines []string
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w: Coraza would ignore that line and all that follow", name, err)
	}
	return lines, nil
}

func (r *reader) findFile(name string) (found string, content []byte, err error) {
	if path.IsAbs(name) {
		content, err = r.readFile(name)
		return name, content, err
	}
	for _, dir := range r.searchPath() {
		found = path.Join(dir, name)
		if content, err = r.readFile(found); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return found, content, err
}

// replaceArgument puts the full name of a file into the text of a rule, so that
// the text means the same wherever it is read.
func replaceArgument(text, argument, name string) string {
	at := strings.Index(text, "@")
	if i := strings.Index(text[max(at, 0):], " "+argument); at >= 0 && i >= 0 && argument != "" {
		at += i + 1
		return text[:at] + name + text[at+len(argument):]
	}
	return text
}
