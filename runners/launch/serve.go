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
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"github.com/millrace-go/millrace/sdk"
)

// server tells about a job over HTTP.
type server struct {
	l    net.Listener
	http *http.Server
	done chan struct{} // closed when nothing is served any more
}

// listen takes the address, so that it is known to be free before the job starts.
func listen(addr string) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &server{l: l}, nil
}

// serve answers for job until close.
func (s *server) serve(job sdk.Job, log *slog.Logger) {
	s.http = &http.Server{Handler: handler(job), ReadHeaderTimeout: 10 * time.Second}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		if err := s.http.Serve(s.l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Warn("serving status has ended", "error", err)
		}
	}()
	log.Info("serving status", "url", "http://"+s.l.Addr().String())
}

// close lets requests finish for a second.
func (s *server) close() {
	if s.http == nil {
		_ = s.l.Close()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // a profile that runs longer than the job
	}
	<-s.done
}

const index = `<!DOCTYPE html>
<title>millrace</title>
<ul>
<li><a href="/status">status</a>
<li><a href="/plan">plan</a>
<li><a href="/metrics">metrics</a>
<li><a href="/debug/pprof/">pprof</a>
</ul>
`

// handler answers for job, on a mux of its own: what a program adds to http.DefaultServeMux is not served here.
func handler(job sdk.Job) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(&collector{job}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) { exposition(w, reg) })
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		b, err := json.MarshalIndent(job.Status(), "", "  ")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(b, '\n'))
	})
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		job.Drain()
		_, _ = fmt.Fprintln(w, "the job is being drained")
	})
	mux.HandleFunc("GET /plan", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprint(w, job.Status().Plan)
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, index)
	})
	return mux
}

// exposition writes what is gathered as text. The library's own handler offers compression and other formats too, and is a
// tenth of a megabyte of every program.
func exposition(w http.ResponseWriter, g prometheus.Gatherer) {
	families, err := g.Gather()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	w.Header().Set("Content-Type", string(format))
	enc := expfmt.NewEncoder(w, format)
	for _, f := range families {
		if enc.Encode(f) != nil {
			return // nobody reads it any more
		}
	}
}
