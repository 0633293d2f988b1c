package lab

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
)

// files keeps what customers upload, and fetches what they point at.
func (s *Shop) files() *Service {
	return &Service{Name: "files", Base: "/media", routes: []route{
		{"POST", "/files", "uploadFile", uploadFile},
		{"GET", "/files/{file_id}", "downloadFile", downloadFile},
		{"POST", "/imports", "importFile", importFile},
	}}
}

const keptBytes = 1024

func (c *call) keep(name string, r io.Reader) (*file, bool) {
	sum := sha256.New()
	var head bytes.Buffer
	n, err := io.Copy(sum, io.TeeReader(r, &limitedBuffer{&head, keptBytes}))
	if err != nil {
		c.fail(http.StatusBadRequest, "the file broke off")
		return nil, false
	}
	c.effectN("body.whole", n)
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if len(c.store.files) >= maxObjects {
		c.fail(http.StatusInsufficientStorage, "the shop is full")
		return nil, false
	}
	f := &file{ID: c.store.id("f"), Owner: c.who.Subject, Name: name, Size: n,
		SHA: hex.EncodeToString(sum.Sum(nil)), head: head.Bytes()}
	c.store.files[f.ID] = f
	return f, true
}

// limitedBuffer keeps the first bytes and swallows the rest.
type limitedBuffer struct {
	buf  *bytes.Buffer
	room int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	n := min(l.room, len(p))
	l.buf.Write(p[:n])
	l.room -= n
	return len(p), nil
}

func uploadFile(c *call) {
	if !c.mustBeKnown() {
		return
	}
	var body io.Reader = c.r.Body
	if !c.Flaws.ResourceConsumption {
		body = http.MaxBytesReader(c.w, c.r.Body, 4<<20)
	}
	if f, ok := c.keep(c.r.Header.Get("X-File-Name"), body); ok {
		c.json(http.StatusCreated, f)
	}
}

func downloadFile(c *call) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	f := c.store.files[c.param["file_id"]]
	if f == nil {
		c.fail(http.StatusNotFound, "no such file")
		return
	}
	if c.mayTouch(f.Owner, "file") {
		c.w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = c.w.Write(f.head)
	}
}

// importFile fetches a URL for the customer: any URL, with the SSRF flaw.
func importFile(c *call) {
	if !c.mustBeKnown() {
		return
	}
	var body struct{ URL string }
	if !c.decode(&body) {
		return
	}
	c.fetch(body.URL)
}

func (c *call) fetch(url string) {
	if !c.Flaws.SSRF {
		c.fail(http.StatusUnprocessableEntity, "no import from there")
		return
	}
	resp, err := c.client.Get(url)
	if err != nil {
		c.fail(http.StatusBadGateway, "cannot fetch it: "+err.Error())
		return
	}
	defer resp.Body.Close()
	if f, ok := c.keep("import", io.LimitReader(resp.Body, 1<<20)); ok {
		c.json(http.StatusCreated, map[string]any{"id": f.ID, "preview": string(f.head)})
	}
}
