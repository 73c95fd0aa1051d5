//go:build servers

package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/testserver"
	"github.com/ccatobs/cdt/testserver/executable"
)

// smoke runs what `make smoke` runs, on the services of the stack.
func (d *demonstration) smoke(t *testing.T) {
	testserver.Need(t, "curl", "curl")
	path := filepath.Join(d.dir, "compose")
	executable.Write(t, path, d.shim())
	cmd := exec.CommandContext(t.Context(), "compose/smoke.sh")
	cmd.Env = append(os.Environ(), "COMPOSE="+path, "PROMETHEUS="+d.at("prometheus", "9090"), "JAEGER="+d.at("jaeger", "16686"), "GRAFANA=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("make smoke: %v", err)
	}
	t.Logf("%s", out)
	d.archived(t, len(d.packages)+1)
}

// shim is a script that stands for docker-compose: it runs a command in a service.
func (d *demonstration) shim() string {
	text := "#!/bin/sh\n# docker-compose --profile full exec -T SERVICE COMMAND…\nshift 4; service=$1; shift\ncase $service in\n"
	for _, name := range []string{"engine", "worker-ccat"} {
		text += name + ") exec"
		for _, word := range d.entering(name) {
			text += " '" + word + "'"
		}
		text += ` "$@" ;;` + "\n"
	}
	return text + "*) exit 1 ;;\nesac\n"
}
