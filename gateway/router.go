package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// A Matcher finds the operation of a request within one API.
type Matcher interface {
	// Match looks up a method and a canonical path below the API's base path
	// ("/orders/17"). It appends the decoded path parameters to params.
	Match(method, path string, params []gatehouse.Param) Match
}

// Match is what a Matcher found.
type Match struct {
	// Route is the index of the operation, as the Matcher was built; -1 for none.
	Route  int
	Params []gatehouse.Param
	// Allow lists the methods this path has, where the method is the trouble.
	Allow []string
}

// Router finds the Site of a request: by host (exact, then "*.one-label", then
// "*"), then by the longest base path.
type Router struct {
	exact    map[string][]*Site
	wildcard map[string][]*Site // keyed by what follows "*": ".example.com"
	any      []*Site
}

// NewRouter compiles the sites. Two sites may not claim one host and base path.
func NewRouter(sites []*Site) (*Router, error) {
	r := &Router{exact: map[string][]*Site{}, wildcard: map[string][]*Site{}}
	for _, s := range sites {
		for _, h := range s.API.Hosts {
			h = strings.ToLower(h)
			switch {
			case h == "*":
				r.any = append(r.any, s)
			case strings.HasPrefix(h, "*."):
				r.wildcard[h[1:]] = append(r.wildcard[h[1:]], s)
			default:
				r.exact[h] = append(r.exact[h], s)
			}
		}
	}
	for _, m := range []map[string][]*Site{r.exact, r.wildcard, {"*": r.any}} {
		for host, list := range m {
			if err := sortSites(host, list); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

func sortSites(host string, list []*Site) error {
	slices.SortStableFunc(list, func(a, b *Site) int { return len(b.base) - len(a.base) })
	for i := 1; i < len(list); i++ {
		if list[i].base == list[i-1].base {
			return &gatehouse.Error{Code: "config.api_overlap",
				Message: fmt.Sprintf("the APIs %q and %q both claim %s%s", list[i-1].API.Name, list[i].API.Name, host, list[i].base),
				Hint:    "give each its own host or base path"}
		}
	}
	return nil
}

// Site returns the API for host and canonical path, or nil.
func (r *Router) Site(host, path string) *Site {
	if s := longestBase(r.exact[host], path); s != nil {
		return s
	}
	if len(r.wildcard) > 0 {
		if i := strings.IndexByte(host, '.'); i > 0 {
			if s := longestBase(r.wildcard[host[i:]], path); s != nil {
				return s
			}
		}
	}
	return longestBase(r.any, path)
}

func longestBase(list []*Site, path string) *Site {
	for _, s := range list {
		if s.base == "" || strings.HasPrefix(path, s.base) && (len(path) == len(s.base) || path[len(s.base)] == '/') {
			return s
		}
	}
	return nil
}
