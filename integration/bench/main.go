// Bench measures the direct runner beside hand-written Go programs (package limit) and, if asked, beside Apache
// Beam's Go SDK (module beamgo), and prints one table.
//
//	go run ./integration/bench
//	go run ./integration/bench --peers --cases "word count,GroupByKey 5M"
//
// Every run is a process of its own, so that its CPU time and peak memory are its own. The sides of a case take
// turns, and the figures are medians: wall time of the work itself, CPU time and peak memory of the whole process.
// Results are compared: two sides that disagree end the program. A missed target is followed by a profile.
// --quick is for CI: small inputs, one run, no targets. --scale 0.1 is for work on a case: a tenth of its input.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	var h harness
	flag.IntVar(&h.runs, "runs", 5, "runs of each side of a case, of which the medians are printed")
	flag.IntVar(&h.peerRuns, "peer-runs", 1, "runs of each peer, with --peers: one takes up to a minute and 8 GB")
	flag.StringVar(&h.only, "cases", "", "comma-separated: only the cases whose names contain one of these")
	flag.BoolVar(&h.quick, "quick", false, "small inputs, one run, no targets")
	flag.Float64Var(&h.scale, "scale", 1, "inputs and budget of so much of their size; other than 1: no targets")
	flag.BoolVar(&h.peers, "peers", false, "measure Beam Go too")
	flag.StringVar(&h.dir, "dir", filepath.Join(os.TempDir(), "millrace-bench"), "where input files are kept, and spill files written")
	side := flag.String("child", "", "run one side of the case called --cases in this process (used by the program itself)")
	profile := flag.String("profile", "", "with --child: write a CPU profile to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := func() error {
		if *side != "" {
			return runChild(ctx, *side, h.only, h.dir, h.sizes(), *profile)
		}
		return h.run(ctx, os.Stdout)
	}()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
