package launch

import (
	"io"
	"slices"
	"strconv"
	"strings"
)

// What a family's samples are.
const (
	counter = "counter"
	gauge   = "gauge"
	summary = "summary"
)

// family is a metric: samples of one name.
type family struct {
	name, kind, help string
	labels           []string
}

// exposition is metrics in Prometheus' text format, version 0.0.4 (prometheus.io, "Exposition formats"). The format is a
// page; Prometheus' own library is a fifth of a small program.
type exposition struct{ of map[string]*exposed }

type exposed struct {
	family
	samples []sample
}

// sample is one line. Those of one summary have the same labels and stay in their order.
type sample struct {
	suffix, labels string
	value          float64
	last           bool // behind those with other labels
}

const expositionType = "text/plain; version=0.0.4; charset=utf-8"

// put adds a sample. values are those of the family's labels, in UTF-8.
func (e *exposition) put(f family, suffix string, v float64, values []string) {
	var ls []string
	for i, l := range f.labels {
		ls = append(ls, l+`="`+labelEscapes.Replace(values[i])+`"`)
	}
	slices.Sort(ls)
	x := e.of[f.name]
	if x == nil {
		x = &exposed{family: f}
		if e.of == nil {
			e.of = map[string]*exposed{}
		}
		e.of[f.name] = x
	}
	x.samples = append(x.samples, sample{suffix: suffix, labels: strings.Join(ls, ","), value: v})
}

// putBehind adds a sample without labels that comes behind those with some: the sum or count of a summary of quantiles.
func (e *exposition) putBehind(f family, suffix string, v float64) {
	e.put(f, suffix, v, nil)
	s := e.of[f.name].samples
	s[len(s)-1].last = true
}

var (
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

// writeTo writes the families in the order of their names, and the samples in that of their labels.
func (e *exposition) writeTo(w io.Writer) error {
	var b []byte
	names := make([]string, 0, len(e.of))
	for n := range e.of {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		x := e.of[n]
		b = append(b, "# HELP "+n+" "+helpEscapes.Replace(x.help)+"\n# TYPE "+n+" "+x.kind+"\n"...)
		slices.SortStableFunc(x.samples, func(a, b sample) int {
			switch {
			case a.last && !b.last:
				return 1
			case b.last && !a.last:
				return -1
			}
			return strings.Compare(a.labels, b.labels)
		})
		for _, s := range x.samples {
			b = append(b, n+s.suffix...)
			if s.labels != "" {
				b = append(b, "{"+s.labels+"}"...)
			}
			b = append(b, ' ')
			b = strconv.AppendFloat(b, s.value, 'g', -1, 64)
			b = append(b, '\n')
		}
	}
	_, err := w.Write(b)
	return err
}
