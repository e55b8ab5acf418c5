package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/millrace-go/millrace/sdk"
)

// serve serves pprof, metrics, status and plan of job at addr, until the returned function is called.
func serve(addr string, job sdk.Job, log *slog.Logger) (stop func(), err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(&collector{job})
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(job.Status())
	})
	mux.HandleFunc("/plan", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, job.Status().Plan)
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, `<a href="/status">status</a> <a href="/plan">plan</a> <a href="/metrics">metrics</a> <a href="/debug/pprof/">pprof</a>`)
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Warn("serving status", "error", err)
		}
	}()
	log.Info("serving status", "url", "http://"+l.Addr().String())
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
	}, nil
}

// collector gives a job's status to Prometheus.
type collector struct{ job sdk.Job }

var (
	elementsIn  = prometheus.NewDesc("millrace_elements_in_total", "Elements that a transform has been given.", []string{"job", "transform"}, nil)
	elementsOut = prometheus.NewDesc("millrace_elements_out_total", "Elements that a transform has emitted.", []string{"job", "transform"}, nil)
	bytesRead   = prometheus.NewDesc("millrace_bytes_read_total", "Bytes that a source has read.", []string{"job", "transform"}, nil)
	heldBytes   = prometheus.NewDesc("millrace_budget_held_bytes", "Bytes held under the budget.", []string{"job"}, nil)
	limitBytes  = prometheus.NewDesc("millrace_budget_limit_bytes", "The budget; 0 is none.", []string{"job"}, nil)
	spillBytes  = prometheus.NewDesc("millrace_spilled_bytes_total", "Bytes written to spill files.", []string{"job"}, nil)
	stageState  = prometheus.NewDesc("millrace_stage_state", "1 for the state that a stage is in.", []string{"job", "stage", "state"}, nil)
	userMetric  = prometheus.NewDesc("millrace_user_metric", "A metric of user code: a counter's sum, a gauge's value, a distribution's sum.", []string{"job", "transform", "name", "kind"}, nil)
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{elementsIn, elementsOut, bytesRead, heldBytes, limitBytes, spillBytes, stageState, userMetric} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	st := c.job.Status()
	put := func(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, t, v, append([]string{st.JobID}, labels...)...)
	}
	for _, s := range st.Steps {
		put(elementsIn, prometheus.CounterValue, float64(s.In), s.Transform)
		put(elementsOut, prometheus.CounterValue, float64(s.Out), s.Transform)
		if s.Bytes > 0 {
			put(bytesRead, prometheus.CounterValue, float64(s.Bytes), s.Transform)
		}
	}
	put(heldBytes, prometheus.GaugeValue, float64(st.Held))
	put(limitBytes, prometheus.GaugeValue, float64(st.Budget))
	put(spillBytes, prometheus.CounterValue, float64(st.Spilled))
	for _, s := range st.Stages {
		put(stageState, prometheus.GaugeValue, 1, s.Name, s.State)
	}
	for _, m := range st.Metrics {
		v := m.Value.Count
		if m.Kind == "distribution" {
			v = m.Value.Sum
		}
		put(userMetric, prometheus.UntypedValue, float64(v), m.Transform, m.Name, m.Kind)
	}
}
