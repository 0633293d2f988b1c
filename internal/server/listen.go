package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/http1"
	"github.com/gatehouse/gatehouse/internal/certs"
	"github.com/gatehouse/gatehouse/internal/config"
)

// listener is one open door. Its TLS settings follow a reload without closing it.
type listener struct {
	cfg    config.Listener
	socket net.Listener
	http   *http.Server  // HTTP/2, and HTTP/1.1 where http1: compat is set
	http1  *http1.Server // nil where net/http serves HTTP/1.1
	tls    atomic.Pointer[tls.Config]
	// tlsBase is what handshakes begin with, before tls is picked.
	tlsBase *tls.Config
	files   *certs.Files
	conns   *connections
	queue   chan net.Conn // for the http.Server
	done    chan struct{}
	once    sync.Once
	log     *slog.Logger

	mu      sync.Mutex
	tunnels map[*conn]struct{} // which net/http has let go of
}

// open binds the address and prepares to serve; nothing is accepted yet.
func (s *Server) open(cfg config.Listener, a *assembly) (*listener, error) {
	l := a.cfg.LimitsHTTP
	out := &listener{cfg: cfg, conns: s.conns, queue: make(chan net.Conn), done: make(chan struct{}), log: s.log}
	settings, err := s.tlsSettings(cfg, a)
	if err != nil {
		return nil, err
	}
	out.use(settings)
	if out.socket, err = net.Listen("tcp", cfg.Address); err != nil {
		out.closeFiles()
		return nil, &gatehouse.Error{Code: "server.listen", Message: "cannot listen on " + cfg.Address, Err: err,
			Hint: "another process may have the address"}
	}
	out.http = &http.Server{Handler: s.door, ReadHeaderTimeout: l.ReadHeaderTimeout, IdleTimeout: l.IdleTimeout,
		MaxHeaderBytes: int(l.HeaderBytes), Protocols: protocols(cfg), ConnContext: out.connContext, ConnState: out.hijacked,
		DisableGeneralOptionsHandler: true, // OPTIONS * is for us to refuse and record
		ErrorLog:                     log.New(quietLog{s.log}, "", 0),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 128, MaxReadFrameSize: 16 << 10, SendPingTimeout: 30 * time.Second,
			PingTimeout: 15 * time.Second, WriteByteTimeout: l.WriteTimeout}}
	if cfg.TLS != nil {
		// Session tickets are sealed with this configuration's keys, over reloads.
		out.tlsBase = &tls.Config{GetConfigForClient: out.configForClient, MinVersion: tls.VersionTLS12,
			GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return out.tls.Load().GetCertificate(h) }}
	}
	if out.ours() {
		out.http1 = &http1.Server{Handler: s.http1door, Limits: func() *http1.Limits { return s.gateway.Snapshot().HTTP1 }}
		return out, nil
	}
	out.http.TLSConfig = out.tlsBase
	return out, nil
}

// protocols are net/http's names for what the listener offers. On a plain
// listener h2 is prior knowledge (RFC 9113, section 3.3).
func protocols(cfg config.Listener) *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(slices.Contains(cfg.HTTP, "http/1.1") && cfg.HTTP1 == "compat")
	if slices.Contains(cfg.HTTP, "h2") {
		p.SetHTTP2(cfg.TLS != nil)
		p.SetUnencryptedHTTP2(cfg.TLS == nil)
	}
	return &p
}

// serve accepts until close.
func (l *listener) serve() {
	go l.accept()
	var err error
	if l.cfg.TLS != nil && l.http1 == nil {
		err = l.http.ServeTLS(l, "", "")
	} else {
		err = l.http.Serve(l)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		l.log.Error("a listener stopped", "listener", l.cfg.Name, "error", err)
	}
}

// accept takes connections, counts them, and reads PROXY headers aside, so that
// a slow balancer holds up nobody else.
func (l *listener) accept() {
	for {
		c, err := l.socket.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			l.log.Warn("accept failed", "listener", l.cfg.Name, "error", err)
			time.Sleep(10 * time.Millisecond) // out of descriptors, most likely: let some close
			continue
		}
		remote := addrOf(c.RemoteAddr())
		pp := l.cfg.ProxyProtocol
		if pp == nil || !within(pp.From, remote.Addr()) {
			l.admit(c, remote)
			continue
		}
		if !l.conns.enter(netip.Addr{}) {
			c.Close()
			continue
		}
		go func() {
			_ = c.SetReadDeadline(time.Now().Add(proxyHeaderTimeout))
			client, err := readProxyHeader(c)
			l.conns.leave(netip.Addr{}) // its place is the connection's, or free
			if err != nil {
				l.log.Warn("bad PROXY header", "listener", l.cfg.Name, "from", remote.String(), "error", err)
				c.Close()
				return
			}
			_ = c.SetReadDeadline(time.Time{})
			if client.IsValid() {
				remote = client
			}
			l.admit(c, remote)
		}()
	}
}

const proxyHeaderTimeout = 5 * time.Second

// admit hands a connection to the HTTP server, or closes it where its address has
// too many.
func (l *listener) admit(c net.Conn, remote netip.AddrPort) {
	if !l.conns.enter(remote.Addr()) {
		c.Close()
		return
	}
	conn := &conn{Conn: http1.NewSocket(c), conns: l.conns, addr: remote.Addr()}
	conn.info.Remote, conn.info.Listener, conn.info.Close = remote, l.cfg.Name, conn.Close
	if l.cfg.TLS != nil {
		conn.info.Stale = func(state *tls.ConnectionState) bool { return l.stale(conn, state) }
	}
	if l.http1 != nil {
		go l.greet(conn)
		return
	}
	l.give(conn)
}

// give hands a connection to net/http's server.
func (l *listener) give(c net.Conn) {
	select {
	case l.queue <- c:
	case <-l.done:
		c.Close()
	}
}

// Accept, Close and Addr make listener a net.Listener for http.Server.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close stops accepting; open connections go on.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.socket.Close()
		l.closeFiles()
	})
	return nil
}

// shutdown stops accepting and lets what is under way end, or cuts it when ctx
// ends.
func (l *listener) shutdown(ctx context.Context) error {
	var ours error
	var wg sync.WaitGroup
	l.socket.Close()
	if l.http1 != nil {
		wg.Go(func() { ours = l.http1.Shutdown(ctx) })
	}
	err := l.http.Shutdown(ctx)
	if err != nil {
		l.http.Close()
	}
	wg.Wait()
	l.Close()
	return errors.Join(err, ours, l.endTunnels(ctx))
}

// hijacked keeps a tunnel in mind, which http.Server does not.
func (l *listener) hijacked(c net.Conn, state http.ConnState) {
	if state != http.StateHijacked {
		return
	}
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if c, ok := c.(*conn); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.tunnels == nil {
			l.tunnels = map[*conn]struct{}{}
		}
		l.tunnels[c] = struct{}{}
		c.tunnel.Store(l)
	}
}

// endTunnels waits for tunnels to end, and cuts those that do not before ctx.
func (l *listener) endTunnels(ctx context.Context) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		l.mu.Lock()
		left := slices.Collect(maps.Keys(l.tunnels))
		l.mu.Unlock()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			for _, c := range left {
				c.Close()
			}
			return ctx.Err()
		}
	}
}

func (l *listener) closeFiles() {
	if l.files != nil {
		l.files.Close()
		l.files = nil
	}
}

// Addr is the bound address.
func (l *listener) Addr() net.Addr { return l.socket.Addr() }

// connContext tells the door about the connection.
func (l *listener) connContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if c, ok := c.(interface{ describe() *gateway.ConnInfo }); ok {
		return gateway.WithConn(ctx, c.describe())
	}
	return ctx
}

// configForClient takes the fingerprint and picks the current TLS settings.
func (l *listener) configForClient(h *tls.ClientHelloInfo) (*tls.Config, error) {
	settings := l.tls.Load()
	if c, ok := h.Conn.(*conn); ok {
		c.info.Hello(h)
		c.settings.Store(settings)
	}
	return settings, nil
}

// stale reports whether a connection's handshake would not succeed under the
// current settings. It costs something only after a reload.
func (l *listener) stale(c *conn, state *tls.ConnectionState) bool {
	now := l.tls.Load()
	if c.settings.Load() == now {
		return false
	}
	if !fits(now, state) {
		return true
	}
	c.settings.Store(now)
	return false
}

// fits reports whether settings ask for no more than a handshake showed.
func fits(settings *tls.Config, state *tls.ConnectionState) bool {
	if state.Version < settings.MinVersion {
		return false
	}
	if len(state.PeerCertificates) == 0 {
		return settings.ClientAuth != tls.RequireAndVerifyClientCert
	}
	if settings.ClientAuth == tls.NoClientCert {
		return false
	}
	between := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: settings.ClientCAs, Intermediates: between,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err == nil
}

// tlsSettings are a listener's TLS settings and the certificate files behind them.
type tlsSettings struct {
	config *tls.Config
	files  *certs.Files
}

// use makes the settings those of the handshakes to come.
func (l *listener) use(s tlsSettings) {
	if s.config == nil {
		return
	}
	l.tls.Store(s.config)
	l.closeFiles()
	l.files = s.files
}

// tlsSettings makes a listener's TLS settings: TLS 1.2 with forward secrecy at the
// least (RFC 9325), the post-quantum hybrid first.
func (s *Server) tlsSettings(cfg config.Listener, a *assembly) (tlsSettings, error) {
	if cfg.TLS == nil {
		return tlsSettings{}, nil
	}
	files, err := s.certificates(cfg.TLS, a)
	if err != nil {
		return tlsSettings{}, err
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.Certificate,
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}}
	if cfg.TLS.MinVersion == "1.3" {
		t.MinVersion = tls.VersionTLS13
	}
	if slices.Contains(cfg.HTTP, "h2") {
		t.NextProtos = append(t.NextProtos, "h2")
	}
	if slices.Contains(cfg.HTTP, "http/1.1") {
		t.NextProtos = append(t.NextProtos, "http/1.1")
	}
	if err := s.clientCerts(t, cfg.TLS.ClientCerts); err != nil {
		files.Close()
		return tlsSettings{}, err
	}
	return tlsSettings{t, files}, nil
}

func (s *Server) clientCerts(t *tls.Config, c config.ClientCerts) error {
	if c.Mode == "none" {
		return nil
	}
	paths := make([]string, len(c.CA))
	for i, f := range c.CA {
		paths[i] = s.path(f)
	}
	var err error
	if t.ClientCAs, err = certs.Pool(paths); err != nil {
		return err
	}
	t.ClientAuth = tls.VerifyClientCertIfGiven
	if c.Mode == "require" {
		t.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return nil
}

// ours reports whether HTTP/1.1 is served by http1.
func (l *listener) ours() bool {
	return l.cfg.HTTP1 != "compat" && slices.Contains(l.cfg.HTTP, "http/1.1")
}

// conn is a counted connection that knows where it came from.
type conn struct {
	net.Conn
	info gateway.ConnInfo
	// settings are those that its handshake satisfies.
	settings atomic.Pointer[tls.Config]

	conns  *connections
	addr   netip.Addr
	once   sync.Once
	tunnel atomic.Pointer[listener] // whose tunnel it is; nil for none
}

func (c *conn) Close() error {
	c.once.Do(func() { c.conns.leave(c.addr) })
	if l := c.tunnel.Load(); l != nil {
		l.mu.Lock()
		delete(l.tunnels, c)
		l.mu.Unlock()
	}
	return c.Conn.Close()
}

// RemoteAddr is the client's, behind a PROXY header too.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.info.Remote) }

func (c *conn) describe() *gateway.ConnInfo { return &c.info }

// Socket is the connection below, for gathered writes.
func (c *conn) Socket() net.Conn { return c.Conn }

// SyscallConn lets the server wait for the socket without a buffer.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if s, ok := c.Conn.(syscall.Conn); ok {
		return s.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// CloseWrite half-closes.
func (c *conn) CloseWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return errors.ErrUnsupported
}

func addrOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

func within(ps []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}

// quietLog passes net/http's own complaints (bad handshakes, say) on as debug
// lines: any stranger can cause them.
type quietLog struct{ log *slog.Logger }

func (q quietLog) Write(p []byte) (int, error) {
	q.log.Debug("http server", "message", fmt.Sprintf("%q", p))
	return len(p), nil
}

var _ io.Writer = quietLog{}
