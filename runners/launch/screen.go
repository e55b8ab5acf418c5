package launch

import (
	"bytes"
	"io"
	"os"
	"sync"
)

// screen is standard error: on a terminal, with a line at its bottom that is rewritten in place, below what
// else is written. Safe for concurrent use.
type screen struct {
	terminal bool

	mu   sync.Mutex
	w    io.Writer
	line string
}

const eraseLine = "\r\x1b[K"

func newScreen(w io.Writer, getenv func(string) (string, bool)) *screen {
	term, _ := getenv("TERM")
	return &screen{w: w, terminal: isTerminal(w) && term != "dumb"}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// Write writes above the line.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line == "" {
		return s.w.Write(p)
	}
	// In one write, so that what other processes write cannot come between.
	text := append([]byte(eraseLine), p...)
	if !bytes.HasSuffix(p, []byte("\n")) {
		text = append(text, '\n')
	}
	if _, err := s.w.Write(append(text, s.line...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// show replaces the line; empty removes it.
func (s *screen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if line == s.line {
		return
	}
	s.line = line
	_, _ = io.WriteString(s.w, eraseLine+line)
}
