// Bench measures the direct runner beside hand-written Go programs, and prints a table.
//
//	go run ./integration/bench
//
// Every run is a process of its own, so that its CPU time and peak memory are its own; ours and the limit take
// turns, and the figures are medians. --quick is for CI: small inputs, one run, no targets.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"hash/maphash"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

type sizes struct {
	text, rows, bigRows, brc, spill int64
}

var full = sizes{text: 100e6, rows: 5e6, bigRows: 10e6, brc: 100e6, spill: 4 << 30}

var quick = sizes{text: 2e6, rows: 200e3, bigRows: 400e3, brc: 200e3, spill: 64 << 20}

type benchCase struct {
	name   string
	target string
	limit  func(dir string, s sizes) (int64, error)
	ours   func(dir string, s sizes) (int64, error)
	met    func(ours, limit figures) bool
}

func cases() []benchCase {
	wall := func(f float64) func(o, l figures) bool {
		return func(o, l figures) bool { return o.Wall <= f*l.Wall }
	}
	return []benchCase{
		{
			"word count", "wall <= 2.75x, RSS <= 100 MB",
			func(dir string, s sizes) (int64, error) {
				f, err := zipfText(dir, s.text)
				if err != nil {
					return 0, err
				}
				return limitWordCount(f)
			},
			func(dir string, s sizes) (int64, error) {
				f, err := zipfText(dir, s.text)
				if err != nil {
					return 0, err
				}
				return oursWordCount(f)
			},
			func(o, l figures) bool { return o.Wall <= 2.75*l.Wall && o.RSS <= 100e6 },
		},
		{
			"3 maps and sum", "CPU <= 8 ns an element",
			func(_ string, s sizes) (int64, error) { return limitMaps(s.rows), nil },
			func(_ string, s sizes) (int64, error) { return oursMaps(s.rows) },
			func(o, _ figures) bool { return o.CPU*1e9/float64(full.rows) <= 8 },
		},
		{
			"GroupByKey 5M/100k", "wall <= 2x, RSS <= 2x",
			func(_ string, s sizes) (int64, error) { return limitGroup(s.rows, 100_000), nil },
			func(_ string, s sizes) (int64, error) { return oursGroup(s.rows, 100_000) },
			func(o, l figures) bool { return o.Wall <= 2*l.Wall && o.RSS <= 2*l.RSS },
		},
		{
			"CombinePerKey 5M/100k", "wall <= 2x",
			func(_ string, s sizes) (int64, error) { return limitCombine(s.rows, 100_000), nil },
			func(_ string, s sizes) (int64, error) { return oursCombine(s.rows, 100_000) },
			wall(2),
		},
		{
			"GroupByKey 10M/4M", "wall <= 2x",
			func(_ string, s sizes) (int64, error) { return limitGroup(s.bigRows, uint64(s.bigRows)*4/10), nil },
			func(_ string, s sizes) (int64, error) { return oursGroup(s.bigRows, uint64(s.bigRows)*4/10) },
			wall(2),
		},
		{
			"brc 100M rows", "CPU <= 8 s",
			func(dir string, s sizes) (int64, error) {
				f, err := brcFile(dir, s.brc)
				if err != nil {
					return 0, err
				}
				return limitBRC(f)
			},
			func(dir string, s sizes) (int64, error) {
				f, err := brcFile(dir, s.brc)
				if err != nil {
					return 0, err
				}
				return oursBRC(f)
			},
			func(o, _ figures) bool { return o.CPU <= 8 },
		},
		{
			"4 GB in 512 MB, 10M keys", "RSS <= 700 MB, disk <= 2.5x",
			nil,
			func(_ string, s sizes) (int64, error) { return oursSpill(s.spill/400, 400, 10_000_000) },
			spillTarget,
		},
		{
			"4 GB in 512 MB, one key", "RSS <= 700 MB, disk <= 2.5x",
			nil,
			func(_ string, s sizes) (int64, error) { return oursSpill(s.spill/400, 400, 1) },
			spillTarget,
		},
	}
}

func spillTarget(o, _ figures) bool {
	return o.RSS <= 700e6 && float64(o.Disk) <= 2.5*float64(full.spill)
}

// figures is what one run has cost.
type figures struct {
	Wall, CPU, RSS float64 // seconds, seconds, bytes
	Disk           int64   // bytes written to and read from spill files
	Check          int64
}

func main() {
	runs := flag.Int("runs", 5, "runs of each side")
	only := flag.String("cases", "", "only the cases whose names contain this")
	small := flag.Bool("quick", false, "small inputs, one run, no targets")
	dir := flag.String("dir", filepath.Join(os.TempDir(), "millrace-bench"), "where input files are kept")
	child := flag.String("child", "", "run one side of a case, in this process (used by the harness)")
	flag.Parse()
	s := full
	if *small {
		s, *runs = quick, 1
	}
	if *child != "" {
		runChild(*child, *dir, s)
		return
	}
	if err := harness(s, *dir, *runs, *only, *small); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// runChild runs one side and prints its wall time, check and disk traffic.
func runChild(what, dir string, s sizes) {
	side, name, _ := strings.Cut(what, ":")
	if side == "calibrate" {
		fmt.Print(calibrate(dir))
		return
	}
	i := slices.IndexFunc(cases(), func(c benchCase) bool { return c.name == name })
	c := cases()[i]
	f := c.ours
	if side == "limit" {
		f = c.limit
	}
	start := time.Now()
	check, err := f(dir, s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fg := figures{Wall: time.Since(start).Seconds(), Check: check, Disk: lastStatus.Spilled + lastStatus.Unspilled}
	_ = json.NewEncoder(os.Stdout).Encode(fg)
}

func measure(side string, c benchCase, dir string, small bool) (figures, error) {
	var f figures
	exe, err := os.Executable()
	if err != nil {
		return f, err
	}
	args := []string{"--dir", dir, "--child", side + ":" + c.name}
	if small {
		args = append(args, "--quick")
	}
	cmd := exec.Command(exe, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("%s of %s: %w", side, c.name, err)
	}
	if err := json.Unmarshal(out, &f); err != nil {
		return f, fmt.Errorf("%s of %s: %w", side, c.name, err)
	}
	f.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	f.RSS = peakRSS(cmd.ProcessState)
	return f, nil
}

func harness(s sizes, dir string, runs int, only string, small bool) error {
	for _, make := range []func() (string, error){
		func() (string, error) { return zipfText(dir, s.text) },
		func() (string, error) { return brcFile(dir, s.brc) },
	} {
		if _, err := make(); err != nil {
			return err
		}
	}
	// In a process of its own: what this one has in memory when it starts another counts as the other's peak.
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	speed, err := exec.Command(exe, "--dir", dir, "--child", "calibrate").Output()
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d cores, %s; %s\n\n", runtime.Version(), runtime.GOMAXPROCS(0), time.Now().UTC().Format("2006-01-02"), speed)
	fmt.Println("| case | limit: wall, CPU, RSS | ours: wall, CPU, RSS | wall ours / limit | target | |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, c := range cases() {
		if !strings.Contains(c.name, only) {
			continue
		}
		var ours, limit []figures
		for range runs {
			if c.limit != nil {
				f, err := measure("limit", c, dir, small)
				if err != nil {
					return err
				}
				limit = append(limit, f)
			}
			f, err := measure("ours", c, dir, small)
			if err != nil {
				return err
			}
			ours = append(ours, f)
			if c.limit != nil && f.Check != limit[0].Check {
				return fmt.Errorf("%s: ours gives %d, the limit %d", c.name, f.Check, limit[0].Check)
			}
		}
		o, l := median(ours), median(limit)
		verdict := "met"
		switch {
		case small:
			verdict = "-"
		case !c.met(o, l):
			verdict = "missed"
		}
		ratio, lim := "-", "-"
		if c.limit != nil {
			ratio, lim = fmt.Sprintf("%.2f", o.Wall/l.Wall), l.String()
		}
		fmt.Printf("| %s | %s | %s | %s | %s | %s |\n", c.name, lim, o, ratio, c.target, verdict)
	}
	return nil
}

func (f figures) String() string {
	s := fmt.Sprintf("%.3f s, %.2f s, %.0f MB", f.Wall, f.CPU, f.RSS/1e6)
	if f.Disk > 0 {
		s += fmt.Sprintf(", disk %.1f GB", float64(f.Disk)/1e9)
	}
	return s
}

func median(fs []figures) figures {
	if len(fs) == 0 {
		return figures{}
	}
	mid := func(get func(figures) float64) float64 {
		var vs []float64
		for _, f := range fs {
			vs = append(vs, get(f))
		}
		slices.Sort(vs)
		return vs[len(vs)/2]
	}
	return figures{
		Wall: mid(func(f figures) float64 { return f.Wall }), CPU: mid(func(f figures) float64 { return f.CPU }),
		RSS: mid(func(f figures) float64 { return f.RSS }), Disk: int64(mid(func(f figures) float64 { return float64(f.Disk) })),
	}
}

// calibrate says how fast the machine is now.
func calibrate(dir string) string {
	const n = 20_000_000
	seed := maphash.MakeSeed()
	start := time.Now()
	var sink uint64
	for range n {
		sink += maphash.String(seed, "eight by")
	}
	hash := float64(time.Since(start).Nanoseconds()) / n
	a, b := make([]byte, 64<<20), make([]byte, 64<<20)
	copy(b, a)
	start = time.Now()
	for range 10 {
		copy(a, b)
	}
	move := 10 * 64 * float64(1<<20) / time.Since(start).Seconds() / 1e9
	start = time.Now()
	f, err := os.Create(filepath.Join(dir, "disk"))
	if err != nil {
		return err.Error()
	}
	defer os.Remove(f.Name())
	for range 8 {
		_, _ = f.Write(a)
	}
	_ = f.Sync()
	_ = f.Close()
	disk := 8 * 64 * float64(1<<20) / time.Since(start).Seconds() / 1e6
	_ = sink
	return fmt.Sprintf("maphash.String of 8 bytes %.1f ns, memmove %.1f GB/s, disk write and fsync %.0f MB/s", hash, move, disk)
}
