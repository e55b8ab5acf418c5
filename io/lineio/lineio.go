// Package lineio reads lines from streams that nobody can rewind: connections, and the standard input.
//
// A line is what comes before "\n" or "\r\n"; nothing else of its bytes is changed or checked. Its event time is when it
// was received, by the wall clock, and the watermark is the wall clock, but not past a line that waits. When the
// pipeline is slower than the stream, at most 1 MiB waits in memory, and then whoever sends does.
//
// A line is given once. What has been received and not yet processed when the process ends is lost, as no stream can be
// read again: where that matters, put a log between. A drain processes what has been received.
package lineio

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/millrace-go/millrace/sdk"
)

// DefaultMaxLine is the longest line that is taken by default, in bytes without its end.
const DefaultMaxLine = 1 << 20

// ErrLineTooLong is wrapped by the error of a line that is longer than [MaxLine].
var ErrLineTooLong = errors.New("line too long")

// Line is a line and where it comes from.
type Line struct {
	From string // the peer's address, or the name of the stream
	Text string
}

// Option is an option of the sources of this package.
type Option func(*options)

type options struct {
	maxLine  int
	skipLong bool
	// of Listen
	maxConns int
	onListen func(net.Addr)
	// of Dial
	first, most time.Duration
	attempts    int
	endAtEOF    bool
}

func parse(opts []Option) *options {
	o := &options{maxLine: DefaultMaxLine, maxConns: 256, first: 100 * time.Millisecond, most: 10 * time.Second}
	for _, f := range opts {
		f(o)
	}
	return o
}

// MaxLine sets the longest line, in bytes without its end; a longer one fails the job with [ErrLineTooLong], naming the
// stream and the line. By default it is [DefaultMaxLine].
func MaxLine(bytes int) Option { return func(o *options) { o.maxLine = bytes } }

// SkipLong leaves lines out that are longer than [MaxLine]. They are counted, in the source's counter "Skipped".
func SkipLong() Option { return func(o *options) { o.skipLong = true } }

// MaxConns sets how many connections [Listen] reads at once; others wait. By default it is 256.
func MaxConns(n int) Option { return func(o *options) { o.maxConns = n } }

// OnListen has f called with the address on which [Listen] listens, when it does: for one that was asked to choose a
// free port.
func OnListen(f func(net.Addr)) Option { return func(o *options) { o.onListen = f } }

// Backoff sets how long [Dial] waits before it connects again: first, after a connection that gave something, and twice
// as long after each attempt that did not, but not longer than most. By default that is 100 ms, and 10 s.
func Backoff(first, most time.Duration) Option {
	return func(o *options) { o.first, o.most = first, most }
}

// Attempts makes [Dial] fail the job after n attempts in a row that gave nothing: no connection, or one without a byte.
// By default, and with 0, it goes on trying.
func Attempts(n int) Option { return func(o *options) { o.attempts = n } }

// EndAtEOF makes the source of [Dial] end when the peer closes the connection in good order. By default it connects
// again.
func EndAtEOF() Option { return func(o *options) { o.endAtEOF = true } }

// Stdin reads the lines of the standard input. Its end is the end of the source; a last line may lack its "\n".
//
// The standard input cannot be closed from within: after the job has been cancelled, what comes next on it is read once
// more, and lost. Two sources of it share its lines in some way.
func Stdin(p *sdk.Pipeline, opts ...Option) sdk.PCollection[string] {
	return read(p, "lineio.Stdin", "the standard input", func(context.Context) (io.ReadCloser, error) { return io.NopCloser(os.Stdin), nil }, opts)
}

// Read reads the lines of a stream: what open returns, which it is asked for once, when the job starts, with a context
// that ends with the job; an open that does not heed it keeps the job from being drained or cancelled. The stream is closed at the end of the job, which should make a Read of it return. Its end is the
// end of the source; a last line may lack its "\n". Any other error of it fails the job, once the lines before it have
// been processed. name says in errors what it is.
func Read(p *sdk.Pipeline, name string, open func(context.Context) (io.ReadCloser, error), opts ...Option) sdk.PCollection[string] {
	return read(p, "lineio.Read", name, open, opts)
}

func read(p *sdk.Pipeline, scope, name string, open func(context.Context) (io.ReadCloser, error), opts []Option) sdk.PCollection[string] {
	o := parse(opts)
	return text(source(p, scope, name, o, func(s *session) error {
		r, err := open(s.ctx)
		if err != nil {
			return err
		}
		s.own(r)
		go s.readToEnd(r, name)
		return nil
	}))
}

// Listen listens on a TCP address, such as "localhost:9000" or ":0", and reads the lines of all connections. The lines
// of one connection stay in their order. A connection that breaks is logged, and what there is of a last line is left
// out; where the peer closes it in good order, a last line may lack its "\n". The source does not end.
//
// In a job of several processes each that runs the source listens.
func Listen(p *sdk.Pipeline, address string, opts ...Option) sdk.PCollection[string] {
	return text(listen(p, "lineio.Listen", address, opts))
}

// ListenLines is [Listen] with the peer's address of each line.
func ListenLines(p *sdk.Pipeline, address string, opts ...Option) sdk.PCollection[Line] {
	return listen(p, "lineio.ListenLines", address, opts)
}

func listen(p *sdk.Pipeline, scope, address string, opts []Option) sdk.PCollection[Line] {
	o := parse(opts)
	return source(p, scope, address, o, func(s *session) error {
		var c net.ListenConfig
		l, err := c.Listen(s.ctx, "tcp", address)
		if err != nil {
			return err
		}
		s.own(l)
		if o.onListen != nil {
			o.onListen(l.Addr())
		}
		go s.accept(l)
		return nil
	})
}

// Dial connects to a TCP address and reads the lines that it is sent. When the connection breaks or is closed it
// connects again: see [Backoff], [Attempts] and [EndAtEOF]. What there is of a last line is left out if the connection
// breaks, and is a line if the peer closes it in good order. Whether a peer sends something twice, or leaves something
// out, when it is connected to again, is the peer's to say.
func Dial(p *sdk.Pipeline, address string, opts ...Option) sdk.PCollection[string] {
	o := parse(opts)
	return text(source(p, "lineio.Dial", address, o, func(s *session) error {
		go s.dial(address)
		return nil
	}))
}

func text(lines sdk.PCollection[Line]) sdk.PCollection[string] {
	return sdk.Map(lines, func(l Line) string { return l.Text })
}
