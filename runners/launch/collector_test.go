package launch

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
)

type still struct {
	sdk.Job
	st sdk.Status
}

func (s still) Status() sdk.Status { return s.st }

func TestCollector(t *testing.T) {
	job := still{st: sdk.Status{
		JobID: "j1", State: "running", Elapsed: 1500 * time.Millisecond, Budget: 100, Held: 5, PeakHeld: 50, Spilled: 1, Unspilled: 2,
		Steps:  []sdk.StepStatus{{Transform: "Read\xff", In: 1, Out: 2, Bytes: 3}, {Transform: "Map", In: 2, Out: 2}},
		Stages: []sdk.StageStatus{{Name: "Read", State: "done", Done: 4}, {Name: "Map", State: "waiting", Remaining: 6}},
		Metrics: []sdk.Metric{
			{Transform: "Map", Name: "Bad", Kind: "counter", Value: exec.Value{Count: 7}},
			{Transform: "Map", Name: "Now", Kind: "gauge", Value: exec.Value{Count: -8}},
			{Transform: "Map", Name: "Len", Kind: "distribution", Value: exec.Value{Count: 2, Sum: 9, Min: 4, Max: 5}},
			{Transform: "Map", Name: "None", Kind: "distribution"},
		},
	}}
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(&collector{job}); err != nil {
		t.Fatal(err)
	}
	const want = `
# HELP millrace_budget_held_bytes Bytes charged to the budget.
# TYPE millrace_budget_held_bytes gauge
millrace_budget_held_bytes{job="j1"} 5
# HELP millrace_budget_held_peak_bytes The most bytes that were charged to the budget.
# TYPE millrace_budget_held_peak_bytes gauge
millrace_budget_held_peak_bytes{job="j1"} 50
# HELP millrace_budget_limit_bytes The budget; 0: none.
# TYPE millrace_budget_limit_bytes gauge
millrace_budget_limit_bytes{job="j1"} 100
# HELP millrace_bytes_read_total Bytes that a source has read.
# TYPE millrace_bytes_read_total counter
millrace_bytes_read_total{job="j1",transform="Read` + "\uFFFD" + `"} 3
# HELP millrace_elements_in_total Elements that a transform has been given.
# TYPE millrace_elements_in_total counter
millrace_elements_in_total{job="j1",transform="Map"} 2
millrace_elements_in_total{job="j1",transform="Read` + "\uFFFD" + `"} 1
# HELP millrace_elements_out_total Elements that a transform has emitted.
# TYPE millrace_elements_out_total counter
millrace_elements_out_total{job="j1",transform="Map"} 2
millrace_elements_out_total{job="j1",transform="Read` + "\uFFFD" + `"} 2
# HELP millrace_job_elapsed_seconds How long the job has run.
# TYPE millrace_job_elapsed_seconds gauge
millrace_job_elapsed_seconds{job="j1"} 1.5
# HELP millrace_job_state 1 for the state that the job is in.
# TYPE millrace_job_state gauge
millrace_job_state{job="j1",state="running"} 1
# HELP millrace_spill_read_bytes_total Bytes read back from spill files.
# TYPE millrace_spill_read_bytes_total counter
millrace_spill_read_bytes_total{job="j1"} 2
# HELP millrace_spill_written_bytes_total Bytes written to spill files.
# TYPE millrace_spill_written_bytes_total counter
millrace_spill_written_bytes_total{job="j1"} 1
# HELP millrace_stage_pieces_done Pieces of work that a stage has done.
# TYPE millrace_stage_pieces_done gauge
millrace_stage_pieces_done{job="j1",stage="Map"} 0
millrace_stage_pieces_done{job="j1",stage="Read"} 4
# HELP millrace_stage_pieces_remaining Pieces of work that a stage is known to have left.
# TYPE millrace_stage_pieces_remaining gauge
millrace_stage_pieces_remaining{job="j1",stage="Map"} 6
millrace_stage_pieces_remaining{job="j1",stage="Read"} 0
# HELP millrace_stage_state 1 for the state that a stage is in.
# TYPE millrace_stage_state gauge
millrace_stage_state{job="j1",stage="Map",state="waiting"} 1
millrace_stage_state{job="j1",stage="Read",state="done"} 1
# HELP millrace_user_counter_total A counter of user code.
# TYPE millrace_user_counter_total counter
millrace_user_counter_total{job="j1",name="Bad",transform="Map"} 7
# HELP millrace_user_distribution A distribution of user code: count and sum.
# TYPE millrace_user_distribution summary
millrace_user_distribution_sum{job="j1",name="Len",transform="Map"} 9
millrace_user_distribution_count{job="j1",name="Len",transform="Map"} 2
millrace_user_distribution_sum{job="j1",name="None",transform="Map"} 0
millrace_user_distribution_count{job="j1",name="None",transform="Map"} 0
# HELP millrace_user_distribution_max The greatest value of a distribution of user code.
# TYPE millrace_user_distribution_max gauge
millrace_user_distribution_max{job="j1",name="Len",transform="Map"} 5
# HELP millrace_user_distribution_min The least value of a distribution of user code.
# TYPE millrace_user_distribution_min gauge
millrace_user_distribution_min{job="j1",name="Len",transform="Map"} 4
# HELP millrace_user_gauge A gauge of user code.
# TYPE millrace_user_gauge gauge
millrace_user_gauge{job="j1",name="Now",transform="Map"} -8
`
	rec := httptest.NewRecorder()
	exposition(rec, reg)
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), rec.Body.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestCollectorOfAStream: what stages and splits of a stream say.
func TestCollectorOfAStream(t *testing.T) {
	job := still{st: sdk.Status{JobID: "j1", Stages: []sdk.StageStatus{{Name: "Create", State: "done"}, {
		Name: "Sum", State: "running", Streaming: &sdk.StreamStatus{
			Watermark: 5500, Lag: 3 * time.Second, Busy: 0.25, Blocked: 0.5, Slots: 11, StateBytes: 12, Droppable: 13, Late: 14, Unfired: 15,
			Splits: []sdk.SplitStatus{{Number: 3, Lag: 4 * time.Second, Elements: 16, Bytes: 18, Busy: 2500 * time.Millisecond}, {Number: 4, Elements: 17}},
		},
	}}}}
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(&collector{job}); err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	exposition(rec, reg)
	for _, want := range []string{
		`stage_watermark_seconds{job="j1",stage="Sum"} 5.5`, `stage_watermark_lag_seconds{job="j1",stage="Sum"} 3`,
		`stage_busy_ratio{job="j1",stage="Sum"} 0.25`, `stage_blocked_ratio{job="j1",stage="Sum"} 0.5`,
		`stage_state_slots{job="j1",stage="Sum"} 11`, `stage_state_bytes{job="j1",stage="Sum"} 12`,
		`stage_droppable_total{job="j1",stage="Sum"} 13`, `stage_late_total{job="j1",stage="Sum"} 14`,
		`stage_unfired_timers_total{job="j1",stage="Sum"} 15`, `split_lag_seconds{job="j1",split="3",stage="Sum"} 4`,
		`split_elements_total{job="j1",split="3",stage="Sum"} 16`, `split_elements_total{job="j1",split="4",stage="Sum"} 17`,
		`split_read_bytes_total{job="j1",split="3",stage="Sum"} 18`, `split_busy_seconds_total{job="j1",split="3",stage="Sum"} 2.5`,
	} {
		if !strings.Contains(rec.Body.String(), "\nmillrace_"+want+"\n") {
			t.Errorf("there is no %s in\n%s", want, rec.Body)
		}
	}
}
