package window_test

import (
	"fmt"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// The day on which the clocks go forward has 23 hours.
func ExampleDays() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	days := window.Days(1, berlin)
	w := days.AssignWindows(nil, mtime.FromTime(time.Date(2024, time.March, 31, 12, 0, 0, 0, berlin)))[0]
	fmt.Println(days, w, w.End.Sub(w.Start))
	// Output: days(1,Europe/Berlin) [2024-03-30T23:00:00.000Z, 2024-03-31T22:00:00.000Z) 23h0m0s
}

// Quarters that change on the 15th.
func ExampleCalendarFn_StartingOn() {
	quarters := window.Months(3, nil).StartingOn(2014, time.January, 15)
	fmt.Println(quarters.AssignWindows(nil, mtime.FromTime(time.Date(2024, time.April, 14, 0, 0, 0, 0, time.UTC))))
	// Output: [[2024-01-15T00:00:00.000Z, 2024-04-15T00:00:00.000Z)]
}
