package lineio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// sessions are what the running jobs of a source have open, by job. A source's DoFn has a pointer to it, so that its
// instances, one for each worker, read from one stream.
type sessions struct {
	mu sync.Mutex
	of map[string]*session
}

// session is what one job has open.
type session struct {
	ctx    context.Context // ends with the job
	cancel context.CancelFunc
	log    *slog.Logger
	o      *options
	q      *queue

	mu     sync.Mutex
	closed bool
	owned  map[io.Closer]bool
}

// get returns the session of a job, which it opens if there is none.
func (x *sessions) get(ctx context.Context, job string, log *slog.Logger, o *options, open func(*session) error) (*session, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.of[job]; s != nil {
		return s, nil
	}
	s := &session{log: log, o: o, q: newQueue(), owned: map[io.Closer]bool{}}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := open(s); err != nil {
		s.close()
		return nil, err
	}
	context.AfterFunc(s.ctx, s.close)
	if x.of == nil {
		x.of = map[string]*session{}
	}
	x.of[job] = s
	return s, nil
}

// end closes the session of a job.
func (x *sessions) end(job string) {
	x.mu.Lock()
	s := x.of[job]
	delete(x.of, job)
	x.mu.Unlock()
	if s != nil {
		s.close()
	}
}

// own has c closed with the session.
func (s *session) own(c io.Closer) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.owned[c] = true
	}
	s.mu.Unlock()
	if closed {
		_ = c.Close()
	}
}

// disown closes c now.
func (s *session) disown(c io.Closer) {
	s.mu.Lock()
	delete(s.owned, c)
	s.mu.Unlock()
	_ = c.Close()
}

// close stops all reading. Lines that have been received stay.
func (s *session) close() {
	s.cancel()
	s.q.stop()
	s.mu.Lock()
	owned := s.owned
	s.closed, s.owned = true, nil
	s.mu.Unlock()
	for c := range owned {
		_ = c.Close()
	}
}

func (s *session) reader(from string) *reader {
	return &reader{q: s.q, from: from, max: s.o.maxLine, skipLong: s.o.skipLong}
}

// readToEnd reads a stream whose end is the source's.
func (s *session) readToEnd(src io.ReadCloser, name string) {
	r := s.reader(name)
	err := r.read(src)
	s.disown(src)
	switch {
	case err == nil || errors.Is(err, ErrLineTooLong):
	case s.ctx.Err() != nil:
		err = nil // it was closed by us
	default:
		err = fmt.Errorf("lineio: reading %s after %d lines: %w", name, r.line, err)
	}
	s.q.end(err)
}

// accept serves the connections of a listener.
func (s *session) accept(l net.Listener) {
	slots := make(chan struct{}, s.o.maxConns)
	wait := time.Duration(0)
	for {
		select {
		case slots <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		conn, err := l.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			// As when there are too many open files: it passes.
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.log.Warn("accepting a connection", "address", l.Addr(), "error", err, "again in", wait)
			s.sleep(wait)
			<-slots
			continue
		}
		wait = 0
		s.own(conn)
		go func() {
			s.serve(conn)
			<-slots
		}()
	}
}

// serve reads a connection. One that fails is not the job's failure, but for what MaxLine says.
func (s *session) serve(conn net.Conn) {
	r := s.reader(conn.RemoteAddr().String())
	err := r.read(conn)
	s.disown(conn)
	switch {
	case errors.Is(err, ErrLineTooLong):
		s.q.end(err)
		s.close()
	case err != nil && s.ctx.Err() == nil:
		s.log.Warn("a connection broke", "from", r.from, "lines", r.line, "bytes of a line left out", len(r.buf), "error", err)
	}
}

// dial reads one connection after the other.
func (s *session) dial(address string) {
	var d net.Dialer
	wait := s.o.first
	for failed := 0; ; {
		conn, err := d.DialContext(s.ctx, "tcp", address)
		got := false
		if err == nil {
			s.own(conn)
			r := s.reader(address)
			err = r.read(conn)
			s.disown(conn)
			got = r.any
			switch {
			case errors.Is(err, ErrLineTooLong):
				s.q.end(err)
				return
			case err == nil && s.o.endAtEOF:
				s.q.end(nil)
				return
			case err == nil:
				err = errClosed
			default:
				err = fmt.Errorf("%w (%d bytes of a line are left out)", err, len(r.buf))
			}
		}
		if s.ctx.Err() != nil {
			return
		}
		if failed++; got {
			failed, wait = 0, s.o.first
		}
		if s.o.attempts > 0 && failed >= s.o.attempts {
			s.q.end(fmt.Errorf("lineio: connecting to %s: nothing came in %d attempts, the last error: %w", address, failed, err))
			return
		}
		s.log.Warn("connecting again", "to", address, "in", wait, "error", err)
		s.sleep(wait)
		wait = min(2*wait, s.o.most)
	}
}

var errClosed = errors.New("the peer has closed the connection")

// sleep waits, or until the job ends.
func (s *session) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}
