package keyed

import (
	"fmt"
	"strings"

	"github.com/millrace-go/millrace/sdk/exec"
)

// losses counts the rows that are dropped because their window has expired, or its trigger has finished, and shows some of
// them: the first of a task, and then the tenth, the hundredth and so on.
type losses struct {
	of      *exec.Step // whose rows they are, or nil
	dropped int64
	shown   int64 // how many had been dropped when one was shown
}

// lose counts n dropped elements. show says that one of them is to be given to tell.
func (l *losses) lose(n int64) (show bool) {
	l.dropped += n
	if l.of == nil || l.of.Host.Log == nil || l.shown > 0 && l.dropped/10 < l.shown {
		return false
	}
	l.shown = l.dropped
	return true
}

// tell shows a row that is dropped of a batch with meta m; v is the row, or a part of it.
func (c *core) tell(m *exec.Meta, l lateRow, v any) {
	const most = 200 // bytes
	text := fmt.Sprintf("%+v", v)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	c.of.Host.Log.Warn("an element has come too late and is dropped: its window has expired, or its trigger has finished",
		"transform", c.of.Path, "at", c.of.At, "element", text, "time", m.Time(int(l.row)).String(),
		"window", l.w.String(), "watermark", c.clock.Watermark.String(), "dropped_by_this_task", c.dropped)
}
