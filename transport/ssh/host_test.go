package ssh

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestCheck: words that could be an option, or more than one word to a shell, are refused (S11).
func TestCheck(t *testing.T) {
	t.Parallel()
	good := Host{Name: "data.example.org", Port: 2222, User: "cdt_mover", Key: "/etc/cdt/key", KnownHosts: "/etc/cdt/known_hosts", Program: "/usr/bin/ssh"}
	for _, h := range []Host{good, {Name: "fe80::1"}, {Name: "10.0.0.1", Program: "ssh"}} {
		if err := h.Check(); err != nil {
			t.Errorf("%+v: %v", h, err)
		}
	}
	for name, h := range map[string]Host{
		"no host":           {},
		"host an option":    {Name: "-oProxyCommand=x"},
		"host of two words": {Name: "a b"},
		"host with a shell": {Name: "a;reboot"},
		"host with a user":  {Name: "root@a"},
		"user an option":    {Name: "a", User: "-l"},
		"user with a shell": {Name: "a", User: "$(id)"},
		"key relative":      {Name: "a", Key: "key"},
		"key of two words":  {Name: "a", Key: "/my key"},
		"key with a quote":  {Name: "a", Key: "/k'ey"},
		"known hosts":       {Name: "a", KnownHosts: "~/.ssh/known_hosts"},
		"program of words":  {Name: "a", Program: "ssh -v"},
		"program relative":  {Name: "a", Program: "bin/ssh"},
		"a newline":         {Name: "a\n"},
		"socket relative":   {Name: "a", Share: "socket"},
		"socket with words": {Name: "a", Share: "/run/a b"},
		"socket of ssh's":   {Name: "a", Share: "/run/%C"},
		"socket too long":   {Name: "a", Share: "/" + strings.Repeat("s", longestSocket)},
		"port":              {Name: "a", Port: 65536},
		"port below zero":   {Name: "a", Port: -1},
	} {
		if err := h.Check(); err == nil {
			t.Errorf("%s: taken", name)
		}
		if cmd := h.Command(t.Context(), "true"); cmd.Err == nil || Run(t.Context(), cmd) == nil { // it must not even begin
			t.Errorf("%s: run", name)
		}
	}
}

func TestCommandWords(t *testing.T) {
	t.Parallel()
	h := Host{Name: "far", Port: 2222, User: "cdt", Key: "/k", KnownHosts: "/h"}
	args := h.Command(context.Background(), "dtctl", "agent").Args
	for _, want := range []string{"-oBatchMode=yes", "-oStrictHostKeyChecking=yes", "-oServerAliveInterval=15", "-oServerAliveCountMax=6", "-oUserKnownHostsFile=/h", "2222", "cdt@far"} {
		if !slices.Contains(args, want) {
			t.Errorf("%q has no %s", args, want)
		}
	}
	if got := strings.Join(args[len(args)-4:], " "); got != "-- cdt@far dtctl agent" {
		t.Errorf("the call ends in %q", got)
	}
	for _, bad := range [][]string{{"a b"}, {"-v"}, {"a", "$x"}, {"a", "`x`"}, {"a", "x;y"}, {"a", ""}, {"a", "x\ny"}, {"a", "x|y"}, {"a", "*"}, {"a", "~"}} {
		if h.Command(t.Context(), bad...).Err == nil {
			t.Errorf("%q would be run", bad)
		}
	}
}
