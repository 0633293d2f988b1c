package document

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// maxServers bounds what the variables of one server's URL add up to.
const maxServers = 64

// servers reads the member servers of n; nil where it has none. A server whose
// variables change its base path becomes several.
func (v *viewer) servers(n *Node) []Server {
	list := n.Get("servers")
	if list == nil || list.Kind != List || len(list.Items) == 0 {
		return nil
	}
	out := []Server{}
	for _, item := range list.Items {
		if at := item.Get("url"); at != nil && at.Kind == String {
			out = append(out, v.server(item, at)...)
		}
	}
	return out
}

func (v *viewer) server(n, at *Node) []Server {
	var out []Server
	for _, text := range v.expanded(n, at) {
		u, why := serverURL(text)
		if why != "" {
			v.fail(at.At, "contract.document_url", "the server "+shown(at.Text)+" "+why, "")
			return nil
		}
		base := path.Clean("/" + u.EscapedPath())
		if base == "/" {
			base = ""
		}
		i := slices.IndexFunc(out, func(s Server) bool { return s.BasePath == base })
		if i < 0 {
			i = len(out)
			out = append(out, Server{URL: at.Text, BasePath: base})
		}
		if host := strings.ToLower(u.Host); host != "" && !slices.Contains(out[i].Hosts, host) {
			out[i].Hosts = append(out[i].Hosts, host)
		}
	}
	return out
}

// expanded replaces the variables of a URL: by each value of their enum, or by
// their default.
func (v *viewer) expanded(n, at *Node) []string {
	texts := []string{""}
	variables := n.Get("variables")
	for rest := at.Text; rest != ""; {
		plain, more, ok := strings.Cut(rest, "{")
		for i := range texts {
			texts[i] += plain
		}
		if !ok {
			return texts
		}
		name, after, closed := strings.Cut(more, "}")
		variable := variables.Get(name)
		if !closed || variable == nil || variable.Kind != Map {
			v.fail(at.At, "contract.document_url", "the server "+shown(at.Text)+" has a variable that is not declared", didYouMean(name, names(variables)))
			return nil
		}
		values := v.values(variable, name)
		if len(values)*len(texts) > maxServers {
			values = values[:1]
			v.warn(at.At, "contract.document_url", "the server "+shown(at.Text)+" has too many variants: only defaults count", "")
		}
		var next []string
		for _, value := range values {
			for _, t := range texts {
				next = append(next, t+value)
			}
		}
		texts, rest = next, after
	}
	return texts
}

// values are those a server variable may have, the default first.
func (v *viewer) values(variable *Node, name string) []string {
	at := variable.Get("default")
	if at == nil || at.Kind != String {
		return []string{""} // told already
	}
	values := []string{at.Text}
	enum := variable.Get("enum")
	if enum == nil || enum.Kind != List {
		return values
	}
	among := false
	for _, e := range enum.Items {
		among = among || e.Text == at.Text
		if !slices.Contains(values, e.Text) && len(values) <= maxServers {
			values = append(values, e.Text)
		}
	}
	if !among {
		v.fail(at.At, "contract.document_url", "the default of the server variable "+shown(name)+" is not in its enum", "")
	}
	return values
}

func serverURL(text string) (u *url.URL, why string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "is no URL"
	case u.Opaque != "" || u.IsAbs() && (u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme)):
		return nil, "is no URL of an HTTP API"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "has a query or fragment"
	case u.User != nil:
		return nil, "has credentials"
	case strings.Contains(u.Path, "\\") || strings.ContainsAny(u.Host, "{}"):
		return nil, "is no URL"
	}
	return u, ""
}
