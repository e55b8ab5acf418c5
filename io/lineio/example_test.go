package lineio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/millrace-go/millrace/io/lineio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// The lines of a stream, until its end.
func ExampleRead() {
	open := func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("to be\nor not\n")), nil
	}
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		sdk.Map(lineio.Read(p, "a quote", open), func(l string) bool { fmt.Println(l); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// to be
	// or not
}

// What peers send, until the job is cancelled: here, after the first line.
func ExampleListen() {
	send := func(at net.Addr) {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			return
		}
		_, _ = fmt.Fprintln(c, "hello")
		_ = c.Close()
	}
	got := make(chan string)
	g, err := sdk.Build(func(p *sdk.Pipeline) error {
		lines := lineio.Listen(p, "localhost:0", lineio.OnListen(func(at net.Addr) { go send(at) }))
		sdk.Map(lines, func(l string) bool { got <- l; return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := (&direct.Runner{}).Start(context.Background(), g)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-got)
	job.Cancel(errors.New("one line is enough"))
	fmt.Println(job.Wait())
	// Output:
	// hello
	// one line is enough
}
