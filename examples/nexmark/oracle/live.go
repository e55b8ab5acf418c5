package oracle

import (
	"fmt"
	"strconv"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// CompareLive checks the result that a run of query 12 wrote to path, whose windows are of processing time and so do
// not follow from the events: the fields, the windows' alignment and size, that no bidder has two rows of one window,
// and that a bidder's counts add up to their bids among events. It returns what is wrong, or "".
//
// An error means that the result cannot be read, as for Compare.
func CompareLive(events []event.Event, path string) (string, error) {
	files, err := Files(path)
	if err != nil {
		return "", err
	}
	counts := map[string]int64{}
	seen := map[string]bool{}
	var wrong []string
	for _, file := range files {
		err := readRows(file, func(place string, row fields) error {
			window := row.get("bidder") + " from " + row.get("windowStart")
			if problem := checkWindow(row); problem != "" {
				wrong = append(wrong, fmt.Sprintf("! %s: %s: %s", place, problem, row.line()))
			} else if seen[window] {
				wrong = append(wrong, fmt.Sprintf("! %s: a second row for the window: %s", place, row.line()))
			}
			seen[window] = true
			n, _ := strconv.ParseInt(row.get("count"), 10, 64) // checkWindow complains
			counts[row.get("bidder")] += n
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	bids := map[string]int64{}
	for _, b := range newLog(events).bids {
		bids[strconv.FormatInt(b.Bidder, 10)]++
	}
	if text := Diff(12, countLines(bids), countLines(counts)); text != "" {
		wrong = append(wrong, text)
	}
	return joinShown(wrong), nil
}

// checkWindow says what is wrong with a row of query 12.
func checkWindow(row fields) string {
	values := map[string]int64{}
	for _, name := range []string{"bidder", "count", "windowStart", "windowEnd"} {
		v, err := strconv.ParseInt(row.get(name), 10, 64)
		if err != nil {
			return name + " is no integer"
		}
		values[name] = v
	}
	switch {
	case len(row) != len(values):
		return "there are other fields"
	case values["count"] < 1:
		return "the count is not positive"
	case aligned(values["windowStart"], windowSize) != values["windowStart"]:
		return "the window is not aligned"
	case values["windowEnd"] != values["windowStart"]+windowSize:
		return "the window is not 10 s long"
	}
	return ""
}

func countLines(counts map[string]int64) []string {
	var lines []string
	for bidder, n := range counts {
		lines = append(lines, fields{{"bidder", bidder}, {"count", strconv.FormatInt(n, 10)}}.line())
	}
	return lines
}

// joinShown returns as many of the lines as are worth reading.
func joinShown(lines []string) string {
	var text string
	for i, l := range lines {
		if i == maxShown {
			return text + fmt.Sprintf("and %d more\n", len(lines)-i)
		}
		text += l + "\n"
	}
	return text
}
