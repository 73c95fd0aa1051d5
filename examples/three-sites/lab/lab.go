// Package lab is an observatory of three sites on one machine: ccat, cologne
// and cornell are machines of their own (package machine) with an ocean between
// them (package router); each has its own sshd, its own disks and its own
// `dtctl work`. Cologne's archive is a bucket of a real S3 server, Cornell's a
// disk. The operations database and the engine stand beside them, reached over a
// socket, as over a line for people.
//
// It is for the example, its test and benchmarks. It needs root, sshd, rsync
// and PostgreSQL; what is missing fails and says so.
package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/examples/three-sites/machine"
	"github.com/ccatobs/cdt/examples/three-sites/router"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb/postgres"
	"github.com/ccatobs/cdt/testserver"
)

// The sites.
const (
	CCAT    = "ccat"
	Cologne = "cologne"
	Cornell = "cornell"
)

// subnet is that of their addresses.
const subnet = "10.77.0.0/24"

// Sites are the sites, in the order of their addresses 10.77.0.1, 2 and 3.
func Sites() []string { return []string{CCAT, Cologne, Cornell} }

// Address is a site's address.
func Address(site string) string {
	for i, s := range Sites() {
		if s == site {
			return netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}).String()
		}
	}
	return ""
}

// Options say what a lab is like.
type Options struct {
	Routes    string // text of the routes, written for rsync
	Transport string // rsync or bbcp
	// Ocean is each line between ccat and the others; Land those between the others.
	Ocean, Land router.Line
	MTU         int // 9000
	Begin       int // packets a connection begins with; 0: as many as the kernel has it
}

// Lab is three sites that run until the test ends.
type Lab struct {
	testing.TB
	Root    string // on the host; Root/<site> is what a site sees as machine.Disks
	URL     string // of the operations database
	Router  *router.Router
	Graph   *graph.Graph
	Store   *postgres.Store // for looking
	Program string          // dtctl

	o        Options
	machines map[string]*machine.Machine
}

// New makes machines, lines, sshds, database and S3 server. Nothing of CDT runs yet.
func New(t testing.TB, o Options) *Lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("three sites on one machine need root: network namespaces, TUN devices and mounts")
	}
	l := &Lab{TB: t, Root: shortDir(t), Router: router.New(1), o: o, machines: map[string]*machine.Machine{}}
	t.Cleanup(func() { l.Must(l.Router.Close()) })
	l.build()
	l.compile()
	l.makeKeys()
	for _, site := range Sites() {
		l.settle(site)
	}
	l.Must(errors.Join(l.Router.SetBoth(CCAT, Cologne, o.Ocean), l.Router.SetBoth(CCAT, Cornell, o.Ocean), l.Router.SetBoth(Cologne, Cornell, o.Land)))
	l.startS3()
	dsn := testserver.Postgres(t)
	dir, _, _ := strings.Cut(strings.TrimPrefix(dsn, "host="), " ")
	l.URL = "postgres://cdt@/postgres?sslmode=disable&host=" + dir
	return l
}

// shortDir is a folder that is gone with the test.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sites-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return dir
}

// Must fails the test at an error.
func (l *Lab) Must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// build builds dtctl as people have it.
func (l *Lab) build() {
	l.Helper()
	l.Program = filepath.Join(l.Root, "dtctl")
	cmd := exec.CommandContext(l.Context(), "go", "build", "-o", l.Program, "github.com/ccatobs/cdt/cmd/dtctl")
	if out, err := cmd.CombinedOutput(); err != nil {
		l.Fatalf("build dtctl: %v\n%s", err, out)
	}
}

// RoutesFile is the routes as the lab uses them, on the host.
func (l *Lab) RoutesFile() string { return filepath.Join(l.Root, "routes.yaml") }

// compile writes the routes, for the transport wanted.
func (l *Lab) compile() {
	l.Helper()
	text := l.o.Routes
	if l.o.Transport == "bbcp" {
		text = bbcpRoutes(text)
	}
	l.Must(os.WriteFile(l.RoutesFile(), []byte(text), 0o644))
	files, list := route.Read(l.RoutesFile())
	g, more := node.Compile(files)
	l.Must(errors.Join(list.Err(), more.Err()))
	l.Graph = g
}

// bbcpRoutes makes routes with bbcp over the long ways, those with a round-trip time, of those for rsync: it is
// installed beside dtctl, and told by which address the other end reaches its source.
func bbcpRoutes(text string) string {
	head, links, _ := strings.Cut(text, "\nlinks:\n")
	links, tail, _ := strings.Cut(links, "\nsets:\n")
	blocks := strings.Split(links, "  - from: ")
	for i, block := range blocks {
		if strings.Contains(block, "rtt: ") {
			blocks[i] = bbcpLink(block)
		}
	}
	return head + "\nlinks:\n" + strings.Join(blocks, "  - from: ") + "\nsets:\n" + tail
}

func bbcpLink(block string) string {
	var out strings.Builder
	from, _, _ := strings.Cut(block, "\n")
	for line := range strings.Lines(block) {
		line = strings.ReplaceAll(line, "rsync", "bbcp")
		bbcp := machine.Disks + "/bin/bbcp"
		out.WriteString(strings.Replace(line, "/bin/dtctl}", "/bin/dtctl, program: "+bbcp+", remote_program: "+bbcp+", source_host: "+Address(from)+"}", 1))
	}
	return out.String()
}

// Disk is a site's own folder, on the host.
func (l *Lab) Disk(site string, sub ...string) string {
	return filepath.Join(append([]string{l.Root, site}, sub...)...)
}

// settle makes a site: its machine, network, disks, dtctl and sshd.
func (l *Lab) settle(site string) {
	l.Helper()
	for _, sub := range []string{"bin", "etc", "state", "log"} {
		l.Must(os.MkdirAll(l.Disk(site, sub), 0o755))
	}
	for _, loc := range l.Graph.Locations {
		if loc.Site.Name == site && loc.Path != "" {
			l.Must(os.MkdirAll(l.Disk(site, strings.TrimPrefix(loc.Path, machine.Disks)), 0o755))
		}
	}
	l.install(l.Program, site)
	if bbcp, err := exec.LookPath("bbcp"); err == nil {
		l.install(bbcp, site)
	}
	text, err := os.ReadFile(l.RoutesFile())
	l.Must(err)
	l.Must(os.WriteFile(l.Disk(site, "etc", "routes.yaml"), text, 0o644))
	var hosts strings.Builder
	hosts.WriteString("127.0.0.1 localhost\n")
	for _, s := range Sites() {
		hosts.WriteString(Address(s) + " " + s + "\n")
	}
	l.Must(os.WriteFile(l.Disk(site, "etc", "hosts"), []byte(hosts.String()), 0o644))
	m, err := machine.New(machine.Options{Name: site, Disk: l.Disk(site), Hosts: l.Disk(site, "etc", "hosts"), Hide: []string{l.Root}})
	l.Must(err)
	l.Cleanup(func() { l.Must(m.Close()) })
	l.machines[site] = m
	l.connect(m)
	l.startSSHD(site)
}

// install puts a program on a site's own disk.
func (l *Lab) install(program, site string) {
	l.Helper()
	if out, err := exec.CommandContext(l.Context(), "cp", "--reflink=auto", program, l.Disk(site, "bin")).CombinedOutput(); err != nil {
		l.Fatalf("install %s: %v\n%s", program, err, out)
	}
}

// windows let one TCP stream fill 200 Mbit/s over 200 ms, and more.
const windows = "4096 1048576 67108864"

// control is what slows down when a packet is lost: that of Debian, whatever this machine has.
const control = "cubic"

// soonAgain lets TCP look every second whether a cut is over, where the kernel
// can (6.15); otherwise it waits up to as long again as the cut lasted. Retries are counted, so there must be more of them;
// and what the cut swallowed must not be taken for mere delay. So says docs/operations/bbcp.md.
func soonAgain(m *machine.Machine) error {
	err := m.Set("net.ipv4.tcp_rto_max_ms", "1000")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return errors.Join(err, m.Set("net.ipv4.tcp_retries2", "255"), m.Set("net.ipv4.tcp_frto", "0"))
}

// connect joins a site to the others.
func (l *Lab) connect(m *machine.Machine) {
	l.Helper()
	l.Must(errors.Join(m.Set("net.ipv4.tcp_rmem", windows), m.Set("net.ipv4.tcp_wmem", windows), soonAgain(m)))
	addr := netip.PrefixFrom(netip.MustParseAddr(Address(m.Name)), netip.MustParsePrefix(subnet).Bits())
	mtu := l.o.MTU
	if mtu == 0 {
		mtu = 9000
	}
	l.Must(m.InNetwork(func() error {
		tun, err := router.OpenTUN("data", addr, mtu)
		if err != nil {
			return err
		}
		return errors.Join(router.Tune("data", addr, router.TCP{Control: control, Begin: l.o.Begin}), l.Router.Join(m.Name, addr.Addr(), tun))
	}))
}

// Machine is a site's machine.
func (l *Lab) Machine(site string) *machine.Machine { return l.machines[site] }

// dial connects to a port of a site, from that site.
func (l *Lab) dial(ctx context.Context, site, port string) (c net.Conn, err error) {
	err = l.machines[site].InNetwork(func() error {
		d := net.Dialer{Timeout: time.Second}
		c, err = d.DialContext(ctx, "tcp4", net.JoinHostPort(Address(site), port))
		return err
	})
	return c, err
}

// awaitPort waits until something listens on a port of a site.
func (l *Lab) awaitPort(site, port string) {
	l.Helper()
	l.Await("port "+port+" of "+site+" answers", time.Minute, func() (bool, error) {
		c, err := l.dial(l.Context(), site, port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil, err
	})
}

// Await waits until done says so.
func (l *Lab) Await(what string, longest time.Duration, done func() (bool, error)) {
	l.Helper()
	limit := time.NewTimer(longest)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := done()
		if ok && err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-limit.C:
			l.Fatalf("not within %s: %s (%v)\n%s", longest, what, err, l.state())
		}
	}
}
