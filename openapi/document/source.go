package document

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A Source says where a document is, and where its references may lead.
type Source struct {
	// Path is the entry file.
	Path string
	// Bytes is its text, where that is at hand; Path then only names it, and may be
	// empty.
	Bytes []byte
	// Folders are where the files of references lie. nil stands for the folder of
	// Path, or none where Path is empty; an empty list for none. Neither ".." nor a
	// symbolic link leads out.
	Folders []string
	// URLs are the remote references that may be followed, each spelled out.
	URLs []string
	// FS is read instead of the machine's files: an embed.FS. Path and Folders are
	// then paths within.
	FS fs.FS
	// Fetch gets a listed URL; nil stands for [Fetch].
	Fetch func(ctx context.Context, url string) (io.ReadCloser, error)
	// Limits bound what is read; zero fields stand for their defaults.
	Limits Limits
}

// Limits bound a document with all its files.
type Limits struct {
	Bytes   int           // of all files; default 64 MiB
	Nodes   int           // values in all files; default 2,000,000
	Depth   int           // of nesting; default 200
	Files   int           // default 500
	Aliased int           // values that YAML aliases and merges add; default 100,000
	Timeout time.Duration // for each remote reference; default 10 s
}

func (l Limits) withDefaults() Limits {
	fill := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	fill(&l.Bytes, 64<<20)
	fill(&l.Nodes, 2_000_000)
	fill(&l.Depth, 200)
	fill(&l.Files, 500)
	fill(&l.Aliased, 100_000)
	if l.Timeout <= 0 {
		l.Timeout = 10 * time.Second
	}
	return l
}

// Fetch gets url by HTTPS, or by HTTP from this machine itself. Redirects are not
// followed: the URL that was listed is the one that answers.
func Fetch(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme != "https" && !(req.URL.Scheme == "http" && loopback(req.URL.Hostname())) {
		return nil, errors.New("only https is followed")
	}
	req.Header.Set("Accept", "application/yaml, application/json;q=0.9, */*;q=0.1")
	client := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close() // nothing of it is wanted
		if res.StatusCode/100 == 3 {
			return nil, fmt.Errorf("status %d: redirects are not followed", res.StatusCode)
		}
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	return res.Body, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A reader reads the files of one document.
type reader struct {
	Source
	left int // bytes that may yet be read
}

// errNotAllowed is wrapped by what a Source does not allow.
var errNotAllowed = errors.New("not allowed")

// entry reads the entry file and returns its URL and the name shown to people.
func (r *reader) entry(ctx context.Context) (text []byte, at, name string, err error) {
	name = r.Path
	switch {
	case r.Bytes != nil:
		text = r.Bytes
		if len(text) > r.left {
			return nil, "", name, fmt.Errorf("larger than %d bytes", r.left)
		}
		r.left -= len(text)
	case r.FS != nil:
		text, err = r.openFS(r.Path)
	default:
		text, err = r.openPath(r.Path)
	}
	if err != nil {
		return nil, "", name, err
	}
	if err := ctx.Err(); err != nil {
		return nil, "", name, err
	}
	at, err = r.fileURL(r.Path)
	return text, at, name, err
}

// fileURL is the URL of a path; of none a name that leads nowhere.
func (r *reader) fileURL(name string) (string, error) {
	if name == "" {
		return "file:///document", nil
	}
	if r.FS == nil {
		abs, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		name = filepath.ToSlash(abs)
	}
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	return (&url.URL{Scheme: "file", Path: path.Clean(name)}).String(), nil
}

// get reads what u (absolute, without fragment) names; name is for people.
func (r *reader) get(ctx context.Context, u *url.URL) (text []byte, name string, err error) {
	if u.Scheme != "file" {
		text, err = r.fetch(ctx, u)
		return text, u.String(), err
	}
	if u.Host != "" || u.RawQuery != "" {
		return nil, u.String(), fmt.Errorf("%w: a file has neither host nor query", errNotAllowed)
	}
	if r.FS != nil {
		name = strings.TrimPrefix(u.Path, "/")
		if !r.inFolders(name) {
			return nil, name, fmt.Errorf("%w: not below the folders of the document", errNotAllowed)
		}
		text, err = r.openFS(name)
		return text, name, err
	}
	return r.openBelow(filepath.FromSlash(u.Path))
}

func (r *reader) folders() []string {
	switch {
	case r.Folders != nil || r.Path == "":
		return r.Folders
	case r.FS != nil:
		return []string{path.Dir(r.Path)}
	}
	return []string{filepath.Dir(r.Path)}
}

func (r *reader) inFolders(name string) bool {
	return slices.ContainsFunc(r.folders(), func(f string) bool {
		f = path.Clean(f)
		return f == "." || strings.HasPrefix(name, f+"/")
	})
}

// openBelow opens an absolute path that lies below one of the folders. os.Root sees
// to it that no symbolic link leads out.
func (r *reader) openBelow(abs string) (text []byte, name string, err error) {
	for _, folder := range r.folders() {
		top, err := filepath.Abs(folder)
		if err != nil {
			return nil, abs, err
		}
		rel, err := filepath.Rel(top, abs)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		name = filepath.Join(folder, rel)
		root, err := os.OpenRoot(top)
		if err != nil {
			return nil, name, err
		}
		text, err = r.readRegular(root.FS(), filepath.ToSlash(rel))
		_ = root.Close() // only read from
		return text, name, err
	}
	return nil, abs, fmt.Errorf("%w: not below the folders of the document", errNotAllowed)
}

func (r *reader) openPath(name string) ([]byte, error) {
	dir, base := filepath.Split(name)
	if base == "" {
		return nil, errors.New("names no file")
	}
	if dir == "" {
		dir = "."
	}
	return r.readRegular(os.DirFS(dir), base) // the operator named it: links may lead anywhere
}

func (r *reader) openFS(name string) ([]byte, error) { return r.readRegular(r.FS, name) }

// readRegular reads a regular file, for a pipe or device might never end.
func (r *reader) readRegular(from fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(from, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := from.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return r.readAll(f)
}

func (r *reader) fetch(ctx context.Context, u *url.URL) ([]byte, error) {
	at := u.String()
	if !slices.Contains(r.URLs, at) {
		return nil, fmt.Errorf("%w: the URL is not among those the document may refer to", errNotAllowed)
	}
	ctx, cancel := context.WithTimeout(ctx, r.Limits.Timeout)
	defer cancel()
	get := r.Fetch
	if get == nil {
		get = Fetch
	}
	body, err := get(ctx, at)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return r.readAll(body)
}

func (r *reader) readAll(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, int64(r.left)+1))
	if err != nil {
		return nil, err
	}
	if len(text) > r.left {
		return nil, &gatehouse.Error{Code: "contract.document_size", Message: fmt.Sprintf("the document is larger than %d bytes in all", r.Limits.Bytes)}
	}
	r.left -= len(text)
	return text, nil
}
