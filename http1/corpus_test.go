package http1

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// hostile is a case of testdata/smuggling.json.
type hostile struct {
	Name, Why, Want string
	Served          int
	Raw             []string
}

// loadCorpus reads the cases that are said to a reader of requests.
func loadCorpus(t testing.TB) []hostile {
	t.Helper()
	var file struct{ Requests []hostile }
	loadJSON(t, "testdata/smuggling.json", &file)
	return file.Requests
}

func loadJSON(t testing.TB, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var repeat = regexp.MustCompile(`(?s)\{repeat (\d+) ([^}]*)\}`)

// unfold turns the corpus's spelling into bytes.
func unfold(lines []string) []byte {
	text := repeat.ReplaceAllStringFunc(strings.Join(lines, ""), func(s string) string {
		m := repeat.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[1])
		return strings.Repeat(m[2], n)
	})
	out := make([]byte, 0, len(text))
	for _, c := range text {
		out = append(out, byte(c))
	}
	return out
}

func (c *hostile) bytes() []byte { return unfold(c.Raw) }

// Every case of the corpus is refused for the reason it is in there, or is read
// as the messages it holds; and a marker never becomes a request of its own,
// unless the case says that the message is two.
func TestCorpus(t *testing.T) {
	lim := DefaultLimits()
	names := map[string]bool{}
	for _, c := range loadCorpus(t) {
		t.Run(c.Name, func(t *testing.T) {
			if names[c.Name] {
				t.Fatal("a second case of the name")
			}
			names[c.Name] = true
			seen := read(&lim, c.bytes())
			code, _ := seen.refused()
			if code = strings.TrimPrefix(code, "http1."); code != c.Want || len(seen.Messages) != c.Served {
				t.Errorf("refused with %q after %d messages, want %q after %d\n%.500v", code, len(seen.Messages), c.Want, c.Served, seen.Messages)
			}
			for _, m := range seen.Messages {
				if m.Target == "/any/smuggled000" && c.Served == 1 {
					t.Errorf("smuggled: %+v", seen.Messages)
				}
			}
		})
	}
}

// reply is a case of testdata/answers.json.
type reply struct {
	Name, Why, Want, Method string
	Raw                     []string
	Status                  int
	Body                    string
	Close                   bool
}

func loadAnswers(t testing.TB) []reply {
	t.Helper()
	var file struct{ Answers []reply }
	loadJSON(t, "testdata/answers.json", &file)
	return file.Answers
}

func (c *reply) raw() string { return string(unfold(c.Raw)) }

// The reader of answers refuses what its case says, and nothing of what it reads
// holds the marker. Interim answers are the business of the client's side.
func TestCorpusOfAnswers(t *testing.T) {
	lim := DefaultLimits()
	for _, c := range loadAnswers(t) {
		if strings.HasPrefix(c.Name, "interim/") && c.Want == "" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			got, err := readAnswer([]byte(c.raw()), orElse(c.Method, "GET"), &lim)
			code := ""
			if err != nil {
				code = strings.TrimPrefix(codeOf(err), "http1.")
			}
			if code != c.Want {
				t.Errorf("refused with %q, want %q: %+v", code, c.Want, got)
			}
			if err == nil && (got.Status != c.Status || got.Body != c.Body) {
				t.Errorf("read as %+v, want %d %q", got, c.Status, c.Body)
			}
		})
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
