// Brc is the one-billion-row challenge: least, mean and greatest temperature of each weather station.
//
//	go run ./examples/brc --generate 10000000 --input measurements.txt
//	go run ./examples/brc --input measurements.txt --output stations
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/examples/brc/measurements"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
)

type options struct {
	Input    string `help:"lines station;temperature" required:"true"`
	Output   string `help:"where to write lines station=min/mean/max" default:"stations"`
	Generate int64  `help:"first write this many rows to the input file"`
}

// station is in tenths of a degree.
type station struct{ Min, Max, Sum, Count int64 }

type summary struct{}

func (summary) CreateAccumulator() station { return station{Min: 1 << 62, Max: -1 << 62} }
func (summary) AddInput(a station, t int64) station {
	return station{min(a.Min, t), max(a.Max, t), a.Sum + t, a.Count + 1}
}

func (summary) MergeAccumulators(a, b station) station {
	return station{min(a.Min, b.Min), max(a.Max, b.Max), a.Sum + b.Sum, a.Count + b.Count}
}
func (summary) ExtractOutput(a station) station { return a }

func build(p *sdk.Pipeline, o options) error {
	if o.Generate > 0 {
		sdk.Once(p, "generate", func() (bool, error) { return true, generate(o) })
	}
	rows := sdk.TryMap(textio.Read(p, o.Input), parse)
	textio.Write(sdk.Map(sdk.CombinePerKey(rows, summary{}), format), o.Output, textio.Shards(1), textio.Overwrite())
	return nil
}

func generate(o options) error {
	f, err := os.Create(o.Input)
	if err != nil {
		return err
	}
	if err := measurements.Write(f, o.Generate, 1); err != nil {
		return err
	}
	return f.Close()
}

// parse reads a temperature of one digit after the point as tenths.
func parse(line string) (sdk.KV[string, int64], error) {
	name, temp, ok := strings.Cut(line, ";")
	digits, neg := strings.CutPrefix(temp, "-")
	var t int64
	for i := range len(digits) {
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
			t = t*10 + int64(c-'0')
		case c != '.' || i != len(digits)-2:
			ok = false
		}
	}
	if !ok || digits == "" {
		return sdk.KV[string, int64]{}, fmt.Errorf("%q is not station;temperature", line)
	}
	if neg {
		t = -t
	}
	return sdk.MakeKV(name, t), nil
}

func format(s sdk.KV[string, station]) string {
	v := s.Value
	return fmt.Sprintf("%s=%s/%s/%s", s.Key, tenths(v.Min), strconv.FormatFloat(float64(v.Sum)/float64(v.Count)/10, 'f', 1, 64), tenths(v.Max))
}

func tenths(v int64) string { return strconv.FormatFloat(float64(v)/10, 'f', 1, 64) }

func main() { launch.Main(build) }
