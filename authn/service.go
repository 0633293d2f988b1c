package authn

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Options are what a Service needs besides its configuration.
type Options struct {
	// Dir is the directory that relative file names start from.
	Dir string
	// Log hears of watched files that cannot be used; nil for nobody.
	Log *slog.Logger
	// Revocations is asked besides the list in memory: a store that many gateways
	// share. nil for none.
	Revocations RevocationList
	// Now is the clock for reading files, for first fetches, and for how long a
	// proof waited, time.Now if nil. Requests are judged at Exchange.Start.
	Now func() time.Time
}

// A Service authenticates for one configuration. It is immutable.
type Service struct {
	cfg        Config
	state      *State
	verifier   *tokenVerifier
	asked      map[string]*introspector // by issuer name
	keys       *apiKeyFile
	certs      *certificateReader
	prover     *prover
	list       *memoryList
	shared     RevocationList
	identity   *Identity
	revokeOpen bool
	now        func() time.Time
}

// New makes a Service. cfg has its defaults and is valid; files that it names are
// read. The first fetch of key sets begins, and is not waited for. st may serve
// another Service at the same time.
func New(cfg Config, st *State, o Options) (*Service, error) {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	if o.Log != nil {
		st.log.Store(o.Log)
	}
	cfg = cfg.inDir(o.Dir)
	s := &Service{cfg: cfg, state: st, now: now, shared: o.Revocations, certs: newCertificateReader(cfg.MTLS),
		asked: map[string]*introspector{}, revokeOpen: cfg.Revocation.OnUnreachable == Open,
		list: &memoryList{calls: st.revoked}}
	var err error
	if c := cfg.APIKeys; c != nil {
		if s.keys, err = follow(st, "api keys", c.File, now(), func(path string) *apiKeyFile { return &apiKeyFile{path: path} }); err != nil {
			return nil, err
		}
	}
	if c := cfg.Revocation; c.File != "" {
		if s.list.file, err = follow(st, fmt.Sprint("revocations ", c.Size), c.File, now(),
			func(path string) *revocationFile { return newRevocationFile(path, c.Size) }); err != nil {
			return nil, err
		}
	}
	if cfg.Identity != nil {
		if s.identity, err = newIdentity(*cfg.Identity); err != nil {
			return nil, err
		}
	}
	if s.verifier, err = newTokenVerifier(cfg.Issuers, st.keys, now); err != nil {
		return nil, err
	}
	answers := st.useAnswers(cfg.Issuers)
	for _, c := range cfg.Issuers {
		if c.Introspection != nil {
			s.asked[c.Name] = newIntrospector(c, answers[c.Name], &st.asked)
		}
	}
	s.prover = &prover{window: st.replay.next(cfg.DPoP.MaxAge, now()), store: st.replay, limit: cfg.DPoP.ReplaySize}
	if cfg.DPoP.Nonce {
		s.prover.nonces = st.nonces
	}
	return s, nil
}

// inDir returns c with its file names resolved.
func (c Config) inDir(dir string) Config {
	at := func(name string) string {
		if name == "" || dir == "" || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
	c.Issuers = slices.Clone(c.Issuers)
	for i := range c.Issuers {
		c.Issuers[i].Keys.File = at(c.Issuers[i].Keys.File)
	}
	if c.APIKeys != nil {
		k := *c.APIKeys
		k.File = at(k.File)
		c.APIKeys = &k
	}
	c.Revocation.File = at(c.Revocation.File)
	if c.Identity != nil {
		id := *c.Identity
		id.Key = at(id.Key)
		c.Identity = &id
	}
	return c
}

// Settle tells the State that s judges from now on: key sets that only earlier
// configurations named are forgotten. Before that a configuration may yet fail, and
// must not cost the one that stays its last good keys.
func (s *Service) Settle() {
	s.state.keys.retain(s.verifier.sources)
	s.state.replay.settle(s.prover.window)
}

// Identity returns the signer of identity headers, nil where none is configured.
func (s *Service) Identity() *Identity { return s.identity }

// APIOptions say how one API identifies its callers.
type APIOptions struct {
	// Methods are names of issuers, and "api_keys", "mtls", "cookie".
	Methods []string
	// Resource is the API's resource identifier (RFC 9728), an https URL, or "".
	Resource string
	// Audience, where given, is demanded of tokens besides the issuer's own.
	Audience []string
	// Scopes are those that the API knows, for its metadata.
	Scopes []string
	// RequireDPoP refuses tokens that are bound to no key. The configuration's
	// dpop.require does so for all APIs.
	RequireDPoP bool
}

// For returns the Authenticator of one API. It is a gatehouse.Challenger and a
// gatehouse.Standing, too. Unknown methods are an error that names them.
func (s *Service) For(api APIOptions) (gatehouse.Authenticator, error) {
	c := &chain{service: s, audience: api.Audience, requireBound: api.RequireDPoP || s.cfg.DPoP.Require}
	cookie := false
	var problems []error
	for i, m := range api.Methods {
		switch {
		case m == MethodAPIKeys && s.keys != nil:
			c.keys, c.where.keyHeader = s.keys, s.cfg.APIKeys.Header
		case m == MethodMTLS && s.cfg.MTLS != nil:
			c.mtls = true
		case m == MethodCookie && s.cfg.Cookie != nil:
			cookie = true
		default:
			if !c.accept(m) {
				problems = append(problems, &gatehouse.Error{Code: "config.authenticate",
					Message: fmt.Sprintf("unknown method of authentication %q", m),
					Hint:    "one of " + strings.Join(s.methods(), ", "),
					At:      gatehouse.Position{File: fmt.Sprintf("authenticate[%d]", i)}})
			}
		}
	}
	c.askFirst = slices.ContainsFunc(c.asked, func(in *introspector) bool {
		return slices.ContainsFunc(s.cfg.Issuers, func(is IssuerConfig) bool {
			return is.Introspection == nil && is.Issuer == in.profile.issuer && !slices.Contains(c.issuers, is.Name)
		})
	})
	c.where.tokens = len(c.issuers)+len(c.asked) > 0
	if cookie {
		if len(c.issuers) == 0 {
			problems = append(problems, &gatehouse.Error{Code: "config.authenticate",
				Message: "cookie needs an issuer whose tokens it may carry", At: gatehouse.Position{File: "authenticate"}})
		}
		c.where.cookie = s.cfg.Cookie.Name
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	c.prepareChallenges(api)
	return c, nil
}

// accept adds an issuer by its name.
func (c *chain) accept(name string) bool {
	for _, is := range c.service.cfg.Issuers {
		switch {
		case is.Name != name:
		case is.Introspection != nil:
			c.asked = append(c.asked, c.service.asked[name])
			return true
		default:
			c.issuers = append(c.issuers, name)
			c.iss = append(c.iss, is.Issuer)
			return true
		}
	}
	return false
}

// methods lists what an API may name.
func (s *Service) methods() []string {
	var names []string
	for _, is := range s.cfg.Issuers {
		names = append(names, is.Name)
	}
	if s.keys != nil {
		names = append(names, MethodAPIKeys)
	}
	if s.cfg.MTLS != nil {
		names = append(names, MethodMTLS)
	}
	if s.cfg.Cookie != nil {
		names = append(names, MethodCookie)
	}
	return names
}
