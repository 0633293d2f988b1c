package authn

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse"
)

func caller() *gatehouse.Principal {
	return &gatehouse.Principal{Subject: "alice", Issuer: jwtIssuer, TokenID: "t1", SessionID: "s1", GrantID: "g1", IssuedAt: jwtNow.Add(-time.Minute)}
}

func TestRevoked(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    Revocation
		want bool
	}{
		{"token", Revocation{Kind: "jti", ID: "t1"}, true},
		{"another token", Revocation{Kind: "jti", ID: "t2"}, false},
		{"another kind", Revocation{Kind: "jti", ID: "alice"}, false},
		{"session", Revocation{Kind: "session", ID: "s1"}, true},
		{"grant", Revocation{Kind: "grant", ID: "g1"}, true},
		{"subject", Revocation{Kind: "subject", ID: "alice"}, true},
		{"issuer", Revocation{Kind: "subject", ID: "alice", Issuer: jwtIssuer}, true},
		{"another issuer", Revocation{Kind: "subject", ID: "alice", Issuer: "https://other"}, false},
		{"issued before", Revocation{Kind: "subject", ID: "alice", IssuedBefore: jwtNow}, true},
		{"issued in that second", Revocation{Kind: "subject", ID: "alice", IssuedBefore: jwtNow.Add(-time.Minute)}, true},
		{"issued after", Revocation{Kind: "subject", ID: "alice", IssuedBefore: jwtNow.Add(-time.Hour)}, false},
		{"not yet forgotten", Revocation{Kind: "jti", ID: "t1", Expires: jwtNow.Add(time.Second)}, true},
		{"forgotten", Revocation{Kind: "jti", ID: "t1", Expires: jwtNow}, false},
	} {
		s := newRevokedSet(10)
		if err := s.add(tc.r, jwtNow.Add(-time.Hour)); err != nil {
			t.Fatal(tc.name, err)
		}
		if got := s.has(caller(), jwtNow.UnixNano()); got != tc.want {
			t.Errorf("%s: revoked is %t", tc.name, got)
		}
	}
	// Years that Unix nanoseconds do not reach: "for ever", as people write it.
	for _, year := range []int{2263, 2600, 9999} {
		far := time.Date(year, 12, 31, 23, 59, 59, 0, time.UTC)
		for _, r := range []Revocation{{Kind: "jti", ID: "t1", Expires: far}, {Kind: "jti", ID: "t1", IssuedBefore: far}} {
			s := newRevokedSet(10)
			if err := s.add(r, jwtNow); err != nil || !s.has(caller(), jwtNow.UnixNano()) || s.sweep(jwtNow) != 0 {
				t.Errorf("%+v revokes nothing: %v", r, err)
			}
		}
	}
	for _, before := range []time.Time{time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Unix(0, 0)} {
		s := newRevokedSet(10)
		s.add(Revocation{Kind: "jti", ID: "t1", IssuedBefore: before}, jwtNow)
		if s.has(caller(), jwtNow.UnixNano()) {
			t.Error("revoked what was issued after", before)
		}
	}
	s := newRevokedSet(10)
	s.add(Revocation{Kind: "subject", ID: "alice", IssuedBefore: jwtNow.Add(-time.Hour)}, jwtNow)
	p := caller()
	p.IssuedAt = time.Time{}
	if !s.has(p, jwtNow.UnixNano()) {
		t.Error("what was issued at an unknown time was issued before")
	}
	if s.has(&gatehouse.Principal{}, jwtNow.UnixNano()) {
		t.Error("who has no names was revoked")
	}
	for _, bad := range []Revocation{{}, {Kind: "jti"}, {Kind: "user", ID: "x"}, {Kind: "jti", ID: strings.Repeat("x", 1025)}} {
		if err := s.add(bad, jwtNow); err == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
}

// The set against a list of all revocations ever made.
func TestRevokedSetModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		s, now := newRevokedSet(limit), jwtNow
		var all []Revocation
		when := func(t *rapid.T, name string) time.Time {
			if n := rapid.IntRange(-5, 20).Draw(t, name); n > 0 {
				return now.Add(time.Duration(n-8) * time.Minute)
			}
			return time.Time{}
		}
		t.Repeat(map[string]func(*rapid.T){
			"revoke": func(t *rapid.T) {
				r := Revocation{Kind: rapid.SampledFrom(revokedNames[:]).Draw(t, "kind"), ID: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id"),
					Issuer: rapid.SampledFrom([]string{"", "i", "j"}).Draw(t, "issuer"), IssuedBefore: when(t, "before"), Expires: when(t, "expires")}
				if err := s.add(r, now); err == nil {
					all = append(all, r)
				}
			},
			"wait":  func(t *rapid.T) { now = now.Add(time.Minute) },
			"sweep": func(t *rapid.T) { s.sweep(now) },
			"": func(t *rapid.T) {
				n := 0
				for k := range s.shards {
					for i := range s.shards[k] {
						for _, list := range s.shards[k][i].m {
							n += len(list)
						}
					}
				}
				if n != int(s.count.Load()) || n > limit {
					t.Fatalf("%d entries, counted %d, limit %d", n, s.count.Load(), limit)
				}
				for _, id := range []string{"a", "b"} {
					p := &gatehouse.Principal{Subject: id, TokenID: id, SessionID: id, GrantID: id, Issuer: "i", IssuedAt: jwtNow}
					want := false
					for _, r := range all {
						want = want || r.ID == id && r.Issuer != "j" && (r.Expires.IsZero() || r.Expires.After(now)) &&
							(r.IssuedBefore.IsZero() || !p.IssuedAt.After(r.IssuedBefore))
					}
					if got := s.has(p, now.UnixNano()); got != want {
						t.Fatalf("%s revoked: %t, want %t; %+v", id, got, want, all)
					}
				}
			},
		})
	})
}

func TestRevokedSetFull(t *testing.T) {
	s := newRevokedSet(100)
	for n := range 100 {
		r := Revocation{Kind: "jti", ID: fmt.Sprint(n), Expires: jwtNow.Add(time.Minute)}
		if err := s.add(r, jwtNow); err != nil {
			t.Fatal(err)
		}
	}
	one := Revocation{Kind: "jti", ID: "one more"}
	wantCode(t, s.add(one, jwtNow), "revocation.full")
	if err := s.add(one, jwtNow.Add(time.Minute)); err != nil {
		t.Error("expired entries made no room:", err)
	}
	if s.count.Load() != 1 {
		t.Error(s.count.Load(), "entries")
	}
}

func TestRevokedSetConcurrent(t *testing.T) {
	s := newRevokedSet(10_000)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := range 500 {
				id := fmt.Sprint(g, " ", n)
				if err := s.add(Revocation{Kind: "jti", ID: id}, jwtNow); err != nil {
					t.Error(err)
				}
				if !s.has(&gatehouse.Principal{TokenID: id}, jwtNow.UnixNano()) {
					t.Error("revoked and still good")
				}
			}
		})
	}
	wg.Wait()
}

// A fileStory tells what happens to a revocation file, step by step.
type fileStory struct {
	t    *testing.T
	path string
	f    *revocationFile
	tick time.Time
}

func newFileStory(t *testing.T, limit int) *fileStory {
	path := filepath.Join(t.TempDir(), "revoked.jsonl")
	return &fileStory{t, path, newRevocationFile(path, limit), jwtNow}
}

func (s *fileStory) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.tick = s.tick.Add(time.Second) // filesystems have coarse clocks
	os.Chtimes(s.path, s.tick, s.tick)
}

func (s *fileStory) expect(step, code string, revoked ...string) {
	s.t.Helper()
	err := s.f.poll(jwtNow)
	var e *gatehouse.Error
	if got := errors.As(err, &e); code == "" && err != nil || code != "" && (!got || e.Code != code) {
		s.t.Fatalf("%s: want %q, got %v", step, code, err)
	}
	var got []string
	for _, id := range []string{"a", "b", "c", "d"} {
		if s.f.set.Load().has(&gatehouse.Principal{TokenID: id}, jwtNow.UnixNano()) {
			got = append(got, id)
		}
	}
	if diff := cmp.Diff(revoked, got); diff != "" {
		s.t.Fatal(step, diff)
	}
	if (s.f.err.Load() != nil) != (code != "") {
		s.t.Fatal(step, "what poll returns is not what requests see")
	}
}

func line(id string) string { return fmt.Sprintf(`{"kind":"jti","id":%q}`+"\n", id) }

func TestRevocationFile(t *testing.T) {
	s := newFileStory(t, 100)
	s.expect("never there", "")
	s.write(line("a"))
	s.expect("made", "", "a")
	s.expect("unchanged", "", "a")
	s.write(line("a") + "# why\n\n" + line("b"))
	s.expect("appended", "", "a", "b")
	s.write(line("a") + line("b") + `{"kind":"jti",`)
	s.expect("half a line waits", "", "a", "b")
	s.expect("half a line stays", codeRevocationUnreachable, "a", "b")
	s.expect("half a line stays for long", codeRevocationUnreachable, "a", "b")
	s.write(line("a") + line("b") + line("c"))
	s.expect("the line is complete", "", "a", "b", "c")
	s.write(line("a") + strings.TrimSuffix(line("b"), "\n"))
	s.expect("a whole line without its end", "", "a", "b")
	s.expect("it holds", "", "a", "b")
	s.write(line("a") + line("b") + "# the end")
	s.expect("a remark without its end", "", "a", "b")
	s.expect("it disturbs nobody", "", "a", "b")
	s.write(line("c") + line("d"))
	s.expect("rewritten", "", "c", "d")
	s.write(line("b") + line("d"))
	s.expect("rewritten at the same size", "", "b", "d")
	s.write(line("b") + "nonsense\n" + line("c"))
	s.expect("a bad line: the others hold", codeRevocationUnreachable, "b", "c")
	s.expect("still bad", codeRevocationUnreachable, "b", "c")
	s.write(line("b") + strings.Repeat("x", 3*maxLine) + "\n" + line("c"))
	s.expect("a long line", codeRevocationUnreachable, "b", "c")
	s.write(line("b") + line("c"))
	s.expect("mended", "", "b", "c")
	os.Remove(s.path)
	s.expect("vanished: what it said holds", codeRevocationUnreachable, "b", "c")
	s.write("")
	s.expect("empty", "")
	if err := AppendRevocation(s.path, Revocation{Kind: "jti", ID: "d", Reason: "line\nbreak"}); err != nil {
		t.Fatal(err)
	}
	s.expect("by the helper", "", "d")
	s.write(`{"kind":"jti","id":"a"}`)
	if err := AppendRevocation(s.path, Revocation{Kind: "jti", ID: "b"}); err != nil {
		t.Fatal(err)
	}
	s.expect("after a line without an end", "", "a", "b")
	if err := AppendRevocation(s.path, Revocation{Kind: "user", ID: "b"}); err == nil {
		t.Error("a malformed revocation was written")
	}
}

func TestRevocationFileNamesTheLine(t *testing.T) {
	s := newFileStory(t, 100)
	s.write(line("a") + "\n" + `{"kind":"jti","id":"b","typo":1}` + "\n")
	if err := s.f.poll(jwtNow); err == nil || !strings.Contains(err.Error(), "revoked.jsonl:3") {
		t.Error(err)
	}
}

func TestRevocationFileFull(t *testing.T) {
	s := newFileStory(t, 2)
	s.write(line("a") + line("b") + line("c"))
	s.expect("too many to hold", codeRevocationUnreachable, "a", "b")
}

// Of a large file only what was appended is read.
func TestRevocationFileTail(t *testing.T) {
	s := newFileStory(t, 100_000)
	var b strings.Builder
	for n := 0; b.Len() < rereadBelow+1000; n++ {
		b.WriteString(line(fmt.Sprintf("some-longer-token-id-%d", n)))
	}
	s.write(b.String())
	s.expect("large", "")
	before := s.f.set.Load()
	for n, id := range []string{"a", "b"} {
		if err := AppendRevocation(s.path, Revocation{Kind: "jti", ID: id}); err != nil {
			t.Fatal(err)
		}
		s.expect("appended", "", []string{"a", "b"}[:n+1]...)
	}
	if s.f.set.Load() != before {
		t.Error("the file was read from its beginning")
	}
	whole, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.write(string(whole) + strings.TrimSuffix(line("c"), "\n"))
	s.expect("appended without its end", "", "a", "b", "c")
	s.write(string(whole) + line("c") + line("d"))
	s.expect("and then with it", "", "a", "b", "c", "d")
	if n := s.f.set.Load().count.Load() - before.count.Load(); n != 0 {
		t.Error(n, "entries too many")
	}
	// Another file in its place has another identity.
	if err := os.WriteFile(s.path+".new", []byte(b.String()+line("c")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.path+".new", s.path); err != nil {
		t.Fatal(err)
	}
	s.expect("replaced", "", "c")
}

func FuzzRevocationLine(f *testing.F) {
	f.Add(`{"kind":"subject","id":"alice","issued_before":"2026-11-21T12:00:00Z","expires":"2027-01-01T00:00:00Z"}`)
	f.Add(`{"kind":"jti","id":""}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRevocation([]byte(text))
		if err != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Skip() // a year that RFC 3339 has no room for
		}
		if back, err := parseRevocation(again); err != nil || back.ID == "" || back.Kind != r.Kind {
			t.Fatalf("%q became %q: %v", text, again, err)
		}
	})
}

func BenchmarkRevoked(b *testing.B) {
	for _, n := range []int{0, 1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newRevokedSet(2_000_000)
			for i := range n {
				s.add(Revocation{Kind: revokedNames[i%4], ID: fmt.Sprintf("token-%d", i)}, jwtNow)
			}
			p, now := caller(), jwtNow.UnixNano()
			p.TokenID, p.Subject = "0b7f6f2c-7a4e-4b64-9d05-3f6a3c1c2b11", "8f14e45f-ceea-467f-a34c-2b1a5d0e9c77"
			b.ReportAllocs()
			for b.Loop() {
				if s.has(p, now) {
					b.Fatal("revoked")
				}
			}
		})
	}
}
