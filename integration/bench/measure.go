package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"
)

// figures are what one run has cost.
type figures struct {
	Wall   float64 // seconds, of the work without the process around it
	CPU    float64 // seconds, of the process
	RSS    float64 // bytes, of the process at its peak
	Disk   int64   // bytes written to spill files and read back
	Second float64 // seconds from the start to the second core's first element, where a case looks at it
	Check  int64   // what the run has computed
}

func (f figures) String() string {
	return fmt.Sprintf("%.3f s, %.2f s, %.0f MB", f.Wall, f.CPU, f.RSS/1e6)
}

// runChild runs one side of a case in this process and prints its figures, as far as the process knows them.
func runChild(ctx context.Context, side, name, dir string, s sizes, profile string) error {
	if side == "calibrate" {
		text, err := calibrate(dir, s)
		fmt.Print(text)
		return err
	}
	c, err := caseNamed(name)
	if err != nil {
		return err
	}
	in := input{sizes: s, dir: dir}
	if c.file != nil {
		if in.file, err = c.file(dir, s); err != nil || side == "file" {
			return err
		}
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	start := time.Now()
	var check int64
	if side == "limit" {
		check, err = c.limit(in)
	} else {
		check, err = c.ours(ctx, in)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures{Wall: time.Since(start).Seconds(), Check: check, Disk: disk, Second: second.Seconds()})
}

// child is the command that runs one side of a case.
func (h *harness) child(ctx context.Context, side string, c benchCase, args ...string) *exec.Cmd {
	args = append([]string{"--child", side, "--cases", c.name, "--dir", h.dir, "--quick=" + strconv.FormatBool(h.quick), "--scale", strconv.FormatFloat(h.scale, 'g', -1, 64)}, args...)
	cmd := exec.CommandContext(ctx, h.exe, args...)
	if c.procs > 0 {
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(c.procs))
	}
	return cmd
}

// measure runs a command that prints figures.
func measure(cmd *exec.Cmd) (figures, error) {
	var f figures
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("%s: %w\n%s", cmd, err, tail(stderr.Bytes()))
	}
	if err := json.Unmarshal(out, &f); err != nil {
		return f, fmt.Errorf("%s: %w", cmd, err)
	}
	f.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	f.RSS = peakRSS(cmd.ProcessState)
	return f, nil
}

// tail is the end of what a command had to say.
func tail(b []byte) []byte {
	const most = 4 << 10
	return bytes.TrimSpace(b[max(0, len(b)-most):])
}

// run is one case measured: the runs of each side, in the order of the table's columns.
type run struct {
	benchCase
	limit, ours []figures
	peers       [][]figures
}

var errDisagree = errors.New("two sides computed different results")

// measureCase runs the sides of a case in turn.
func (h *harness) measureCase(ctx context.Context, c benchCase, beam string) (*run, error) {
	r := &run{benchCase: c, peers: make([][]figures, len(peerRunners))}
	in := input{sizes: h.sizes(), dir: h.dir}
	if c.file != nil {
		// In another process: what this one has in memory when it starts a child counts as the child's peak.
		if out, err := h.child(ctx, "file", c).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: making its input: %w\n%s", c.name, err, tail(out))
		}
		var err error
		if in.file, err = c.file(h.dir, in.sizes); err != nil {
			return nil, err
		}
	}
	for i := range h.runs {
		l, err := measure(h.child(ctx, "limit", c))
		if err != nil {
			return nil, err
		}
		o, err := measure(h.child(ctx, "ours", c))
		if err != nil {
			return nil, err
		}
		r.limit, r.ours = append(r.limit, l), append(r.ours, o)
		if o.Check != l.Check {
			return nil, fmt.Errorf("%s: %w: ours %d, the limit %d", c.name, errDisagree, o.Check, l.Check)
		}
		if beam == "" || c.peer == nil || i >= h.peerRuns {
			continue
		}
		for k, runner := range peerRunners {
			p, err := measure(exec.CommandContext(ctx, beam, append([]string{"--runner", runner}, c.peer(in)...)...))
			if err != nil {
				return nil, err
			}
			if p.Check != l.Check {
				return nil, fmt.Errorf("%s: %w: Beam Go on %s %d, the limit %d", c.name, errDisagree, runner, p.Check, l.Check)
			}
			r.peers[k] = append(r.peers[k], p)
		}
	}
	return r, nil
}

func median(fs []figures) figures {
	return figures{
		Wall:   middle(fs, func(f figures) float64 { return f.Wall }),
		CPU:    middle(fs, func(f figures) float64 { return f.CPU }),
		RSS:    middle(fs, func(f figures) float64 { return f.RSS }),
		Second: middle(fs, func(f figures) float64 { return f.Second }),
		Disk:   int64(middle(fs, func(f figures) float64 { return float64(f.Disk) })),
	}
}

func middle[T any](of []T, get func(T) float64) float64 {
	if len(of) == 0 {
		return 0
	}
	vs := make([]float64, len(of))
	for i := range of {
		vs[i] = get(of[i])
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}
