package launch

import (
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/sdk"
)

var (
	jobState     = family{"millrace_job_state", gauge, "1 for the state that the job is in.", []string{"job", "state"}}
	jobElapsed   = family{"millrace_job_elapsed_seconds", gauge, "How long the job has run.", []string{"job"}}
	elementsIn   = family{"millrace_elements_in_total", counter, "Elements that a transform has been given.", []string{"job", "transform"}}
	elementsOut  = family{"millrace_elements_out_total", counter, "Elements that a transform has emitted.", []string{"job", "transform"}}
	bytesRead    = family{"millrace_bytes_read_total", counter, "Bytes that a source has read.", []string{"job", "transform"}}
	stageState   = family{"millrace_stage_state", gauge, "1 for the state that a stage is in.", []string{"job", "stage", "state"}}
	stageDone    = family{"millrace_stage_pieces_done", gauge, "Pieces of work that a stage has done.", []string{"job", "stage"}}
	stageLeft    = family{"millrace_stage_pieces_remaining", gauge, "Pieces of work that a stage is known to have left.", []string{"job", "stage"}}
	stageMark    = family{"millrace_stage_watermark_seconds", gauge, "The watermark of a stage's output, in seconds since the epoch.", []string{"job", "stage"}}
	stageLag     = family{"millrace_stage_watermark_lag_seconds", gauge, "How far the watermark is behind the clock.", []string{"job", "stage"}}
	stageBusy    = family{"millrace_stage_busy_ratio", gauge, "The share of time in which a stage's tasks have worked.", []string{"job", "stage"}}
	stageBlocked = family{"millrace_stage_blocked_ratio", gauge, "The share of time in which a stage's tasks had no room for output.", []string{"job", "stage"}}
	stageSlots   = family{"millrace_stage_state_slots", gauge, "Pairs of key and window that have state.", []string{"job", "stage"}}
	stageBytes   = family{"millrace_stage_state_bytes", gauge, "An estimate of the memory of the state.", []string{"job", "stage"}}
	stageDropped = family{"millrace_stage_droppable_total", counter, "Elements that were dropped because they came too late.", []string{"job", "stage"}}
	splitLag     = family{"millrace_split_lag_seconds", gauge, "How far a split's watermark is behind the clock; of a stage's 64 splits that are furthest behind.", []string{"job", "stage", "split"}}
	splitRows    = family{"millrace_split_elements_total", counter, "Elements that a split has given; of a stage's 64 splits that are furthest behind.", []string{"job", "stage", "split"}}
	budgetLimit  = family{"millrace_budget_limit_bytes", gauge, "The budget; 0: none.", []string{"job"}}
	budgetHeld   = family{"millrace_budget_held_bytes", gauge, "Bytes charged to the budget.", []string{"job"}}
	budgetPeak   = family{"millrace_budget_held_peak_bytes", gauge, "The most bytes that were charged to the budget.", []string{"job"}}
	spillWritten = family{"millrace_spill_written_bytes_total", counter, "Bytes written to spill files.", []string{"job"}}
	spillRead    = family{"millrace_spill_read_bytes_total", counter, "Bytes read back from spill files.", []string{"job"}}
	userCounter  = family{"millrace_user_counter_total", counter, "A counter of user code.", []string{"job", "transform", "name"}}
	userGauge    = family{"millrace_user_gauge", gauge, "A gauge of user code.", []string{"job", "transform", "name"}}
	userDist     = family{"millrace_user_distribution", summary, "A distribution of user code: count and sum.", []string{"job", "transform", "name"}}
	userDistMin  = family{"millrace_user_distribution_min", gauge, "The least value of a distribution of user code.", []string{"job", "transform", "name"}}
	userDistMax  = family{"millrace_user_distribution_max", gauge, "The greatest value of a distribution of user code.", []string{"job", "transform", "name"}}
)

// collect gives a job's status, as it is now.
func (e *exposition) collect(job sdk.Job) {
	st := job.Status()
	labels := func(ls []string) []string {
		all := []string{st.JobID}
		for _, l := range ls {
			all = append(all, strings.ToValidUTF8(l, "\uFFFD")) // names are the user's; Prometheus refuses others
		}
		return all
	}
	put := func(f family, v float64, ls ...string) { e.put(f, "", v, labels(ls)) }
	put(jobState, 1, st.State)
	put(jobElapsed, st.Elapsed.Seconds())
	for _, s := range st.Steps {
		put(elementsIn, float64(s.In), s.Transform)
		put(elementsOut, float64(s.Out), s.Transform)
		if s.Bytes > 0 {
			put(bytesRead, float64(s.Bytes), s.Transform)
		}
	}
	for _, s := range st.Stages {
		put(stageState, 1, s.Name, s.State)
		put(stageDone, float64(s.Done), s.Name)
		put(stageLeft, float64(s.Remaining), s.Name)
		if x := s.Streaming; x != nil {
			put(stageMark, float64(x.Watermark)/1000, s.Name)
			put(stageLag, x.Lag.Seconds(), s.Name)
			put(stageBusy, x.Busy, s.Name)
			put(stageBlocked, x.Blocked, s.Name)
			put(stageSlots, float64(x.Slots), s.Name)
			put(stageBytes, float64(x.StateBytes), s.Name)
			put(stageDropped, float64(x.Droppable), s.Name)
			for _, p := range x.Splits {
				number := strconv.FormatInt(p.Number, 10)
				if p.Lag != 0 {
					put(splitLag, p.Lag.Seconds(), s.Name, number)
				}
				put(splitRows, float64(p.Elements), s.Name, number)
			}
		}
	}
	put(budgetLimit, float64(st.Budget))
	put(budgetHeld, float64(st.Held))
	put(budgetPeak, float64(st.PeakHeld))
	put(spillWritten, float64(st.Spilled))
	put(spillRead, float64(st.Unspilled))
	for _, m := range st.Metrics {
		switch m.Kind {
		case "distribution":
			e.put(userDist, "_sum", float64(m.Value.Sum), labels([]string{m.Transform, m.Name}))
			e.put(userDist, "_count", float64(m.Value.Count), labels([]string{m.Transform, m.Name}))
			if m.Value.Count > 0 {
				put(userDistMin, float64(m.Value.Min), m.Transform, m.Name)
				put(userDistMax, float64(m.Value.Max), m.Transform, m.Name)
			}
		case "gauge":
			put(userGauge, float64(m.Value.Count), m.Transform, m.Name)
		default:
			put(userCounter, float64(m.Value.Count), m.Transform, m.Name)
		}
	}
}
