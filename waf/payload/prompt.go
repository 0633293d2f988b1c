package payload

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A phrase that overrides a model's instructions has a verb, and soon behind it a
// word such as "previous" and one such as "instructions", of the same language.
type language struct{ verbs, which, what string }

var languages = [...]language{
	{"ignore disregard forget override bypass neglect", "previous prior above earlier all preceding your system any former existing original",
		"instructions instruction rules prompt prompts guidelines directions directives context constraints programming"},
	{"ignoriere ignoriert ignorieren vergiss vergessen missachte", "vorherigen vorherige bisherigen bisherige obigen obige alle allen deine vorangegangenen früheren",
		"anweisungen anweisung regeln instruktionen vorgaben systemprompt prompt"},
	{"ignore ignorez ignorer oublie oubliez oublier", "précédentes précédente antérieures antérieure toutes tes vos ci dessus",
		"instructions instruction consignes consigne règles directives"},
	{"ignora ignore ignorar olvida olvide olvidar", "anteriores previas todas tus anterior previa", "instrucciones instrucción reglas indicaciones"},
	{"ignora ignorate ignorare dimentica dimenticate", "precedenti tutte tue", "istruzioni istruzione regole"},
	{"ignore ignora ignorar esqueça esquece esquecer", "anteriores todas suas prévias", "instruções instrução regras"},
	{"negeer vergeet", "vorige eerdere alle bovenstaande", "instructies instructie regels opdrachten"},
	{"zignoruj ignoruj zapomnij", "poprzednie wcześniejsze wszystkie powyższe", "instrukcje polecenia zasady"},
	{"игнорируй игнорируйте проигнорируй забудь забудьте", "предыдущие прежние все вышеуказанные", "инструкции указания правила"},
}

// sequences are the same for languages written without spaces, or with endings: one
// of each list, in this order and near each other.
var sequences = [...][3][]string{
	{{"忽略", "无视", "無視", "忘记", "忘記"}, {"之前", "以上", "前面", "先前", "上面", "所有"}, {"指令", "指示", "提示", "规则", "規則", "说明"}},
	{{"以前", "これまで", "上記", "前の", "すべて", "全て"}, {"指示", "命令", "プロンプト", "ルール"}, {"無視", "忘れ"}},
	{{"이전", "위의", "모든"}, {"지시", "명령", "프롬프트", "규칙"}, {"무시", "잊"}},
}

// verbWindow is how many words behind the verb are looked at, gapBytes how many bytes
// may lie between the parts of a sequence.
const (
	verbWindow = 8
	gapBytes   = 48
)

type languageSet map[string]uint16 // a bit per language

func wordSet(pick func(language) string) languageSet {
	m := languageSet{}
	for i, l := range languages {
		for _, word := range strings.Fields(pick(l)) {
			m[word] |= 1 << i
		}
	}
	return m
}

var (
	promptVerbs = wordSet(func(l language) string { return l.verbs })
	promptWhich = wordSet(func(l language) string { return l.which })
	promptWhat  = wordSet(func(l language) string { return l.what })

	extractVerbs = set("reveal print show repeat output display leak tell give dump disclose share what zeige verrate nenne montre révèle muestra revela")
	extractHeads = set("system initial hidden secret original your")
	extractTails = set("prompt prompts systemprompt")
	extractWords = set("systemprompt")

	overrides = []string{" do anything now ", " you are now dan ", " developer mode enabled ", " jailbreak mode "}
	markers   = []string{"<|im_start|>", "<|im_end|>", "<|system|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "[INST]", "<<SYS>>", "\n\nHuman:", "\n\nAssistant:"}
)

// prompts looks for phrases of prompt injection in a field that goes to a model.
func (w *walk) prompts(s string) {
	if !w.i.promptFields[foldName(lastSegment(w.name()))] {
		return
	}
	for _, m := range markers {
		if strings.Contains(s, m) {
			w.find(rulePromptMarker, "")
			break
		}
	}
	w.words = appendWords(w.words[:0], s)
	text := view(w.words)
	if overridesPrompt(text) {
		w.find(rulePromptOverride, "")
	}
	if extractsPrompt(text) {
		w.find(rulePromptExtract, "")
	}
}

// appendWords appends the words of s, lower-case, with one space around each.
// Characters without width are dropped, which are put in to part words.
func appendWords(dst []byte, s string) []byte {
	dst = append(dst, ' ')
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf && (letter(byte(r)) || '0' <= r && r <= '9'):
			dst = append(dst, lower(byte(r)))
		case r < utf8.RuneSelf:
			if dst[len(dst)-1] != ' ' {
				dst = append(dst, ' ')
			}
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if text, ok := compatible(r); ok {
				for i := range len(text) {
					dst = append(dst, lower(text[i]))
				}
			} else {
				dst = utf8.AppendRune(dst, unicode.ToLower(r))
			}
		case dst[len(dst)-1] != ' ':
			dst = append(dst, ' ')
		}
	}
	if dst[len(dst)-1] != ' ' {
		dst = append(dst, ' ')
	}
	return dst
}

func overridesPrompt(text string) bool {
	for _, phrase := range overrides {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	for rest := text[1:]; rest != ""; {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		verbs, window := promptVerbs[word], rest
		if verbs == 0 {
			continue
		}
		var which, what uint16
		for range verbWindow {
			word, window, _ = strings.Cut(window, " ")
			which |= promptWhich[word]
			what |= promptWhat[word]
		}
		if verbs&which&what != 0 {
			return true
		}
	}
	for i := range sequences {
		if inSequence(text, &sequences[i]) {
			return true
		}
	}
	return false
}

// inSequence reports whether one of each list occurs in text, in order, near each
// other.
func inSequence(text string, lists *[3][]string) bool {
	for _, first := range lists[0] {
		for from := 0; ; {
			i := strings.Index(text[from:], first)
			if i < 0 {
				break
			}
			from += i + len(first)
			end := within(text, from, lists[1])
			if end >= 0 && within(text, end, lists[2]) >= 0 {
				return true
			}
		}
	}
	return false
}

// within returns the offset behind the first word of list that begins near from.
func within(text string, from int, list []string) int {
	window := text[from:min(len(text), from+gapBytes)]
	best := -1
	for _, word := range list {
		if i := strings.Index(window, word); i >= 0 && (best < 0 || from+i+len(word) < best) {
			best = from + i + len(word)
		}
	}
	return best
}

func extractsPrompt(text string) bool {
	before, distance := "", verbWindow+1 // words since the verb
	for rest := text[1:]; rest != ""; distance++ {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		if extractVerbs[word] {
			distance = 0
		}
		if distance <= verbWindow && (extractWords[word] || extractTails[word] && extractHeads[before]) {
			return true
		}
		before = word
	}
	return false
}
