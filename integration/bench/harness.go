package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// harness measures cases and prints the table.
type harness struct {
	runs, peerRuns int
	only           string
	quick, peers   bool
	scale          float64 // of the inputs, without quick
	dir            string  // of inputs and spill files

	exe  string // this program
	temp string // of this call
}

// row is a line of the table.
type row struct {
	name, limit, ours, ratio string
	peers                    []string
	target, verdict          string
}

func (h *harness) run(ctx context.Context, w io.Writer) (err error) {
	if h.quick {
		h.runs = 1
	}
	if h.scale <= 0 {
		return fmt.Errorf("--scale %g: more than 0", h.scale)
	}
	if h.runs < 1 {
		return fmt.Errorf("--runs %d: at least one", h.runs)
	}
	if h.exe, err = os.Executable(); err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir, 0o777); err != nil {
		return err
	}
	if h.temp, err = os.MkdirTemp("", "millrace-bench-*"); err != nil {
		return err
	}
	defer os.RemoveAll(h.temp)
	wanted := slices.DeleteFunc(slices.Clone(cases), func(c benchCase) bool { return !h.wants(c.name) })
	if len(wanted) == 0 && !h.wants(buildName) {
		return fmt.Errorf("no case's name contains any of %q", h.only)
	}
	beam := ""
	if h.peers {
		if beam, err = buildPeer(ctx, h.temp); err != nil {
			return err
		}
	}
	speed, err := h.child(ctx, "calibrate", benchCase{}).Output()
	if err != nil {
		return fmt.Errorf("calibrating: %w", err)
	}
	fmt.Fprintf(w, "%s, %s/%s, %d cores, %s; medians of %d; %s\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.GOMAXPROCS(0), time.Now().UTC().Format(time.DateOnly), h.runs, speed)
	header := []string{"case", "limit: wall, CPU, RSS", "ours: wall, CPU, RSS", "ours / limit"}
	if h.peers {
		for _, p := range peerRunners {
			header = append(header, "Beam Go "+p)
		}
	}
	header = append(header, "target", "")
	line(w, header...)
	line(w, slices.Repeat([]string{"---"}, len(header))...)
	print := func(r row) {
		cells := []string{r.name, r.limit, r.ours, r.ratio}
		if h.peers {
			cells = append(cells, append(r.peers, slices.Repeat([]string{"-"}, len(peerRunners)-len(r.peers))...)...)
		}
		if h.small() {
			r.verdict = "-"
		}
		line(w, append(cells, r.target, r.verdict)...)
	}
	var missed []benchCase
	for _, c := range wanted {
		m, err := h.measureCase(ctx, c, beam)
		if err != nil {
			return err
		}
		r := m.row(h.sizes())
		print(r)
		if r.verdict == "missed" && !h.small() {
			missed = append(missed, c)
		}
	}
	if h.wants(buildName) {
		rows, err := h.build(ctx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			print(r)
		}
	}
	for _, c := range missed {
		if err := h.profile(ctx, w, c); err != nil {
			return err
		}
	}
	return nil
}

func (h *harness) sizes() sizes { return sizesOf(h.quick, h.scale) }

// small reports whether the inputs are not those that the targets are for.
func (h *harness) small() bool { return h.quick || h.scale != 1 }

func (h *harness) wants(name string) bool {
	return slices.ContainsFunc(strings.Split(h.only, ","), func(s string) bool { return strings.Contains(name, strings.TrimSpace(s)) })
}

func line(w io.Writer, cells ...string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }

func (r *run) row(s sizes) row {
	o, l := median(r.ours), median(r.limit)
	out := row{
		name: r.name, limit: l.String(), ours: o.String(), target: r.target, verdict: verdict(r.met(s, o, l)),
		ratio: fmt.Sprintf("%.2f, %.2f, %.2f", o.Wall/l.Wall, o.CPU/l.CPU, o.RSS/l.RSS),
	}
	if r.note != nil {
		out.ours += "; " + r.note(s, o, l)
	}
	for _, fs := range r.peers {
		cell := "-"
		if len(fs) > 0 {
			p := median(fs)
			cell = fmt.Sprintf("%s (%.0fx)", p, p.Wall/l.Wall)
		}
		out.peers = append(out.peers, cell)
	}
	return out
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}

// profile runs our side once more and says where its time goes.
func (h *harness) profile(ctx context.Context, w io.Writer, c benchCase) error {
	file := filepath.Join(h.temp, "cpu.prof")
	if out, err := h.child(ctx, "ours", c, "--profile", file).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: profiling: %w\n%s", c.name, err, tail(out))
	}
	out, err := goCommand(ctx, "tool", "pprof", "-top", "-nodecount=25", h.exe, file).Output()
	if err != nil {
		return fmt.Errorf("%s: reading the profile: %w", c.name, err)
	}
	fmt.Fprintf(w, "\n%s missed its target; its CPU time goes to\n\n```\n%s```\n", c.name, out)
	return nil
}
