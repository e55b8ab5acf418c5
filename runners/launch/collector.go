package launch

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace-go/millrace/sdk"
)

// collector gives a job's status to Prometheus, as it is at each scrape.
type collector struct{ job sdk.Job }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("millrace_"+name, help, append([]string{"job"}, labels...), nil)
}

var (
	jobState     = desc("job_state", "1 for the state that the job is in.", "state")
	jobElapsed   = desc("job_elapsed_seconds", "How long the job has run.")
	elementsIn   = desc("elements_in_total", "Elements that a transform has been given.", "transform")
	elementsOut  = desc("elements_out_total", "Elements that a transform has emitted.", "transform")
	bytesRead    = desc("bytes_read_total", "Bytes that a source has read.", "transform")
	stageState   = desc("stage_state", "1 for the state that a stage is in.", "stage", "state")
	stageDone    = desc("stage_pieces_done", "Pieces of work that a stage has done.", "stage")
	stageLeft    = desc("stage_pieces_remaining", "Pieces of work that a stage is known to have left.", "stage")
	stageMark    = desc("stage_watermark_seconds", "The watermark of a stage's output, in seconds since the epoch.", "stage")
	stageLag     = desc("stage_watermark_lag_seconds", "How far the watermark is behind the clock.", "stage")
	stageBusy    = desc("stage_busy_ratio", "The share of time in which a stage's tasks have worked.", "stage")
	stageBlocked = desc("stage_blocked_ratio", "The share of time in which a stage's tasks had no room for output.", "stage")
	stageSlots   = desc("stage_state_slots", "Pairs of key and window that have state.", "stage")
	stageBytes   = desc("stage_state_bytes", "An estimate of the memory of the state.", "stage")
	stageDropped = desc("stage_droppable_total", "Elements that were dropped because they came too late.", "stage")
	stageLate    = desc("stage_late_total", "Elements in panes that were late, and those that a stateful DoFn took after the end of their window.", "stage")
	stageUnfired = desc("stage_unfired_timers_total", "Timers that did not fire and will not: their window has expired, or the job is being drained.", "stage")
	splitLag     = desc("split_lag_seconds", "How far a split's watermark is behind the clock; of a stage's 64 splits that are furthest behind.", "stage", "split")
	splitRows    = desc("split_elements_total", "Elements that a split has given; of a stage's 64 splits that are furthest behind.", "stage", "split")
	splitBytes   = desc("split_read_bytes_total", "Bytes that a split has read; of a stage's 64 splits that are furthest behind.", "stage", "split")
	splitBusy    = desc("split_busy_seconds_total", "How long a split has been read; of a stage's 64 splits that are furthest behind.", "stage", "split")
	budgetLimit  = desc("budget_limit_bytes", "The budget; 0: none.")
	budgetHeld   = desc("budget_held_bytes", "Bytes charged to the budget.")
	budgetPeak   = desc("budget_held_peak_bytes", "The most bytes that were charged to the budget.")
	spillWritten = desc("spill_written_bytes_total", "Bytes written to spill files.")
	spillRead    = desc("spill_read_bytes_total", "Bytes read back from spill files.")
	userCounter  = desc("user_counter_total", "A counter of user code.", "transform", "name")
	userGauge    = desc("user_gauge", "A gauge of user code.", "transform", "name")
	userDist     = desc("user_distribution", "A distribution of user code: count and sum.", "transform", "name")
	userDistMin  = desc("user_distribution_min", "The least value of a distribution of user code.", "transform", "name")
	userDistMax  = desc("user_distribution_max", "The greatest value of a distribution of user code.", "transform", "name")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		jobState, jobElapsed, elementsIn, elementsOut, bytesRead, stageState, stageDone, stageLeft,
		stageMark, stageLag, stageBusy, stageBlocked, stageSlots, stageBytes, stageDropped, stageLate, stageUnfired, splitLag, splitRows, splitBytes, splitBusy, budgetLimit, budgetHeld, budgetPeak,
		spillWritten, spillRead, userCounter, userGauge, userDist, userDistMin, userDistMax,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	st := c.job.Status()
	labels := func(ls []string) []string {
		all := []string{st.JobID}
		for _, l := range ls {
			all = append(all, strings.ToValidUTF8(l, "\uFFFD")) // names are the user's; Prometheus refuses others
		}
		return all
	}
	put := func(d *prometheus.Desc, t prometheus.ValueType, v float64, ls ...string) {
		m, err := prometheus.NewConstMetric(d, t, v, labels(ls)...)
		if err != nil {
			m = prometheus.NewInvalidMetric(d, err)
		}
		ch <- m
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	put(jobState, gauge, 1, st.State)
	put(jobElapsed, gauge, st.Elapsed.Seconds())
	for _, s := range st.Steps {
		put(elementsIn, counter, float64(s.In), s.Transform)
		put(elementsOut, counter, float64(s.Out), s.Transform)
		if s.Bytes > 0 {
			put(bytesRead, counter, float64(s.Bytes), s.Transform)
		}
	}
	for _, s := range st.Stages {
		put(stageState, gauge, 1, s.Name, s.State)
		put(stageDone, gauge, float64(s.Done), s.Name)
		put(stageLeft, gauge, float64(s.Remaining), s.Name)
		if x := s.Streaming; x != nil {
			put(stageMark, gauge, float64(x.Watermark)/1000, s.Name)
			put(stageLag, gauge, x.Lag.Seconds(), s.Name)
			put(stageBusy, gauge, x.Busy, s.Name)
			put(stageBlocked, gauge, x.Blocked, s.Name)
			put(stageSlots, gauge, float64(x.Slots), s.Name)
			put(stageBytes, gauge, float64(x.StateBytes), s.Name)
			put(stageDropped, counter, float64(x.Droppable), s.Name)
			put(stageLate, counter, float64(x.Late), s.Name)
			put(stageUnfired, counter, float64(x.Unfired), s.Name)
			for _, p := range x.Splits {
				number := strconv.FormatInt(p.Number, 10)
				if p.Lag != 0 {
					put(splitLag, gauge, p.Lag.Seconds(), s.Name, number)
				}
				put(splitRows, counter, float64(p.Elements), s.Name, number)
				put(splitBytes, counter, float64(p.Bytes), s.Name, number)
				put(splitBusy, counter, p.Busy.Seconds(), s.Name, number)
			}
		}
	}
	put(budgetLimit, gauge, float64(st.Budget))
	put(budgetHeld, gauge, float64(st.Held))
	put(budgetPeak, gauge, float64(st.PeakHeld))
	put(spillWritten, counter, float64(st.Spilled))
	put(spillRead, counter, float64(st.Unspilled))
	for _, m := range st.Metrics {
		switch m.Kind {
		case "distribution":
			s, err := prometheus.NewConstSummary(userDist, uint64(m.Value.Count), float64(m.Value.Sum), nil, labels([]string{m.Transform, m.Name})...)
			if err != nil {
				s = prometheus.NewInvalidMetric(userDist, err)
			}
			ch <- s
			if m.Value.Count > 0 {
				put(userDistMin, gauge, float64(m.Value.Min), m.Transform, m.Name)
				put(userDistMax, gauge, float64(m.Value.Max), m.Transform, m.Name)
			}
		case "gauge":
			put(userGauge, gauge, float64(m.Value.Count), m.Transform, m.Name)
		default:
			put(userCounter, counter, float64(m.Value.Count), m.Transform, m.Name)
		}
	}
}
