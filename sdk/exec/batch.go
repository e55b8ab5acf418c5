package exec

import (
	"slices"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// BatchSize is the default number of rows of a batch.
const BatchSize = 256

// Batch is what flows between the operators of a stage: rows, and what is known of each row's time, windows
// and pane.
//
// A batch is lent for the call: who is given one may read it until it returns, may not write to any of its
// columns, and copies what it keeps.
type Batch[T any] struct {
	V    []T
	Meta Meta // not embedded: its methods would be compiled again for each type
}

// Meta is the timestamps, window sets and panes of the rows of a batch, in columns. A column that is nil means
// that all rows are alike, which is the common case and costs nothing.
type Meta struct {
	T0 mtime.Time   // the timestamp of all rows, if T is nil
	T  []mtime.Time // one per row, or nil

	Sets *WindowSets // the window sets that S refers to; nil means the global window for all rows
	S    []uint32    // for each row its set, or nil: all rows are in set 0

	P0 window.Pane   // the pane of all rows, if P is nil
	P  []window.Pane // one per row, or nil
}

// Time returns the timestamp of row i.
func (m *Meta) Time(i int) mtime.Time {
	if m.T == nil {
		return m.T0
	}
	return m.T[i]
}

// Windows returns the windows that row i is in. The slice belongs to the batch.
func (m *Meta) Windows(i int) []window.Window {
	if m.Sets == nil {
		return globalSet
	}
	if m.S == nil {
		return m.Sets.Set(0)
	}
	return m.Sets.Set(m.S[i])
}

// Pane returns the pane of row i.
func (m *Meta) Pane(i int) window.Pane {
	if m.P == nil {
		return m.P0
	}
	return m.P[i]
}

// Uniform reports whether all rows have the same timestamp, windows and pane.
func (m *Meta) Uniform() bool { return m.T == nil && m.S == nil && m.P == nil }

// Slice returns the part [lo, hi) of m. It shares the columns.
func (m *Meta) Slice(lo, hi int) Meta {
	s := *m
	if m.T != nil {
		s.T = m.T[lo:hi]
	}
	if m.S != nil {
		s.S = m.S[lo:hi]
	}
	if m.P != nil {
		s.P = m.P[lo:hi]
	}
	return s
}

// GlobalMeta is the meta of rows at t in the global window that no grouping has touched.
func GlobalMeta(t mtime.Time) Meta { return Meta{T0: t, P0: window.NoFiring} }

var globalSet = []window.Window{window.Global}

// WindowSets is a table of window sets: a row is in one or more windows. It belongs to one batch, or is
// constant; nothing in it grows with the stream.
type WindowSets struct {
	off []uint32 // set i is win[off[i]:off[i+1]]
	win []window.Window
}

// NewWindowSets returns a table that holds the given windows as set 0.
func NewWindowSets(ws ...window.Window) *WindowSets {
	s := &WindowSets{}
	s.Add(ws...)
	return s
}

// Set returns the windows of set i. The slice belongs to the table.
func (s *WindowSets) Set(i uint32) []window.Window { return s.win[s.off[i]:s.off[i+1]] }

// Len is the number of sets.
func (s *WindowSets) Len() int { return max(len(s.off)-1, 0) }

// Add appends a set and returns its number.
func (s *WindowSets) Add(ws ...window.Window) uint32 {
	if len(s.off) == 0 {
		s.off = append(s.off, 0)
	}
	s.win = append(s.win, ws...)
	s.off = append(s.off, uint32(len(s.win)))
	return uint32(len(s.off) - 2)
}

// Reset empties the table, keeping its memory.
func (s *WindowSets) Reset() { s.off, s.win = s.off[:0], s.win[:0] }

// A Sink takes batches: the input of an operator. It has no type parameter, so that operators need none that pass rows on as
// they are; who wants another type than it is given panics.
type Sink interface {
	// Push processes the rows of b, a *Batch of the operator's input type. An error ends the bundle. b is lent for the call.
	Push(b any) error
}

// Clone returns a copy of m that shares nothing with it.
func (m *Meta) Clone() Meta {
	c := *m
	c.T = slices.Clone(m.T)
	c.S = slices.Clone(m.S)
	c.P = slices.Clone(m.P)
	if m.Sets != nil {
		c.Sets = &WindowSets{off: slices.Clone(m.Sets.off), win: slices.Clone(m.Sets.win)}
	}
	return c
}
