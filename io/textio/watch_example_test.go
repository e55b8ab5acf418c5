package textio_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/stats"
)

// Errors per minute in log files that are still being written; here, until nothing has come for 50 ms.
func ExampleWatch() {
	dir, err := os.MkdirTemp("", "watch")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	log := "2024-05-01T10:00:07Z error disk\n  at sector 7\n2024-05-01T10:00:31Z ok\n2024-05-01T10:01:02Z error net\n"
	if err := os.WriteFile(filepath.Join(dir, "app.log"), []byte(log), 0o666); err != nil {
		fmt.Println(err)
		return
	}
	stamp := func(line string) (sdk.Time, bool) {
		text, _, _ := strings.Cut(line, " ")
		t, err := time.Parse(time.RFC3339, text)
		return mtime.FromTime(t), err == nil
	}
	_, err = sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		lines := textio.Watch(p, filepath.ToSlash(dir)+"/*.log*", textio.LineTime(stamp, 10*time.Second), textio.Poll(10*time.Millisecond), textio.UntilQuiet(50*time.Millisecond))
		bad := sdk.Filter(lines, func(l string) bool { return strings.Contains(l, " error ") })
		perMinute := stats.CountPerKey(sdk.WithKeys(sdk.WindowInto(bad, window.Fixed(time.Minute)), func(string) string { return "errors" }))
		sdk.Map(sdk.Reify(perMinute), func(e sdk.Element[sdk.KV[string, int64]]) bool {
			fmt.Println(e.Windows[0].Start.Time().Format("15:04"), e.Value.Value)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// 10:00 1
	// 10:01 1
}
