package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ccatobs/cdt/examples/three-sites/machine"
	"github.com/ccatobs/cdt/testserver"
)

// sshdConfig is that of every site's sshd: keys alone, no forwarding.
const sshdConfig = `ListenAddress ADDRESS
HostKey DISKS/etc/host_key
AuthorizedKeysFile DISKS/etc/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding no
X11Forwarding no
MaxStartups 100:30:200
MaxSessions 100
UseDNS no
`

// makeKeys makes each site's host key, and one key with which workers of every site log in at the others.
func (l *Lab) makeKeys() {
	l.Helper()
	keygen := testserver.Need(l, "ssh-keygen", "openssh-client")
	key := filepath.Join(l.Root, "key")
	l.runHere(keygen, "-q", "-t", "ed25519", "-N", "", "-C", "cdt", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	l.Must(err)
	private, err := os.ReadFile(key)
	l.Must(err)
	var known strings.Builder
	for _, site := range Sites() {
		l.Must(os.MkdirAll(l.Disk(site, "etc"), 0o755))
		host := l.Disk(site, "etc", "host_key")
		l.runHere(keygen, "-q", "-t", "ed25519", "-N", "", "-C", site, "-f", host)
		text, err := os.ReadFile(host + ".pub")
		l.Must(err)
		fmt.Fprintf(&known, "%s %s", Address(site), text)
	}
	for _, site := range Sites() {
		for name, text := range map[string]string{
			"key": string(private), "authorized_keys": string(public), "known_hosts": known.String(),
			"sshd_config": strings.NewReplacer("ADDRESS", Address(site), "DISKS", machine.Disks).Replace(sshdConfig),
		} {
			l.Must(os.WriteFile(l.Disk(site, "etc", name), []byte(text), 0o600))
		}
	}
}

func (l *Lab) startSSHD(site string) {
	l.Helper()
	sshd := testserver.Need(l, "sshd", "openssh-server", "/usr/sbin")
	l.Must(os.MkdirAll("/run/sshd", 0o755))                                                       // where Debian's sshd drops its rights
	l.start(site, "sshd", exec.Command(sshd, "-D", "-e", "-f", machine.Disks+"/etc/sshd_config")) //nolint:noctx // it ends with its machine
	l.awaitPort(site, "22")
}

func (l *Lab) runHere(program string, args ...string) {
	l.Helper()
	if out, err := exec.CommandContext(l.Context(), program, args...).CombinedOutput(); err != nil {
		l.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
}
