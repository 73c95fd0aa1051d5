package bbcp

import (
	"strings"
	"testing"

	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/ssh"
)

func TestArguments(t *testing.T) {
	t.Parallel()
	far := Options{
		Link: "ccat>cologne", Host: ssh.Host{Name: "data.cologne", Port: 2222, User: "cdt", Key: "/etc/cdt/key", KnownHosts: "/etc/cdt/hosts"},
		Program: "/opt/bbcp", RemoteProgram: "/usr/bin/bbcp", Agent: "/usr/bin/dtctl",
		Bandwidth: 125_000_000, RTT: 220_000_000, Rate: 1000_000, Ports: "5031:5059",
	}
	reverse := far
	reverse.Reverse, reverse.SourceHost = true, "data.ccat"
	fast := far
	fast.Rate = 10 << 30
	inet6 := far
	inet6.Host.Name = "2001:db8::1"
	pull := far
	pull.SourceHost = "data.ccat" // the driver sits at the destination: its sink is called
	it := &item{
		Item: transport.Item{Attempt: storage.Attempt{Task: "t", Epoch: "e", Token: 7}, Size: 10},
		from: "/data/buffer/p.tar", to: "/data/buffer/.part/t.e.7", kept: 4,
	}
	const common = "-v -n -k -P 2 -s 7 -w 3932160 "
	over := func(host string) string {
		h := far.Host
		h.Name = host
		return strings.Join(append(h.Words(), "--", "cdt@"+host, "/usr/bin/dtctl agent exec t.e.7 -- /usr/bin/bbcp"), " ")
	}
	for _, c := range []struct {
		name string
		opts Options
		args func(o Options) []string
		want string
	}{
		{"to the other end", far, func(o Options) []string { return o.single(it, ends{target: true}) },
			common + "-x 1000000 -Z 5031:5059 -T <" + over("data.cologne") + "> /data/buffer/p.tar data.cologne:/data/buffer/.part/t.e.7"},
		{"the other end calls", reverse, func(o Options) []string { return o.single(it, ends{target: true}) },
			common + "-x 1000000 -z -Z 5031:5059 -S /opt/bbcp -T <" + over("data.cologne") + "> data.ccat:/data/buffer/p.tar data.cologne:/data/buffer/.part/t.e.7"},
		{"from the other end", far, func(o Options) []string { return o.single(it, ends{source: true}) },
			common + "-x 1000000 -Z 5031:5059 -S <" + over("data.cologne") + "> data.cologne:/data/buffer/p.tar /data/buffer/.part/t.e.7"},
		{"from the other end, by name", pull, func(o Options) []string { return o.single(it, ends{source: true}) },
			common + "-x 1000000 -Z 5031:5059 -S <" + over("data.cologne") + "> -T /opt/bbcp data.cologne:/data/buffer/p.tar data.ccat:/data/buffer/.part/t.e.7"},
		{"faster than bbcp can limit", fast, func(o Options) []string { return o.single(it, ends{}) },
			common + "-Z 5031:5059 /data/buffer/p.tar /data/buffer/.part/t.e.7"},
		{"an address", inet6, func(o Options) []string { return o.single(it, ends{target: true}) },
			common + "-x 1000000 -Z 5031:5059 -T <" + over("2001:db8::1") + "> /data/buffer/p.tar [2001:db8::1]:/data/buffer/.part/t.e.7"},
		{"several", far, func(o Options) []string {
			return o.several("/tmp/x/list", "/data/buffer/.part", ends{target: true}, "t.e.7,u.e.8")
		}, common + "-x 1000000 -Z 5031:5059 -T <" + strings.Replace(over("data.cologne"), "t.e.7", "t.e.7,u.e.8", 1) + "> -I /tmp/x/list data.cologne:/data/buffer/.part"},
		{"what follows a beginning", far, func(o Options) []string { return o.tail(it, ends{target: true}) },
			common + "-x 1000000 -Z 5031:5059 -T <" + over("data.cologne") + "> -F -N io " +
				"<dd if=/data/buffer/p.tar iflag=skip_bytes skip=4 bs=1M status=none> " +
				"<data.cologne:dd of=/data/buffer/.part/t.e.7 oflag=seek_bytes seek=4 conv=notrunc,nocreat bs=1M status=none>"},
	} {
		args := c.args(c.opts.withDefaults())
		for i, arg := range args {
			if strings.Contains(arg, " ") {
				args[i] = "<" + arg + ">"
			}
		}
		if got := strings.Join(args, " "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestFewOptions: no call has another option than these, whatever the link asks for. -f would replace what is there, -a goes on
// with bytes nobody has read, -e and -E digest what is digested anyway and double the time, -y syncs what the receiver syncs.
func TestFewOptions(t *testing.T) {
	t.Parallel()
	takes := map[string]bool{"-v": false, "-n": false, "-k": false, "-P": true, "-s": true, "-w": true, "-B": true, "-x": true, "-z": false, "-Z": true,
		"-S": true, "-T": true, "-I": true, "-F": false, "-N": true}
	it := &item{Item: transport.Item{Attempt: storage.Attempt{Task: "t", Epoch: "e", Token: 7}, Size: 10}, from: "/d/p.tar", to: "/d/.part/t.e.7", kept: 4}
	for n := range 1 << 5 {
		o := Options{Link: "a>b", Host: ssh.Host{Name: "b"}, Reverse: n&1 > 0}
		if n&2 > 0 {
			o.SourceHost = "a"
		}
		if n&4 > 0 {
			o.Rate, o.Buffer = 1<<20, 1<<20
		}
		if n&8 > 0 {
			o.Ports = "5031:5059"
		}
		e := ends{target: n&16 == 0, source: n&16 > 0}
		o = o.withDefaults()
		for _, args := range [][]string{o.single(it, e), o.several("/tmp/list", "/d/.part", e, "t.e.7"), o.tail(it, e)} {
			rest := args
			for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
				more, known := takes[rest[0]]
				if !known {
					t.Fatalf("%q in %q", rest[0], args)
				}
				if rest = rest[1:]; more {
					rest = rest[1:]
				}
			}
			if len(rest) < 1 || len(rest) > 2 {
				t.Errorf("%q after the options of %q", rest, args)
			}
		}
	}
}

// TestOptions: a word that could mean more than itself makes no transport.
func TestOptions(t *testing.T) {
	t.Parallel()
	good := Options{Link: "a>b", Host: ssh.Host{Name: "host"}, Ports: "5031", SourceHost: "10.0.0.1"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for text, change := range map[string]func(o *Options){
		"program":        func(o *Options) { o.Program = "bbcp -f" },
		"remote_program": func(o *Options) { o.RemoteProgram = "$(rm)" },
		"agent":          func(o *Options) { o.Agent = "-x" },
		"source_host":    func(o *Options) { o.SourceHost = "-h" },
		"host":           func(o *Options) { o.Host.Name = "-oProxyCommand=x" },
		"key":            func(o *Options) { o.Host.Key = "key file" },
		"streams":        func(o *Options) { o.Streams = 65 },
		"window":         func(o *Options) { o.Window = 1 << 30 },
		"buffer":         func(o *Options) { o.Buffer = 1 },
		"rate":           func(o *Options) { o.Rate = -1 },
		"ports: \"9:8\"": func(o *Options) { o.Ports = "9:8" },
		"ports: \"0:8\"": func(o *Options) { o.Ports = "0:8" },
		"ports: \"x\"":   func(o *Options) { o.Ports = "x" },
		"ports: \"1:2:":  func(o *Options) { o.Ports = "1:2:3" },
	} {
		bad := good
		change(&bad)
		if _, err := New(bad); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
