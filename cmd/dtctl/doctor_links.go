package main

import (
	"context"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/remote"
)

// linkPatience is how long the other end of a link is waited for.
const linkPatience = 40 * time.Second

// transports looks at the links that this host's sites drive: the programs
// here, the host at the other end, the agent and the programs there, and the
// disks as the agent sees them.
func (d *doctor) transports(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(d.graph.Links)) {
		link := d.graph.Links[name]
		switch {
		case !d.here(link.From.Name) && !d.here(link.To.Name):
		case !slices.Contains(node.Transports(), link.Transport):
			d.add("transport", name, findingWrong, "use a dtctl that has it, or another transport", "this version has no transport %s", link.Transport)
		case link.Far == nil:
			d.add("transport", name, findingGood, "", "%s has all it needs", link.Transport)
		case !d.here(link.Driver):
			d.add("transport", name, findingNote, "run `dtctl doctor --site "+link.Driver+"` there", "%s is driven by %s, and looked at there", link.Transport, link.Driver)
		case d.programs(link):
			d.farEnd(ctx, link)
		}
	}
}

// programs looks for what the transport of a link calls on this host.
func (d *doctor) programs(l *graph.Link) bool {
	var missing []string
	for _, program := range []string{or(l.Far.Program, l.Transport), or(l.Far.SSH, "ssh")} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if len(missing) == 0 {
		return true
	}
	list := strings.Join(missing, " and ")
	d.add("transport", l.Name(), findingWrong, "install "+list+", or name its path in the settings of the link", "%s needs %s, which is not on this host", l.Transport, list)
	return false
}

// farEnd looks at the other end of a link through the agent there.
func (d *doctor) farEnd(ctx context.Context, l *graph.Link) {
	ctx, cancel := context.WithTimeout(ctx, linkPatience)
	defer cancel()
	agent := node.NewAgent(l)
	defer agent.Close()
	hello, err := agent.Hello(ctx)
	if err != nil {
		text, do := cureLink(err)
		d.add("link", l.Name(), findingWrong, do, "%s", text)
		return
	}
	d.add("link", l.Name(), findingGood, "", "ssh reaches %s (%s), whose key is the known one; its agent is dtctl %s", l.Far.Host, hello.Host, hello.Version)
	if hello.Version != programVersion {
		d.add("link", l.Name(), findingNote, "install the same dtctl at both ends", "dtctl is %s here and %s there; they understand each other", programVersion, hello.Version)
	}
	d.farProgram(ctx, l, agent)
	d.farDisks(ctx, l, agent)
	d.stillDown("link", l.Name(), d.world.Links[l.Name()].Down)
}

// stillDown says that what looks good now was not good when it was last used: nothing new goes there until it is tried again.
func (d *doctor) stillDown(check, subject string, down *opsdb.Down) {
	if down == nil {
		return
	}
	when := "a worker looks again within seconds"
	if !down.Next.IsZero() {
		when = "one package tries it again at " + down.Next.UTC().Format(time.TimeOnly) + " UTC, and then all"
	}
	d.add(check, subject, findingNote, "nothing, if it looks good: "+when, "it is still taken to be down since %s UTC: %s", down.Since.UTC().Format(time.DateTime), down.Text)
}

// farProgram asks for the transport's program at both ends.
func (d *doctor) farProgram(ctx context.Context, l *graph.Link, agent *remote.Agent) {
	there, err := agent.ProgramVersion(ctx, or(l.Far.Remote, l.Transport))
	if err != nil {
		d.add("transport", l.Name(), findingWrong, "install "+l.Transport+" at "+l.Far.Host+", or name its path there (remote_program)", "%s cannot be run at the other end: %v", l.Transport, err)
		return
	}
	here, err := allowed{}.version(ctx, or(l.Far.Program, l.Transport))
	if err != nil {
		d.add("transport", l.Name(), findingWrong, "install "+l.Transport+" here, or name its path (program)", "%s cannot be run here: %v", l.Transport, err)
		return
	}
	d.add("transport", l.Name(), findingGood, "", "%s is at both ends: %s; there: %s", l.Transport, here, there)
}

// farDisks looks at the markers at the other end through the agent.
func (d *doctor) farDisks(ctx context.Context, l *graph.Link, agent *remote.Agent) {
	site := l.To
	if l.Driver == l.To.Name {
		site = l.From
	}
	for _, at := range site.Locations {
		if at.Storage != opsdb.Disk || at.Type != opsdb.Buffer {
			continue
		}
		subject := l.Name() + " " + at.Name
		disk := remote.NewDisk(agent, remote.Place{Location: at.Name, Root: at.Path, Marker: d.world.Locations[at.Name].Marker})
		if _, err := disk.Check(ctx); err != nil {
			d.add("link", subject, findingWrong, d.cureFar(at, err), "%v", err)
			continue
		}
		d.add("link", subject, findingGood, "", "%s at the other end has its marker and can be written", at.Path)
	}
}

func (d *doctor) cureFar(at *graph.Location, err error) string {
	f := storage.Classify(at.Name, err)
	switch {
	case d.world.Locations[at.Name].Marker == "":
		return "run `dtctl init-location " + at.Name + "` there"
	case f.Reason == "refused", f.Reason == "read_only":
		return "let the link's user write below " + at.Path + " there; a forced command needs --root " + at.Path
	case f.Reason == "full":
		return "make room on the disk of " + at.Path + " there; it goes on by itself"
	case f.Reason == "foreign":
		return "another disk is mounted at " + at.Path + " there, or the link leads to another host than its site's"
	}
	return "is its disk mounted at " + at.Path + " on that host?"
}

// cureLink splits what is wrong with a link from what to do, which its text ends with.
func cureLink(err error) (text, do string) {
	text = stages.FailureOf(err).Text
	if i := strings.LastIndex(text, ": "); i > 0 {
		return text[:i], text[i+2:]
	}
	return text, ""
}
