package filter

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const everyDetector = detectors(1<<detectorCount - 1)

// found marks what is detected: "<email:a@b.de>".
func found(d detectors, text string) string {
	var b strings.Builder
	s, from := []byte(text), 0
	for {
		at, ok := d.plausible(s).next(s, from)
		if !ok {
			b.WriteString(text[from:])
			return b.String()
		}
		fmt.Fprintf(&b, "%s<%s:%s>", text[from:at.start], Detectors()[at.detector], text[at.start:at.end])
		from = at.end
	}
}

func TestDetect(t *testing.T) {
	for _, want := range []string{
		"", "nothing here", "2026-11-21T21:05:00+02:00", "550e8400-e29b-41d4-a716-446655440000", "192.168.100.200", "v1.22.333.4444",
		"<email:ada@example.com>", "write to <email:ada.l+x@mail.example.co.uk>, please", "<email:ada@bücher.example>!", "(<email:a@b.de>)",
		"<email:ada@example.com>, <email:bob@example.org>.", "ada@localhost", "@example.com", "ada@", "ada@.com", "ada@example.123", "a @ b.com",
		"<email:ä@example.com>", "ada@example.c", "mailto:<email:ada@example.com>", "<email:ada@example.com>.",

		"<phone:+442079460958>", "<phone:+44 20 7946 0958>", "call <phone:+1 (415) 555-2671> now", "<phone:+49(0)30/123456>", "+1234567", "+0123456789",
		"+12345678901234567", "1+442079460958", "<phone:+123456789012345>", "a + 12345678",

		"<card:4111111111111111>", "<card:4111 1111 1111 1111>", "<card:4111-1111-1111-1111> 12/29", "<card:5555555555554444>", "<card:378282246310005>",
		"<card:6011111111111117>", "<card:3530111333300000>", "<card:30569309025904>", "<card:2223003122003222>", "<card:4222222222222>",
		"4111111111111112", "1111111111111117", "x4111111111111111", "4111111111111111x", "41111111111111110000000", "0.4111111111111111", "4111  1111 1111 1111",
		"pay <card:4111 1111 1111 1111> 99",

		"<iban:DE89370400440532013000>", "<iban:GB82 WEST 1234 5698 7654 32> thanks", "<iban:NO9386011117947>", "<iban:MT84MALT011000012345MTLCAST001S>",
		"<iban:gb82west12345698765432>", "DE89370400440532013001", "DE8937040044053201300", "XX82WEST12345698765432", "aDE89370400440532013000", "DE89370400440532013000a",

		"<us_ssn:078-05-1120>", "<us_ssn:219 09 9999>", "000-12-3456", "666-12-3456", "900-12-3456", "078-00-1120", "078-05-0000", "078-05 1120", "1078-05-1120", "078-05-11201",
		"<uk_nino:AB123456C>", "<uk_nino:AB 12 34 56 C>", "<uk_nino:ab123456d>", "BG123456A", "AB123456E", "QQ123456C", "AO123456C", "AB1234567C", "XAB123456C",
		"<de_steuer_id:86095742719>", "<de_steuer_id:65929970489>", "<de_steuer_id:47 036 892 816>", "86095742718", "06095742719", "12345678903", "<de_steuer_id:57549285017>",
		"<fr_nir:255081416802538>", "<fr_nir:2 55 08 14 168 025 38>", "255081416802539", "<fr_nir:180032A00401784>", "<fr_nir:1 80 03 2B 004 017 14>", "555081416802538", "255131416802538",
	} {
		text := strings.NewReplacer(">", "").Replace(want)
		for _, d := range Detectors() {
			text = strings.ReplaceAll(text, "<"+d+":", "")
		}
		if got := found(everyDetector, text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What one check digit guards, a change of one digit breaks.
func TestCheckDigits(t *testing.T) {
	for _, text := range []string{"DE89370400440532013000", "86095742719", "255081416802538", "4111111111111111"} {
		if got := found(everyDetector, text); got == text {
			t.Fatalf("%s is not found", text)
		}
		for i := range text {
			for c := byte('0'); c <= '9'; c++ {
				if text[i]-'0' > 9 || text[i] == c {
					continue
				}
				wrong := text[:i] + string(c) + text[i+1:]
				if got := found(everyDetector, wrong); got != wrong {
					t.Errorf("%s is found: %s", wrong, got)
				}
			}
		}
	}
}

func TestDetectorsAreIndependent(t *testing.T) {
	text := "ada@example.com +442079460958 4111111111111111 DE89370400440532013000 078-05-1120 AB123456C 86095742719 255081416802538"
	words := strings.Fields(text)
	for n, name := range Detectors() {
		want := strings.Replace(text, words[n], "<"+name+":"+words[n]+">", 1)
		if got := found(1<<n, text); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Spans are in order, not empty, and the whole is linear whatever the text is.
func TestSpans(t *testing.T) {
	piece := rapid.SampledFrom([]string{"@", "a", "ä", ".", "com", "+", "4", "1", "11", " ", "-", "DE89", "3704", "(", ")", "\"", "😀", "4111111111111111", "ada@example.com"})
	rapid.Check(t, func(t *rapid.T) {
		s := []byte(strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "pieces"), ""))
		for from := 0; ; {
			at, ok := everyDetector.next(s, from)
			if !ok {
				break
			}
			if at.start < from || at.end <= at.start || at.end > len(s) {
				t.Fatalf("%q: %+v from %d", s, at, from)
			}
			if !strings.Contains(strings.ToValidUTF8(string(s[at.start:at.end]), "\x00"), "\x00") {
				from = at.end
				continue
			}
			t.Fatalf("%q: %+v cuts a character", s, at)
		}
	})
	long := []byte(strings.Repeat("a@b@+1 1-DE89 ", 50_000))
	everyDetector.plausible(long).next(long, 0)
}
